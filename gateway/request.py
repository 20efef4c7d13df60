"""The client's request with its body read once into memory.

``wsgi.input`` is read exactly once, whoever asks first; everybody after that
gets a reader of its own over the same immutable bytes (``io.BytesIO(data)``
shares them: a copy costs nothing). The server's stream is never handed on.

PEP 3333 forbids closing ``wsgi.input``; it is read to its end instead.
"""

from __future__ import annotations

import io
from functools import cached_property
from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Request

from gateway.errors import BadRequest, BodyTooLarge, LengthRequired
from gateway.headers import Field, check_fields, received_fields
from gateway.target import raw_target

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_KEY = "gateway.request"


class BufferedRequest(Request):
    """A werkzeug request over a private copy of ``environ`` and the buffered body.

    ``body``: the bytes as received (still encoded, if they were).
    ``had_body``: whether the request announced a body, even an empty one.
    ``fields``: header fields as received. ``target``: the raw request-target.
    """

    def __init__(self, environ: WSGIEnvironment, body: bytes, *, had_body: bool) -> None:
        own = dict(environ)
        own["wsgi.input"] = io.BytesIO(body)
        if had_body:
            own["CONTENT_LENGTH"] = str(len(body))
            own.pop("HTTP_TRANSFER_ENCODING", None)
        super().__init__(own, populate_request=False, shallow=False)
        self.body = body
        self.had_body = had_body
        self.fields: tuple[Field, ...] = received_fields(environ)
        check_fields(self.fields)

    @cached_property
    def target(self) -> str:
        """The request-target in origin-form, never decoded or normalised."""
        return raw_target(self.environ)

    def reader(self) -> io.BytesIO:
        """A new reader at the start of the body, for one consumer."""
        return io.BytesIO(self.body)

    @classmethod
    def of(cls, environ: WSGIEnvironment, max_body: int) -> BufferedRequest:
        """The request of this ``environ``: read now, or the one read before.

        Raises ``BodyTooLarge`` (more than ``max_body`` bytes), ``BadRequest``
        (shorter than announced), ``LengthRequired``.
        """
        known = environ.get(_KEY)
        if known is not None:
            return known  # type: ignore[no-any-return]
        try:
            body, had_body = read_body(environ, max_body)
        except OSError as error:
            # Reset, or framing the server found broken: gunicorn's chunk errors are OSErrors.
            raise BadRequest("The body could not be read to its end.") from error
        request = cls(environ, body, had_body=had_body)
        environ[_KEY] = request
        environ["wsgi.input"] = request.reader()
        return request

    @staticmethod
    def known(environ: WSGIEnvironment) -> BufferedRequest | None:
        """The request of this ``environ`` if it was read before; reads nothing."""
        return environ.get(_KEY)


def body_size(environ: WSGIEnvironment) -> int:
    """Bytes of the body that were read; what was announced, where nobody has read it."""
    known = environ.get(_KEY)
    if known is not None:
        return len(known.body)
    announced = environ.get("CONTENT_LENGTH") or ""
    fits = announced.isascii() and announced.isdigit() and len(announced) < 19
    return int(announced) if fits else 0


def read_body(environ: WSGIEnvironment, max_body: int) -> tuple[bytes, bool]:
    """The whole body, and whether one was announced.

    A body over the limit is refused from its Content-Length, before a byte is
    read; a chunked one as soon as it has grown past the limit.
    """
    announced = environ.get("CONTENT_LENGTH")
    if announced:
        return _read_sized(environ["wsgi.input"], _length(announced), max_body), True
    if "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower():
        return _read_chunked(environ, max_body), True
    return b"", False


def _length(announced: str) -> int:
    # str.isdigit alone would let other scripts' digits and "²" pass.
    if not (announced.isascii() and announced.isdigit()):
        raise BadRequest("Content-Length is not a number.")
    return int(announced)


def _read_sized(stream: Any, length: int, max_body: int) -> bytes:
    if length > max_body:
        raise _too_large(max_body)
    parts, missing = [], length
    while missing:
        part = stream.read(missing)
        if not part:
            # The server reports no error here: forwarding it would be forwarding a lie.
            raise BadRequest(f"The body ended after {length - missing} of {length} bytes.")
        parts.append(part)
        missing -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _read_chunked(environ: WSGIEnvironment, max_body: int) -> bytes:
    if not environ.get("wsgi.input_terminated"):
        raise LengthRequired("Send a Content-Length: this server cannot take chunked bodies.")
    stream = environ["wsgi.input"]
    parts: list[bytes] = []
    size = 0
    while size <= max_body:
        part = stream.read(max_body + 1 - size)
        if not part:
            return b"".join(parts)
        parts.append(part)
        size += len(part)
    raise _too_large(max_body)


def _too_large(max_body: int) -> BodyTooLarge:
    return BodyTooLarge(f"The body is larger than {max_body} bytes.")
