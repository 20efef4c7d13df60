"""Admission around any application."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import Client

from gateway.admission.limit import AdaptiveLimit, FixedLimit
from gateway.admission.priority import Priority
from gateway.middleware.admission import Admission
from gateway.routes import RouteTable

PRIORITIES = RouteTable(
    [("/health", (), Priority.HIGH), ("/reports", (), Priority.LOW)], Priority.NORMAL
)


class Busy:
    """A Flask application in which requests to /wait stay until they are let go."""

    def __init__(self, waiting: int, **admission: Any) -> None:
        self.go, self.entered = Event(), Barrier(waiting + 1)
        flask = Flask("busy")

        @flask.route("/wait")
        def wait() -> str:
            self.entered.wait(10)
            self.go.wait(10)
            return "done"

        @flask.route("/<path:any>")
        def now(any: str) -> str:
            return any

        self.shed: list[tuple[str, int]] = []
        self.app = Admission(
            flask,
            admission.pop("limit"),
            priorities=PRIORITIES,
            shed=lambda *told: self.shed.append(told),
        )
        self.client = Client(self.app)
        self.threads = ThreadPoolExecutor(waiting)
        self.waiting = [
            self.threads.submit(self.client.get, "/wait", buffered=True) for _ in range(waiting)
        ]
        self.entered.wait(10)

    def __enter__(self) -> Busy:
        return self

    def __exit__(self, *exc: object) -> None:
        self.go.set()
        self.threads.shutdown()

    def status(self, path: str) -> int:
        return self.client.get(path).status_code


def test_over_the_limit_a_request_is_refused_at_once() -> None:
    """With a problem document and Retry-After; and counted."""
    with Busy(4, limit=FixedLimit(4)) as busy:
        answer = busy.client.get("/now")
        assert answer.status_code == 503
        assert answer.headers["Retry-After"] == "1"
        assert json.loads(answer.data)["status"] == 503
        assert busy.shed == [("overloaded", 1)]
        busy.go.set()
        assert {call.result().status_code for call in busy.waiting} == {200}
        assert busy.status("/now") == 200


@pytest.mark.parametrize(
    ("path", "status"),
    [("/health", 200), ("/orders", 200), ("/reports/1", 503)],
    ids=["high", "normal", "low"],
)
def test_low_priority_is_refused_before_the_limit_is_reached(path: str, status: int) -> None:
    """Some room is left for what matters more."""
    with Busy(6, limit=FixedLimit(8)) as busy:
        assert busy.status(path) == status


def test_high_priority_is_never_refused() -> None:
    """A health check that fails under load takes the whole machine out."""
    with Busy(4, limit=FixedLimit(4)) as busy:
        assert busy.status("/health") == 200
        assert busy.status("/orders") == 503
        assert busy.status("/health/../orders") == 503  # which upstreams may read as that


def test_what_the_server_has_admitted_passes() -> None:
    """The default worker asks before it calls."""
    with Busy(1, limit=FixedLimit(1)) as busy:
        answer = busy.client.get("/now", environ_overrides={"gateway.admitted": True})
        assert answer.status_code == 200


def raising(environ: Any, start_response: Any) -> Iterable[bytes]:
    raise ValueError


def breaking(environ: Any, start_response: Any) -> Iterator[bytes]:
    start_response("200 OK", [])
    yield b"a"
    raise ValueError


def streaming(environ: Any, start_response: Any) -> Iterator[bytes]:
    start_response("200 OK", [])
    yield b"a"
    yield b"b"


def exhausted(answer: Iterable[bytes]) -> None:
    for _ in answer:
        pass


def left_early(answer: Iterable[bytes]) -> None:
    next(iter(answer))


@pytest.mark.parametrize(
    ("app", "read"),
    [(raising, exhausted), (breaking, exhausted), (streaming, left_early), (streaming, exhausted)],
    ids=["raises", "raises-midway", "client-leaves", "complete"],
)
def test_a_place_is_given_back_once_however_the_request_ends(
    app: Any, read: Callable[[Iterable[bytes]], None]
) -> None:
    """Also when the answer is closed twice."""
    admission = Admission(app, FixedLimit(1))
    for _ in range(3):
        environ: dict[str, Any] = {"REQUEST_METHOD": "GET", "PATH_INFO": "/"}
        answer: Any = ()
        try:
            answer = admission(environ, lambda *started: None)  # type: ignore[arg-type,misc]
            read(answer)
        except ValueError:
            pass
        for _ in range(2):
            getattr(answer, "close", lambda: None)()
        assert "refused" not in str(environ)
        assert repr(admission).startswith("<Admission [0 in progress")


def test_lateness_is_told_to_the_limit() -> None:
    """With how many were in progress meanwhile."""
    limit = AdaptiveLimit(64, 0.005)
    with Busy(30, limit=limit) as busy:
        busy.app.observe(1.0)
        assert limit.value == 24
