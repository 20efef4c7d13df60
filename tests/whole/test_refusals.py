"""Bad input, and a live side that fails: problem+json with the right status, nothing lost."""

from __future__ import annotations

import json
import socket
from threading import Event

import pytest

from tests.support.client import Answer
from tests.support.gateway import GatewayProcess, gateway
from tests.support.upstream import OK, Upstream, reset, stalled, upstream
from tests.support.waiting import wait_for

LIMIT = 64 * 1024
VARIANTS = True  # see conftest.py


def problem(answer: Answer, status: int) -> dict[str, object]:
    """The problem document of a refusal, checked."""
    assert answer.status == status
    assert answer.values("Content-Type") == ["application/problem+json"]
    document: dict[str, object] = json.loads(answer.body)
    assert document["status"] == status
    assert set(document) == {"type", "title", "status", "detail", "request_id"}
    return document


@pytest.mark.parametrize("chunked", [False, True], ids=["content-length", "chunked"])
def test_a_body_over_the_limit_is_refused_and_the_client_gets_to_read_it(
    chunked: bool, running: GatewayProcess, live: Upstream, shadow: Upstream
) -> None:
    """413 before the upstream is bothered, though the client goes on sending all of it."""
    body = b"x" * (LIMIT * 100)
    if chunked:
        head, body = b"Transfer-Encoding: chunked", b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    else:
        head = b"Content-Length: %d" % len(body)
    with running.client() as client:
        client.send(b"POST / HTTP/1.1\r\nHost: g\r\n" + head + b"\r\n\r\n")
        client.send(body)
        problem(client.answer(), 413)
        assert client.closed()
    running.quiet()
    assert (live.taken(), shadow.taken()) == ([], [])


def test_one_byte_over_the_limit_is_over_the_limit(running: GatewayProcess, live: Upstream) -> None:
    """And the limit itself is not (test_forwarding has that)."""
    with running.client() as client:
        problem(client.request("POST", "/", body=b"x" * (LIMIT + 1)), 413)


def test_a_refusal_asks_for_no_body(running: GatewayProcess, live: Upstream) -> None:
    """A client that waits for 100 Continue gets the 413 instead."""
    with running.client() as client:
        head = f"POST / HTTP/1.1\r\nHost: g\r\nExpect: 100-continue\r\nContent-Length: {LIMIT + 1}"
        client.send(head.encode() + b"\r\n\r\n")
        line, _ = client.head()
    assert line.split(" ")[1] == "413"


def test_a_short_body_is_refused(running: GatewayProcess, live: Upstream, shadow: Upstream) -> None:
    """Forwarding it would be forwarding a lie, to either side."""
    with running.client() as client:
        client.send(b"POST / HTTP/1.1\r\nHost: g\r\nContent-Length: 10\r\n\r\nabc")
        client.socket.shutdown(socket.SHUT_WR)
        problem(client.answer(), 400)
    running.quiet()
    assert (live.taken(), shadow.taken()) == ([], [])


BAD_REQUESTS = {
    "no-host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "two-hosts": (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    "two-lengths": (
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        400,
    ),
    "length-and-chunked": (
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"0\r\n\r\n",
        400,
    ),
    "gzip-then-chunked": (
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        501,
    ),
    "bad-chunk": (
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n\r\n",
        400,
    ),
    "nul": (b"GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n", 400),
    "folding": (b"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", 400),
    "space-before-colon": (b"GET / HTTP/1.1\r\nHost: a\r\nX : a\r\n\r\n", 400),
    "connect": (b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 405),
    "trace": (b"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", 405),
    "fragment": (b"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "huge-head": (
        b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X-A: %b\r\n" % (b"a" * 8000) * 40 + b"\r\n",
        431,
    ),
}


@pytest.mark.parametrize(("sent", "status"), BAD_REQUESTS.values(), ids=BAD_REQUESTS)
def test_what_cannot_be_forwarded_is_refused(
    sent: bytes, status: int, running: GatewayProcess, live: Upstream, shadow: Upstream
) -> None:
    """Before either upstream hears of it."""
    with running.client() as client:
        client.send(sent)
        refused = problem(client.answer(), status)
        if status == 405:
            assert refused["detail"]
    running.quiet()
    assert (live.taken(), shadow.taken()) == ([], [])


BAD_ANSWERS = {
    "reset": reset,
    "closed": None,
    "not-http": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "no-colon": b"HTTP/1.1 200 OK\r\nContent-Length\r\n\r\n",
    "two-lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "control-in-value": b"HTTP/1.1 200 OK\r\nX: a\x01b\r\nContent-Length: 0\r\n\r\n",
    "bare-cr": b"HTTP/1.1 200 OK\r\nX: a\rY: b\r\nContent-Length: 0\r\n\r\n",
    "control-in-reason": b"HTTP/1.1 200 O\x00K\r\nContent-Length: 0\r\n\r\n",
    "huge-head": b"HTTP/1.1 200 OK\r\n" + b"X: %b\r\n" % (b"a" * 1000) * 99 + b"\r\n",
}


@pytest.mark.parametrize("act", BAD_ANSWERS.values(), ids=BAD_ANSWERS)
def test_a_live_side_that_speaks_garbage_is_a_bad_gateway(
    act: object, running: GatewayProcess, live: Upstream
) -> None:
    """502, never a 500 and never a clean 200; and the next request is answered."""
    live.script = lambda request: act  # type: ignore[assignment,return-value]
    with running.client() as client:
        problem(client.request("POST", "/", body=b"x"), 502)
        live.script = lambda request: OK
        assert client.request("POST", "/", body=b"x").body == b"ok"


def test_a_head_that_ends_in_the_middle_is_a_bad_gateway(
    running: GatewayProcess, live: Upstream
) -> None:
    """Never a 200 with an empty body."""

    def half(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Le")
        connection.shutdown(socket.SHUT_RDWR)

    live.script = lambda request: half
    with running.client() as client:
        problem(client.request("POST", "/", body=b"x"), 502)


@pytest.mark.parametrize("trickling", [False, True], ids=["silent", "trickling-head"])
def test_a_live_side_that_is_too_slow_is_a_gateway_timeout(
    trickling: bool, running: GatewayProcess, live: Upstream
) -> None:
    """The whole head has a deadline, so that a field every now and then does not outlive it."""
    done = Event()

    def slow(connection: socket.socket) -> None:
        if not trickling:
            return stalled(connection, done)
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while not done.wait(0.1):
            connection.sendall(b"X-A: b\r\n")
        return None

    live.script = lambda request: slow
    with running.client() as client:
        refused = problem(client.request("GET", "/"), 504)
    done.set()
    assert "read time-out" in str(refused["detail"])


def test_a_live_side_that_cannot_be_reached() -> None:
    """Refused connections are 502; connections that are not accepted in time 504."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        with gateway("--live", url, wait="serving") as running, running.client() as client:
            assert "connection" in str(problem(client.request("GET", "/"), 502)["detail"])
            assert running.get("/readyz")[0] == 503
            assert running.get("/healthz")[0] == 200


def test_a_connect_time_out_is_told_apart() -> None:
    """A listener whose backlog is full accepts nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        config = f"""
            [live]
            url = "http://127.0.0.1:{full.getsockname()[1]}"
            connect_timeout = "200ms"
        """
        with gateway(config=config, wait="serving") as running, running.client() as client:
            detail = problem(client.request("GET", "/"), 504)["detail"]
            assert "connect time-out" in str(detail)
        for filler in fillers:
            filler.close()


def test_a_shadow_that_is_down_at_start_or_unknown_stops_nothing() -> None:
    """Live is answered; the ledger says why the copies failed."""
    with upstream() as live, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        config = f"""
            [live]
            url = "{live.url}"
            [[shadows]]
            name = "down"
            url = "http://127.0.0.1:{closed.getsockname()[1]}"
            [[shadows]]
            name = "unknown"
            url = "http://no-such-host.invalid"
        """
        with gateway(config=config) as running, running.client() as client:
            for _ in range(5):
                assert client.request("GET", "/").body == b"ok"
            assert running.settled(5, "down") == {"failed connect": 5}
            assert running.settled(5, "unknown") == {"failed connect": 5}


def test_a_live_side_whose_connections_are_all_in_use_is_busy() -> None:
    """Neither broken nor slow: 503, and when to come again."""
    go = Event()

    def waiting(connection: socket.socket) -> None:
        stalled(connection, go)
        connection.sendall(OK)

    with upstream(lambda request: waiting) as live:
        config = f'[live]\nurl = "{live.url}"\npool_size = 1\n[server]\nworkers = 1\n'
        with gateway(config=config) as running, running.client() as first:
            first.send(b"GET / HTTP/1.1\r\nHost: g\r\n\r\n")
            wait_for(live.taken, "the first request")
            with running.client() as second:
                refused = second.request("GET", "/")
            problem(refused, 503)
            assert refused.values("Retry-After") == ["1"]
            go.set()
            assert first.answer().body == b"ok"


def test_bodies_beyond_what_a_worker_holds_are_refused_at_once() -> None:
    """From their Content-Length, before a byte is read; and there is room again afterwards."""
    with upstream() as live:
        config = f"""
            [server]
            workers = 1
            [request]
            max_body = "1MiB"
            max_buffered = "1MiB"
            [live]
            url = "{live.url}"
        """
        body = b"x" * (600 * 1024)
        with gateway(config=config) as running, running.client() as first:
            head = f"POST / HTTP/1.1\r\nHost: g\r\nContent-Length: {len(body)}\r\n\r\n"
            first.send(head.encode() + body[:1000])
            wait_for(lambda: running.metric("gateway_body_bytes") == len(body), "the reservation")
            with running.client() as second:
                refused = second.request("POST", "/", body=body)
            problem(refused, 503)
            assert refused.values("Retry-After")
            first.send(body[1000:])
            assert first.answer().body == b"ok"
            wait_for(lambda: running.metric("gateway_body_bytes") == 0, "the release")
            with running.client() as third:
                assert third.request("POST", "/", body=body).body == b"ok"


@pytest.mark.parametrize(
    "fields",
    [("SCRIPT_NAME: /nope",), ("X-Forwarded-Proto: https", "X-Forwarded-Ssl: off")],
    ids=["script-name", "scheme"],
)
def test_what_a_client_says_of_itself_is_for_upstreams_to_judge(
    fields: tuple[str, ...], running: GatewayProcess, live: Upstream
) -> None:
    """From loopback too, where gunicorn by default believes it."""
    with running.client() as client:
        assert client.request("GET", "/", *fields).status == 200
