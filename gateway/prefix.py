"""Forwarding without the prefix that a gateway is mounted under (``strip_prefix``).

A dispatcher in front (werkzeug's ``DispatcherMiddleware``, a ``WSGIScriptAlias``)
tells where an application is mounted in ``SCRIPT_NAME``; the raw target still has it.
Left alone, the whole target is forwarded, as nginx's ``proxy_pass`` without a path
and Traefik's ``PathPrefix`` do: the new service then has the addresses that clients
know. This takes the prefix off, as ``proxy_pass`` with a path and Traefik's
``StripPrefix`` do, and tells it in ``X-Forwarded-Prefix``, as the latter.

Outermost, so that every rule of the chain sees the target that is forwarded.
Not done here: prefixes in answers (``Location``, links); the field tells the service.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote_to_bytes

from gateway.errors import Refusal
from gateway.headers import received_fields
from gateway.target import PATH_SAFE, path_of, raw_target

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# What stands for one byte of a decoded path.
_PIECES = re.compile(r"%[0-9A-Fa-f]{2}|.", re.DOTALL)
_FIELD = "X-Forwarded-Prefix"


class StripPrefix:
    """Middleware that takes ``SCRIPT_NAME`` off the request's target."""

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        prefix = environ.get("SCRIPT_NAME", "")
        return self._app(_below(environ, prefix) if prefix else environ, start_response)

    def __repr__(self) -> str:
        return f"<StripPrefix {self._app!r}>"


def _below(environ: WSGIEnvironment, prefix: str) -> WSGIEnvironment:
    """A request's environ as if its prefix were not there. The caller's stays as it is."""
    try:
        target = raw_target(environ)
    except Refusal:
        return environ  # refused further in, with an answer
    sent = quote(prefix.encode("latin-1"), safe=PATH_SAFE)
    # What a client says about it is none of its business, whatever case it says it in.
    fields = [f for f in received_fields(environ) if f[0].lower() != _FIELD.lower()]
    own = dict(environ)
    own["gateway.fields"] = (*fields, (_FIELD, sent))
    own["HTTP_X_FORWARDED_PREFIX"] = sent
    own["SCRIPT_NAME"] = ""
    own["RAW_URI"] = own["REQUEST_URI"] = without_prefix(target, prefix) or ""
    return own


def without_prefix(target: str, prefix: str) -> str | None:
    """A raw target without the path that decodes to ``prefix``; the rest is not touched.

    None where it does not begin with that: a server has rewritten the path, and what is
    forwarded is what it made of it (``PATH_INFO``).
    """
    wanted = prefix.encode("latin-1")
    seen, end = b"", 0
    for piece in _PIECES.finditer(path_of(target)):
        if len(seen) >= len(wanted):
            break
        seen += unquote_to_bytes(piece[0].encode("latin-1"))
        end = piece.end()
    rest = target[end:]
    if seen != wanted or (rest and rest[0] not in "/?"):
        return None
    return rest if rest.startswith("/") else "/" + rest
