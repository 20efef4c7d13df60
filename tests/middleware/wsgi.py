"""A WSGI server in a few lines, for middlewares around any application."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from typing import Any


class Got:
    """One answer as a server gets it; ``start`` is its ``start_response``.

    ``written``: what was handed to ``write``, before the parts of the body.
    """

    def __init__(self) -> None:
        self.status = ""
        self.fields: list[tuple[str, str]] = []
        self.parts: list[bytes] = []
        self.starts = 0

    def start(self, status: str, fields: Any, exc_info: Any = None) -> Callable[[bytes], Any]:
        if self.parts and exc_info:
            raise exc_info[1].with_traceback(exc_info[2])
        self.status, self.fields = status, list(fields)
        self.starts += 1
        return self.parts.append

    @property
    def body(self) -> bytes:
        return b"".join(self.parts)

    def values(self, name: str) -> list[str]:
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def value(self, name: str) -> str | None:
        values = self.values(name)
        assert len(values) <= 1, values
        return values[0] if values else None


def environ(method: str = "GET", target: str = "/", **more: Any) -> dict[str, Any]:
    """What a server tells about a request."""
    path, _, query = target.partition("?")
    return {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "RAW_URI": target,
        "SERVER_NAME": "server.test",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "192.0.2.1",
        "HTTP_HOST": "server.test",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        **more,
    }


def call(app: Any, method: str = "GET", target: str = "/", **more: Any) -> Got:
    """One request and its whole answer, closed at the end."""
    got = Got()
    answer = app(environ(method, target, **more), got.start)
    try:
        got.parts += answer
    finally:
        if hasattr(answer, "close"):
            answer.close()
    return got


class Answer:
    """A body that counts how often it is closed, and may raise on the way."""

    def __init__(self, parts: Iterable[bytes | Exception]) -> None:
        self._parts = iter(parts)
        self.closed = 0

    def __iter__(self) -> Iterator[bytes]:
        for part in self._parts:
            if isinstance(part, Exception):
                raise part
            yield part

    def close(self) -> None:
        self.closed += 1
