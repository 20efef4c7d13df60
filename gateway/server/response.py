"""The application's answer on the wire, exactly as the application gave it.

gunicorn's ``Response`` drops ``Server``, ``Date`` and ``Proxy-Authenticate`` and
adds its own: right for an origin, wrong for a gateway.  Here nothing is added
but framing and what the connection itself needs (RFC 9112 sections 6 and 9),
and nothing is dropped but what RFC 9110 section 7.6.1 says is about one hop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from .fields import connection_options
from .stock import (
    HEADER_VALUE_RE,
    TOKEN_RE,
    InvalidResponseHeader,
    InvalidResponseHeaderName,
    Response,
)

HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade"}
)
# A first part up to this size is copied into one packet with the head.
_JOIN_BYTES = 64 * 1024


class AnswerTooShort(Exception):
    """The application ended its answer before its own Content-Length."""


@lru_cache(maxsize=1024)
def _checked_name(name: str) -> str:
    """The name in lower case, if it is one. Bounded: names come from upstreams."""
    if not TOKEN_RE.fullmatch(name):
        raise InvalidResponseHeaderName(repr(name))
    return name.lower()


class ExactResponse(Response):  # type: ignore[misc]
    """One answer.

    ``sock`` is a ``Sink``: it writes, waits or raises ``ClientGone``. ``may_keep`` is asked
    when the head is made: a worker may have begun to stop while the application worked.
    """

    must_close: bool
    headers_sent: bool

    def __init__(self, req: Any, sock: Any, cfg: Any, may_keep: Callable[[], bool]) -> None:
        super().__init__(req, sock, cfg)
        self._may_keep = may_keep
        self._client_options: set[str] | None = None

    def process_headers(self, headers: Iterable[tuple[str, str]]) -> None:
        """Check and keep the application's fields; its framing stays ours to decide."""
        fields = list(headers)
        # start_response may be called again with exc_info: the first fields are void.
        self.headers, self.response_length = [], None
        dropped: frozenset[str] | set[str] = HOP_BY_HOP
        for name, value in fields:
            lower = _checked_name(name)
            if not HEADER_VALUE_RE.fullmatch(value):
                raise InvalidResponseHeader(repr(name))  # the value may be a secret
            if lower == "connection":
                options = connection_options(fields)
                self.must_close = self.must_close or "close" in options
                dropped = HOP_BY_HOP | (options - {"content-length"})
            elif lower == "content-length":
                self.response_length = self._length(value)
        self.headers = [field for field in fields if _checked_name(field[0]) not in dropped]

    def _length(self, value: str) -> int:
        digits = value.strip(" \t")
        if self.response_length is not None or not (digits.isascii() and digits.isdecimal()):
            raise InvalidResponseHeader("'Content-Length'")  # RFC 9112 section 6.3
        return int(digits)

    def client_closes(self) -> bool:
        """Whether the client asked for a close (RFC 9112 section 9.3)."""
        options = self._client_options
        if options is None:
            options = self._client_options = connection_options(self.req.headers)
        if self.req.version <= (1, 0):
            return "keep-alive" not in options
        return "close" in options

    def ends_with_connection(self) -> bool:
        """Whether only the connection's end tells the client where the answer ends."""
        return self.response_length is None and not self.chunked and not self._omits_body

    def should_close(self) -> bool:
        """Whether the connection ends with this answer."""
        return bool(
            self.must_close
            or self.req.must_close
            or self.req.method == "CONNECT"  # RFC 9931 section 8: what follows is no request
            or self.status_code < 200  # an interim answer is never a final one
            or self.ends_with_connection()
            or self.client_closes()
        )

    def _head(self) -> bytes:
        if self.status is None:
            raise RuntimeError("the application did not call start_response")
        code, _, reason = self.status.partition(" ")
        lines = [f"HTTP/1.1 {code} {reason}\r\n"]
        lines += [f"{name}: {value}\r\n" for name, value in self.headers]
        if self.chunked:
            lines.append("Transfer-Encoding: chunked\r\n")
        self.must_close = self.must_close or not self._may_keep()
        if self.should_close():
            lines.append("Connection: close\r\n")
        elif self.req.version <= (1, 0):
            lines.append("Connection: keep-alive\r\n")
        lines.append("\r\n")
        return "".join(lines).encode("latin-1")

    def send_headers(self) -> None:
        """Write the head alone, if it is not written yet."""
        if not self.headers_sent:
            self._emit(b"")

    def write(self, data: bytes) -> None:
        """Write one part of the body, after the head and in one piece with it."""
        if not isinstance(data, bytes):
            raise TypeError(f"{data!r} is not bytes")
        if self._omits_body:
            data = b""
        elif self.response_length is not None:
            data = data[: self.response_length - self.sent]
        self.sent += len(data)
        self._emit(b"%X\r\n%b\r\n" % (len(data), data) if self.chunked and data else data)

    def close(self) -> None:
        """End the answer. Raises ``AnswerTooShort``: a cut answer must not look whole."""
        if not self._omits_body and self.sent < (self.response_length or 0):
            raise AnswerTooShort(f"{self.sent} of {self.response_length} bytes")
        end = b"0\r\n\r\n" if self.chunked else b""
        if not self.headers_sent:
            self._emit(end)
        elif end:
            self.sock.sendlast(end)

    def sendfile(self, respiter: Any) -> bool:
        """gunicorn's, where the file is the whole answer; else its parts are written one by one."""
        if self.chunked or not super().sendfile(respiter):
            return False
        if not self._omits_body:
            self.sent = self.response_length or 0
        return True

    def _emit(self, data: bytes) -> None:
        if self.headers_sent:
            if data:
                self.sock.sendall(data)
            return
        head = self._head()
        self.headers_sent = True
        if len(data) <= _JOIN_BYTES:
            self.sock.sendall(head + data)
        else:
            self.sock.sendall(head)
            self.sock.sendall(data)
