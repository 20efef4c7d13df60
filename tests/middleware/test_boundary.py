"""Every request gets an answer, and errors are answers too."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from typing import Any

import pytest

from gateway.errors import BodyTooLarge, LiveTimedOut, Refusal
from gateway.exchange import Exchange, Refused
from gateway.middleware.boundary import Boundary


class Server:
    """What a WSGI server would have got."""

    def __init__(self, app: Any, **environ: Any) -> None:
        self.status = ""
        self.headers: dict[str, str] = {}
        sent = {
            "REQUEST_METHOD": "GET",
            "RAW_URI": "/a?secret",
            "REMOTE_ADDR": "192.0.2.1",
            "HTTP_HOST": "h",
            "HTTP_X_REQUEST_ID": "rid",
            **environ,
        }
        self.body = b"".join(app(sent, self._start))

    def _start(self, status: str, headers: Any, exc_info: Any = None) -> Any:
        self.status, self.headers = status, dict(headers)
        return lambda data: None


def raising(error: BaseException) -> Any:
    def app(environ: Any, start: Any) -> Iterable[bytes]:
        raise error

    return Boundary(app)


def test_a_refusal_is_a_problem_document() -> None:
    """RFC 9457, with the request id; fields of the refusal go along."""
    server = Server(raising(BodyTooLarge("Too long.", headers=[("Retry-After", "1")])))
    assert server.status == "413 Content Too Large"
    assert server.headers["Content-Type"] == "application/problem+json"
    assert server.headers["Retry-After"] == "1"
    assert server.headers["Content-Length"] == str(len(server.body))
    assert json.loads(server.body) == {
        "type": "about:blank",
        "title": "Content Too Large",
        "status": 413,
        "detail": "Too long.",
        "request_id": "rid",
    }


def test_an_error_of_our_own_is_a_500_that_tells_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """The log has the traceback, the client has the id to find it."""
    with caplog.at_level(logging.ERROR):
        server = Server(raising(ValueError("secret")))
    assert server.status == "500 Internal Server Error"
    assert b"secret" not in server.body
    assert caplog.records[0].exc_info is not None
    assert "rid" in caplog.text


def test_a_fault_of_the_upstream_is_logged_with_its_cause(caplog: pytest.LogCaptureFixture) -> None:
    """A fault of the client is not: it could flood the log."""
    refusal = LiveTimedOut("Too slow.")
    refusal.__cause__ = TimeoutError("after 60 s")
    Server(raising(refusal))
    Server(raising(BodyTooLarge("Too long.")))
    (record,) = caplog.records
    assert record.getMessage() == "GET /a from 192.0.2.1 [rid]: 504: after 60 s"


@pytest.mark.parametrize(
    ("error", "word"),
    [(LiveTimedOut("Too slow."), "live_timed_out"), (ValueError("ours"), "internal_error")],
    ids=["refusal", "error"],
)
def test_what_was_refused_is_noted_for_metrics_and_log(error: Exception, word: str) -> None:
    """In words of a small fixed set."""
    environ: dict[str, Any] = {"REQUEST_METHOD": "GET", "HTTP_HOST": "h"}
    list(raising(error)(environ, lambda status, headers, exc_info=None: None))
    assert Exchange.of(environ).refused == Refused("boundary", word)


def test_what_is_fine_passes_untouched() -> None:
    """Status, fields and body."""

    def app(environ: Any, start: Any) -> Iterable[bytes]:
        start("201 Made", [("X", "y")])
        return [b"a", b"b"]

    server = Server(Boundary(app))
    assert (server.status, server.headers, server.body) == ("201 Made", {"X": "y"}, b"ab")


@pytest.mark.parametrize(
    ("environ", "status"),
    [
        ({"REQUEST_METHOD": "CONNECT"}, "405"),
        ({"REQUEST_METHOD": "TRACE"}, "405"),
        ({"HTTP_TRANSFER_ENCODING": "gzip, chunked"}, "501"),
    ],
    ids=["connect", "trace", "gzip"],
)
def test_what_no_gateway_may_forward_does_not_get_in(environ: dict[str, str], status: str) -> None:
    """The application is not called."""
    server = Server(raising(AssertionError("called")), **environ)
    assert server.status.startswith(status)
    assert ("Allow" in server.headers) is (status == "405")


def test_a_missing_host_is_refused_in_http_1_1_only() -> None:
    """RFC 9112 section 3.2; HTTP/1.0 has none."""
    app = raising(Refusal("called"))

    def without_host(protocol: str) -> str:
        environ: dict[str, Any] = {"REQUEST_METHOD": "GET", "SERVER_PROTOCOL": protocol}
        said: list[str] = []
        list(app(environ, lambda status, headers, exc_info=None: said.append(status)))
        return said[0]

    assert without_host("HTTP/1.1").startswith("400")
    assert without_host("HTTP/1.0").startswith("500")
