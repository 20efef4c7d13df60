"""A WSGI application whose paths do what a test of the server needs."""

from __future__ import annotations

import json
import os
import threading
from asyncio import CancelledError
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from threading import Event
from typing import Any
from urllib.parse import parse_qs

Start = Callable[..., Callable[[bytes], None]]
_closed: Counter[str] = Counter()
_started: Counter[str] = Counter()


def application(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
    """Calls the function below that is named by the path."""
    name = environ["PATH_INFO"].strip("/") or "echo"
    _started[name] += 1
    return globals()[f"do_{name}"](environ, start, parse_qs(environ["QUERY_STRING"]))


def plain(start: Start, body: bytes, status: str = "200 OK") -> Iterable[bytes]:
    start(status, [("Content-Length", str(len(body)))])
    return [body]


def do_echo(environ: dict[str, Any], start: Start, query: Any) -> Iterable[bytes]:
    body = environ["wsgi.input"].read()
    told = {
        "method": environ["REQUEST_METHOD"],
        "target": environ["RAW_URI"],
        "body": body.decode("latin-1"),
        "fields": environ["gateway.fields"],
        "received": environ.get("gateway.received"),
        "thread": threading.current_thread().name,
        "multithread": environ["wsgi.multithread"],
    }
    return plain(start, json.dumps(told).encode())


def do_length(environ: dict[str, Any], start: Start, query: Any) -> Iterable[bytes]:
    return plain(start, b"%d" % len(environ["wsgi.input"].read()))


def do_counts(environ: dict[str, Any], start: Start, query: Any) -> Iterable[bytes]:
    """How often each path was started, and each answer closed, in this process."""
    told = {"started": _started, "closed": _closed, "pid": os.getpid()}
    return plain(start, json.dumps(told).encode())


def do_ignore(environ: dict[str, Any], start: Start, query: Any) -> Iterable[bytes]:
    """Answers without reading its body."""
    return plain(start, b"ignored")


def do_refuse(environ: dict[str, Any], start: Start, query: Any) -> Iterable[bytes]:
    """Refuses by Content-Length, as a gateway does."""
    return plain(start, b"no", "413 Content Too Large")


def do_hold(environ: dict[str, Any], start: Start, query: Any) -> Iterable[bytes]:
    """Touches ``FILE.N`` and answers once FILE exists."""
    gate = Path(query["gate"][0])
    Path(f"{gate}.{query['n'][0]}").touch()
    pause = Event()
    while not gate.exists():
        pause.wait(0.005)
    return plain(start, b"held")


def do_fields(environ: dict[str, Any], start: Start, query: Any) -> Iterable[bytes]:
    """Answers with the status and fields in its body: a JSON list of pairs."""
    fields = [tuple(pair) for pair in json.load(environ["wsgi.input"])]
    start(query.get("status", ["200 OK"])[0], fields)
    return [b"x" * int(query.get("size", ["4"])[0])]


def do_parts(environ: dict[str, Any], start: Start, query: Any) -> Iterable[bytes]:
    """Parts of an answer: no length unless one is asked for; then what ``end`` says."""
    length = query.get("length")
    start("200 OK", [("Content-Length", length[0])] if length else [])
    return Parts(int(query.get("count", ["3"])[0]), int(query.get("size", ["5"])[0]), query)


class Parts:
    """An iterable that counts its closing."""

    def __init__(self, count: int, size: int, query: Any) -> None:
        self._count, self._size = count, size
        self._end = query.get("end", [""])[0]
        self._name = query.get("name", ["parts"])[0]

    def __iter__(self) -> Iterable[bytes]:
        for number in range(self._count):
            yield bytes([ord("a") + number % 26]) * self._size
        if self._end:
            raise {"error": RuntimeError, "os": OSError, "exit": SystemExit}[self._end]("told to")

    def close(self) -> None:
        _closed[self._name] += 1
        if self._end == "error":
            raise ValueError("and close fails, too")


def do_raise(environ: dict[str, Any], start: Start, query: Any) -> Iterable[bytes]:
    kinds = {"os": ConnectionResetError, "exit": SystemExit, "cancelled": CancelledError}
    raise kinds.get(query["what"][0], KeyError)("x")


def do_replace(environ: dict[str, Any], start: Start, query: Any) -> Iterable[bytes]:
    """Starts one answer, then changes its mind."""
    start("200 OK", [("X-First", "1"), ("Content-Length", "99")])
    try:
        raise LookupError("changed its mind")
    except LookupError as error:
        start("404 Gone", [("X-Second", "2"), ("Content-Length", "2")], (type(error), error, None))
    return [b"no"]


def do_write(environ: dict[str, Any], start: Start, query: Any) -> Iterable[bytes]:
    """The write callable of PEP 3333."""
    write = start("200 OK", [])
    write(b"written ")
    return [b"and returned"]


def do_silent(environ: dict[str, Any], start: Start, query: Any) -> Iterable[bytes]:
    """Never calls start_response."""
    return [b"?"]


def do_file(environ: dict[str, Any], start: Start, query: Any) -> Iterable[bytes]:
    """A file by wsgi.file_wrapper."""
    path = query["path"][0]
    length = query.get("length", [str(os.path.getsize(path))])[0]
    start("200 OK", [("Content-Length", length)] if length != "none" else [])
    return environ["wsgi.file_wrapper"](open(path, "rb"))
