"""What a WSGI application is told of a request: gunicorn's environ, with less work.

gunicorn makes all of it anew each time, of which most is the same for every request: it looks
up a logger, an environment variable, and what a proxy in front may have said.
``tests/server/test_environ.py`` holds this against gunicorn's own, name for name.
"""

from __future__ import annotations

import io
import os
from functools import lru_cache
from typing import Any

from .stock import (
    ConfigurationProblem,
    ErrorStreams,
    Response,
    base_environ,
    create_environ,
    early_hints,
    unquoted,
)

_PLAIN = {"CONTENT-TYPE": "CONTENT_TYPE", "CONTENT-LENGTH": "CONTENT_LENGTH"}
_LAST_COUNTS = frozenset(_PLAIN.values())


class StockEnvirons:
    """gunicorn's own, for whatever it speaks. ``cfg``: its settings.

    Threads: any.
    """

    def __init__(self, cfg: Any) -> None:
        self._cfg = cfg

    def of(
        self, request: Any, sink: Any, client: Any, server: Any, response: Response
    ) -> dict[str, Any]:
        """That of a request. ``client``, ``server``: addresses, as sockets have them.

        Raises gunicorn's ``ConfigurationProblem`` for a path outside of ``SCRIPT_NAME``.
        """
        made: dict[str, Any]
        _, made = create_environ(
            request, sink, client, server, self._cfg, response_class=lambda *args: response
        )
        return made

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


class Environs(StockEnvirons):
    """The same for HTTP/1 without the PROXY protocol.

    Threads: any.
    """

    def __init__(self, cfg: Any) -> None:
        super().__init__(cfg)
        self._same = base_environ(cfg)
        self._same["wsgi.errors"] = _Errors(cfg)
        self._script = os.environ.get("SCRIPT_NAME", "")

    def of(
        self, request: Any, sink: Any, client: Any, server: Any, response: Response
    ) -> dict[str, Any]:
        """That of a request, as above."""
        if not (type(client) is tuple and type(server) is tuple):  # a Unix socket's
            return super().of(request, sink, client, server, response)
        environ: dict[str, Any] = self._same.copy()
        environ["wsgi.input"] = request.body
        environ["gunicorn.socket"] = sink
        environ["REQUEST_METHOD"] = request.method
        environ["QUERY_STRING"] = request.query
        environ["RAW_URI"] = request.uri
        environ["SERVER_PROTOCOL"] = _protocol(*request.version)
        environ["wsgi.url_scheme"] = request.scheme
        environ["REMOTE_ADDR"], environ["REMOTE_PORT"] = client[0], str(client[1])
        environ["SERVER_NAME"], environ["SERVER_PORT"] = server[0], str(server[1])
        script = _add_fields(environ, request.headers)
        if script is None:
            script = self._script
        environ["SCRIPT_NAME"] = script
        environ["PATH_INFO"] = _path_info(request.path, script)
        environ["wsgi.early_hints"] = early_hints(request, sink, response)
        return environ


def _add_fields(environ: dict[str, Any], fields: list[tuple[str, str]]) -> str | None:
    """Repeated ones joined, at once at the end. Returns what is said to be ``SCRIPT_NAME``."""
    script = None
    repeated: dict[str, list[str]] = {}
    for name, value in fields:
        key = _variable(name)
        if key not in environ or key in _LAST_COUNTS:
            environ[key] = value
        else:
            repeated.setdefault(key, [environ[key]]).append(value)
        if name == "SCRIPT_NAME":
            script = value
    for key, values in repeated.items():
        environ[key] = ",".join(values)
    return script


@lru_cache
def _protocol(major: int, minor: int) -> str:
    return f"HTTP/{major}.{minor}"


@lru_cache(maxsize=1024)
def _variable(name: str) -> str:
    """The cache is bounded, since names come from clients."""
    return _PLAIN.get(name) or "HTTP_" + name.replace("-", "_")


def _path_info(path: str, script: str) -> str:
    if script:
        if not path.startswith(script):
            raise ConfigurationProblem(f"Request path {path!r} is outside SCRIPT_NAME {script!r}")
        path = path[len(script) :]
    # As nearly all: without escapes, and the same in every encoding.
    return path if "%" not in path and path.isascii() else unquoted(path)


class _Errors(io.RawIOBase):
    """gunicorn's error log, wherever that is written to by the time something is."""

    def __init__(self, cfg: Any) -> None:
        self._cfg = cfg

    def write(self, data: Any) -> None:
        """A text, as PEP 3333 has it."""
        ErrorStreams(self._cfg).write(data)
