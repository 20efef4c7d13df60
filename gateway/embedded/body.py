"""A request's body for two readers: taken from the server once, and served to the application.

Up to a limit the body is read before the application is called, which then reads
it from memory: ``read``, ``readline``, iteration, and ``seek`` beside. A body over
the limit is never held: where its length is announced it is not touched at all, and
where it is not, what was read already is served first, then the rest as it comes.

Not done here: refusing anything. A body that breaks off breaks off for the
application too, at the same byte and with the same error.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from gateway.shadow.outcome import Outcome

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


class Body(NamedTuple):
    """``had_body``: whether one was announced, even an empty one."""

    data: bytes
    had_body: bool


_NONE = Body(b"", False)
_EMPTY = Body(b"", True)


def take_body(environ: WSGIEnvironment, limit: int) -> Body | Outcome:
    """The whole body, or why there is none to mirror. Puts a reader of the same in its place."""
    announced = environ.get("CONTENT_LENGTH")
    chunked = "HTTP_TRANSFER_ENCODING" in environ
    if announced and not chunked:
        return _sized(environ, announced, limit)
    if environ.get("wsgi.input_terminated"):
        return _terminated(environ, limit, announced=chunked)
    # Without a length and without that promise a read may wait for ever (PEP 3333,
    # "Input and Error Streams"): the application knows what it does; we do not.
    return Outcome.SKIPPED_UNREADABLE if chunked else _NONE


def _sized(environ: WSGIEnvironment, announced: str, limit: int) -> Body | Outcome:
    if not (announced.isascii() and announced.isdigit()):
        return Outcome.SKIPPED_UNREADABLE
    length = int(announced)
    if length > limit:
        return Outcome.SKIPPED_TOO_LARGE
    if not length:
        return _EMPTY
    data, error = _read(environ["wsgi.input"], length)
    if error is not None or len(data) < length:
        environ["wsgi.input"] = _Chained(data, _Broken(error) if error else io.BytesIO())
        return Outcome.SKIPPED_ABANDONED
    environ["wsgi.input"] = io.BytesIO(data)
    return Body(data, True)


def _terminated(environ: WSGIEnvironment, limit: int, *, announced: bool) -> Body | Outcome:
    stream = environ["wsgi.input"]
    data, error = _read(stream, limit + 1)
    if error is not None:
        environ["wsgi.input"] = _Chained(data, _Broken(error))
        return Outcome.SKIPPED_ABANDONED
    if len(data) > limit:
        environ["wsgi.input"] = _Chained(data, stream)
        return Outcome.SKIPPED_TOO_LARGE
    environ["wsgi.input"] = io.BytesIO(data)
    return Body(data, announced or bool(data))


def _read(stream: Any, most: int) -> tuple[bytes, Exception | None]:
    """Up to so many bytes, fewer only at the end; and what ended it, if not that."""
    parts: list[bytes] = []
    missing = most
    try:
        while missing and (part := stream.read(missing)):
            parts.append(part)
            missing -= len(part)
    except Exception as error:  # noqa: BLE001 - the server's, for the application to see
        return b"".join(parts), error
    return (parts[0] if len(parts) == 1 else b"".join(parts)), None


class _Chained:
    """What was read already, then the rest of the server's stream.

    Nothing is read from there before the application asks for it.
    """

    def __init__(self, data: bytes, rest: Any) -> None:
        self._first = io.BytesIO(data)
        self._rest = rest

    def read(self, size: int | None = -1) -> bytes:
        """As a file's: fewer bytes than asked for only at the end."""
        if size is None or size < 0:
            return b"".join((self._first.read(), self._rest.read()))
        data = self._first.read(size)
        missing = size - len(data)
        if not missing:
            return data
        rest: bytes = self._rest.read(missing)
        return data + rest if data else rest

    def readline(self, size: int | None = -1) -> bytes:
        """As a file's."""
        if size is None or size < 0:
            line = self._first.readline()
            return line if line.endswith(b"\n") else line + self._rest.readline()
        line = self._first.readline(size)
        if line.endswith(b"\n") or len(line) == size:
            return line
        rest: bytes = self._rest.readline(size - len(line))
        return line + rest

    def readlines(self, hint: int | None = -1) -> list[bytes]:
        """As a file's: lines until they are ``hint`` bytes together."""
        lines: list[bytes] = []
        size = 0
        for line in self:
            lines.append(line)
            size += len(line)
            if hint is not None and 0 < hint <= size:
                break
        return lines

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readline, b"")

    def __repr__(self) -> str:
        return f"<_Chained, then {self._rest!r}>"


class _Broken:
    """The end of a stream that broke: says so again to whoever reads up to it."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def read(self, size: int = -1) -> bytes:
        """Raises what the server raised."""
        raise self._error

    readline = read
