"""A request as it goes out: cheap to make, final, and safe to put on the wire.

``requests``' own ``PreparedRequest`` rewrites URLs, joins repeated fields and
costs more than the whole exchange. This one takes what the caller decided and
keeps it byte for byte, in a shape that sessions, adapters and test libraries of
``requests`` understand.

Refused: whatever would let one request be read as two, or as one to another
host: CR, LF or NUL anywhere, a space or control character in the target, names
that are no tokens, targets that do not start with ``/``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from requests import PreparedRequest
from requests.exceptions import InvalidHeader, InvalidURL
from urllib3 import HTTPHeaderDict

from gateway.transport.origin import Origin

_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
# CONNECT asks for a tunnel, which is nothing that could be forwarded here.
_METHOD = rf"(?!CONNECT\b){_TOKEN}"
_TARGET = r"(?:\*|/[^\x00-\x20\x7f]*)"
# CR, LF and NUL are what could end a value before its time; the rest of it is
# the client's and the upstream's business.
_VALUE = r"[^\r\n\x00]*"
# One request head (RFC 9112 section 3).
_HEAD = re.compile(rf"{_METHOD} {_TARGET} HTTP/1\.1\r\n(?:{_TOKEN}: {_VALUE}\r\n)*\r\n")


class OutboundRequest(PreparedRequest):
    """A final request to one upstream.

    ``target``: the raw request-target, base path included, as latin-1 text.
    ``fields``: every field in order, Host and Content-Length among them.
    ``head``: the exact bytes of both. ``parts``: instead of ``body``, for bodies
    that are produced while sending (only from plain ``PreparedRequest``s).
    """

    method: str
    body: bytes | None
    parts: Iterable[bytes] | None = None
    _cookies = None
    _body_position = None
    _url: str | None = None
    _headers: HTTPHeaderDict | None = None

    def __init__(
        self,
        method: str,
        origin: Origin,
        target: str,
        fields: Sequence[tuple[str, str]],
        body: bytes,
    ) -> None:
        # PreparedRequest.__init__ only sets what is set here.
        self.method = method
        self.origin = origin
        self.target = target
        self.fields = fields
        # None, not b"": stock adapters send an empty body without length as chunked.
        self.body = body or None
        self.hooks: dict[str, list[Callable[..., Any]]] = {"response": []}
        self.head = _serialize(method, target, fields)

    # Two attributes of the base class are made only when asked for, and read-only:
    # changing them would not change what is sent.
    @property
    def url(self) -> str:  # type: ignore[override]
        """For ``requests``; ``OPTIONS *`` has no URL of its own and is shown as ``/*``."""
        if self._url is None:
            target = self.target
            self._url = self.origin.address + (target if target != "*" else "/*")
        return self._url

    @property
    def headers(self) -> HTTPHeaderDict:  # type: ignore[override]
        """The fields for stock adapters. What this package sends is ``fields``."""
        if self._headers is None:
            self._headers = HTTPHeaderDict()
            for name, value in self.fields:
                self._headers.add(name, value)
        return self._headers

    @property
    def path_url(self) -> str:
        return self.target

    def __repr__(self) -> str:
        return f"<OutboundRequest {self.method} {self.url}>"


def serialize_head(request: OutboundRequest) -> bytes:
    """The exact bytes sent before the body."""
    return request.head


def _serialize(method: str, target: str, fields: Sequence[tuple[str, str]]) -> bytes:
    lines = [f"{name}: {value}\r\n" for name, value in fields]
    head = f"{method} {target} HTTP/1.1\r\n{''.join(lines)}\r\n"
    # The grammar allows LF only after CR at a line's end, so counting them is
    # what shows that no value brought a line of its own.
    if _HEAD.fullmatch(head) is None or head.count("\n") != len(lines) + 2:
        raise _unsendable(method, target, fields)
    try:
        return head.encode("latin-1")
    except UnicodeEncodeError as error:
        raise InvalidHeader(f"a target or field is not latin-1: {error}") from error


def _unsendable(
    method: str, target: str, fields: Sequence[tuple[str, str]]
) -> InvalidURL | InvalidHeader:
    if not re.fullmatch(_METHOD, method):
        return InvalidHeader(f"{method!r} is not a method that can be forwarded")
    if not re.fullmatch(_TARGET, target):
        return InvalidURL(f"{target!r} is not a request-target that can be sent")
    bad = [n for n, v in fields if not (re.fullmatch(_TOKEN, n) and re.fullmatch(_VALUE, v))]
    return InvalidHeader(f"fields that cannot be sent: {', '.join(map(repr, bad))}")
