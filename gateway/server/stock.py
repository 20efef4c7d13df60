"""What we use of gunicorn, named in one place.

The worker stands on gunicorn's parser, message classes, environ and base
worker, some of them undocumented.  Everything it touches is imported here, so
that a new gunicorn release is checked against this list and nothing else.
"""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

from gunicorn.config import PreRequest as _PreRequest  # type: ignore[import-untyped]
from gunicorn.http import message  # type: ignore[import-untyped]
from gunicorn.http.body import ChunkedReader as ChunkedReader  # type: ignore[import-untyped]
from gunicorn.http.errors import (  # type: ignore[import-untyped]
    ConfigurationProblem as ConfigurationProblem,
)
from gunicorn.http.errors import ExpectationFailed as ExpectationFailed
from gunicorn.http.errors import InvalidResponseHeader as InvalidResponseHeader
from gunicorn.http.errors import InvalidResponseHeaderName as InvalidResponseHeaderName
from gunicorn.http.errors import LimitRequestHeaders as LimitRequestHeaders
from gunicorn.http.errors import LimitRequestLine as LimitRequestLine
from gunicorn.http.errors import NoMoreData as NoMoreData
from gunicorn.http.errors import ParseException as ParseException
from gunicorn.http.errors import UnsupportedTransferCoding as UnsupportedTransferCoding
from gunicorn.http.message import TOKEN_RE as TOKEN_RE  # type: ignore[import-untyped]
from gunicorn.http.message import Request as Request
from gunicorn.http.unreader import Unreader as Unreader  # type: ignore[import-untyped]
from gunicorn.http.wsgi import HEADER_VALUE_RE as HEADER_VALUE_RE  # type: ignore[import-untyped]
from gunicorn.http.wsgi import Response as Response
from gunicorn.http.wsgi import WSGIErrorsWrapper as _WSGIErrorsWrapper
from gunicorn.http.wsgi import _make_early_hints_callback
from gunicorn.http.wsgi import base_environ as _base_environ
from gunicorn.http.wsgi import create as _create
from gunicorn.sock import ssl_context as _ssl_context  # type: ignore[import-untyped]
from gunicorn.util import close as _close  # type: ignore[import-untyped]
from gunicorn.util import load_class as _load_class
from gunicorn.util import unquote_to_wsgi_str as _unquote_to_wsgi_str
from gunicorn.workers.base import Worker as Worker  # type: ignore[import-untyped]
from gunicorn.workers.gthread import TConn as _TConn  # type: ignore[import-untyped]
from gunicorn.workers.gthread import ThreadWorker as ThreadWorker

# (request, sock, client, server, cfg, response_class, response_args) -> (response, environ)
create_environ = _create
# (cfg) -> what is in every environ
base_environ = _base_environ
# (request, sock, response) -> what sends 103
early_hints = _make_early_hints_callback
# (cfg) -> a file of the streams that the error log has now
ErrorStreams = _WSGIErrorsWrapper
# (path) -> PATH_INFO
unquoted = _unquote_to_wsgi_str
# (cfg) -> what the settings say about TLS towards clients
tls_context = _ssl_context
# (sock), whatever state that is in
close_socket = _close
# A connection of gthread's.
ThreadConnection = _TConn
# (dotted name) -> class
load_class = _load_class


def accept_raw_targets() -> None:
    """Let the parser take a target with bytes above ASCII, as browsers' UTF-8 without escapes.

    RFC 9112 section 3.2 lets a server refuse them, and gunicorn 27 does. A gateway
    would then refuse what the live upstream has been answering. Controls, DEL and
    spaces stay refused. There is no setting: the check reads this name at each request.
    """
    message.RFC9112_TARGET_INVALID = re.compile(r"[^\x21-\x7e\x80-\xff]")


def _nothing(worker: Any, request: Any) -> None:
    """A hook that does nothing."""


def frozen(cfg: Any) -> Any:
    """The same settings as plain attributes.

    gunicorn's ``Config`` looks each value up in a dictionary of setting objects
    at every access; one request makes thirty of them, half the cost of parsing it.
    """
    values = {name: getattr(cfg, name) for name in cfg.settings}
    logs_by_level = not (cfg.logconfig or cfg.logconfig_dict or cfg.logconfig_json)
    if cfg.pre_request is _PreRequest.default and logs_by_level and cfg.loglevel.lower() != "debug":
        # All it does is to have a line written where debug lines are.
        values["pre_request"] = _nothing
    if not (cfg.secure_scheme_headers or cfg.forwarder_headers):
        # Nobody can be trusted with anything: no use in parsing each peer's address for it.
        values["forwarded_allow_ips"] = ["*"]
    return SimpleNamespace(
        **values,
        is_ssl=cfg.is_ssl,
        forwarded_allow_networks=cfg.forwarded_allow_networks,
        proxy_allow_networks=cfg.proxy_allow_networks,
    )
