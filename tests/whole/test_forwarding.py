"""Exact: what upstreams get is what the client sent, and the client gets what live sent."""

from __future__ import annotations

import gzip
import socket
from threading import Event

import pytest

from tests.support.client import Answer, BrokenAnswer
from tests.support.gateway import GatewayProcess
from tests.support.upstream import OK, Received, Upstream
from tests.support.waiting import wait_for

LIMIT = 64 * 1024
VARIANTS = True  # see conftest.py


def both(live: Upstream, shadow: Upstream) -> list[Received]:
    """The one request each side got."""
    wait_for(shadow.taken, "the copy")
    (sent,), (copied,) = live.taken(), shadow.taken()
    return [sent, copied]


TARGETS = {
    "escapes": "/a%2Fb//c;x?q=1&q=2&r=%00",
    "empty-query": "/?",
    "dots": "/a/../b/./c/%2e%2e/d",
    "malformed-escape": "/%zz%",
    "plus-and-order": "/s?b=2&a=1&b=+%20",
    "utf-8": "/ü/é?ß=ÿ".encode().decode("latin-1"),
    "double-slash": "//other.test/x",
    "question-marks": "/a?b?c#d"[:6],
    "long": "/" + "x" * 6000,
}


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_targets_are_untouched(
    target: str, running: GatewayProcess, live: Upstream, shadow: Upstream
) -> None:
    """Byte for byte, to both sides."""
    with running.client() as client:
        assert client.request("GET", target).status == 200
    assert {r.target for r in both(live, shadow)} == {target.encode("latin-1")}


@pytest.mark.parametrize(
    ("line", "target"),
    [
        ("GET http://other.test/p?q HTTP/1.1", b"/p?q"),
        ("OPTIONS * HTTP/1.1", b"*"),
        ("OPTIONS http://other.test HTTP/1.1", b"*"),
    ],
    ids=["absolute", "asterisk", "absolute-options"],
)
def test_other_forms_of_target(
    line: str, target: bytes, running: GatewayProcess, live: Upstream, shadow: Upstream
) -> None:
    """Absolute-form is reduced to its path: the upstream is the configured one."""
    with running.client() as client:
        client.send(f"{line}\r\nHost: gateway.test\r\n\r\n".encode())
        assert client.answer().status == 200
    for received in both(live, shadow):
        assert received.target == target
        assert received.values("Host") == ["gateway.test"]


METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "REPORT", "QUERY"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("body", [None, b"", b"x", b"x" * LIMIT], ids=["none", "0", "1", "limit"])
def test_every_method_with_and_without_a_body(
    method: str, body: bytes | None, running: GatewayProcess, live: Upstream, shadow: Upstream
) -> None:
    """Same method, same body, and Content-Length exactly where there was one."""
    with running.client() as client:
        assert client.request(method, "/m", body=body).status == 200
    for received in both(live, shadow):
        assert (received.method, received.body) == (method, body or b"")
        length = [] if body is None else [str(len(body))]
        assert received.values("Content-Length") == length


def test_header_fields_reach_both_sides_as_sent(
    running: GatewayProcess, live: Upstream, shadow: Upstream
) -> None:
    """Order, repeats, empty and non-ASCII values; nothing added, nothing joined."""
    fields = [
        "Host: gateway.test",
        "X-Repeat: 1",
        "Accept: */*;q=0.1",
        "X-Repeat: 2",
        "X-Empty:",
        "X-Latin: caf\xe9",
        "Cookie: a=1; b=2",
        "X-Spaces: a  b\tc",
        "Cookie: c=3",
        "Authorization: Basic abc",
    ]
    with running.client() as client:
        client.send("\r\n".join(["GET / HTTP/1.1", *fields, "", ""]).encode("latin-1"))
        assert client.answer().status == 200
    expected = [(n, v.strip()) for n, v in (f.split(":", 1) for f in fields)]
    sent, copied = both(live, shadow)
    assert sent.fields == expected
    assert copied.fields[:-1] == expected
    assert copied.fields[-1][0] == "X-Shadow-Request"


def test_hop_by_hop_fields_and_those_named_in_connection_stay_here(
    running: GatewayProcess, live: Upstream, shadow: Upstream
) -> None:
    """RFC 9110 section 7.6.1; and Connection cannot strip Host."""
    with running.client() as client:
        hops = ["Connection: X-Hop, Host", "X-Hop: 1", "TE: trailers", "Keep-Alive: 5"]
        hops += ["Proxy-Connection: keep-alive", "Upgrade: h2c", "HTTP2-Settings: x"]
        assert client.request("GET", "/", *hops, "X-End: 1").status == 200
    for received in both(live, shadow):
        names = [n for n, _ in received.fields if n != "X-Shadow-Request"]
        assert names == ["Host", "X-End"]


def test_a_chunked_body_arrives_whole_with_its_length(
    running: GatewayProcess, live: Upstream, shadow: Upstream
) -> None:
    """Trailers are dropped with the chunk framing."""
    head = b"POST /c HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n"
    with running.client() as client:
        client.send(head + b"3\r\nabc\r\n")
        client.send(b"A;ext=1\r\n0123456789\r\n0\r\nX-T: 1\r\n\r\n")
        assert client.answer().status == 200
        assert client.request("GET", "/next").status == 200
    wait_for(lambda: len(shadow.taken()) == 2, "both copies")
    for upstream in (live, shadow):
        # Copies may overtake each other.
        (received,) = (each for each in upstream.taken() if each.target == b"/c")
        assert received.body == b"abc0123456789"
        assert received.values("Content-Length") == ["13"]
        assert not received.values("Transfer-Encoding")
        assert not received.values("Trailer")


def test_expect_100_continue(running: GatewayProcess, live: Upstream, shadow: Upstream) -> None:
    """The client is told to go on; the expectation is forwarded."""
    with running.client() as client:
        client.send(
            b"POST / HTTP/1.1\r\nHost: g\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"
        )
        assert client.head()[0].split(" ")[1] == "100"
        client.send(b"abc")
        assert client.answer().status == 200
    for received in both(live, shadow):
        assert (received.body, received.values("Expect")) == (b"abc", ["100-continue"])


def answers(live: Upstream, answer: bytes) -> None:
    live.script = lambda request: answer


def test_the_answer_is_passed_on_as_sent(
    running: GatewayProcess, live: Upstream, shadow: Upstream
) -> None:
    """Status, reason, order, repeats, values; nothing added, nothing of the shadow's."""
    fields = [
        "Server: billing/1",
        "Set-Cookie: a=1; Path=/",
        "Date: Thu, 01 Jan 1970 00:00:00 GMT",
        "X-Latin: caf\xe9",
        "Set-Cookie: b=2",
        "X-Empty:",
        "Content-Length: 4",
        'ETag: W/"x"',
    ]
    head = "\r\n".join(["HTTP/1.1 207 Very Multi", *fields, "", ""]).encode("latin-1")
    answers(live, head + b"live")
    shadow.script = lambda request: (
        b"HTTP/1.1 500 S\r\nSet-Cookie: s=1\r\nContent-Length: 0\r\n\r\n"
    )
    with running.client() as client:
        for _ in range(3):
            answer = client.request("GET", "/")
            assert answer.line == "HTTP/1.1 207 Very Multi"
            assert answer.fields == [(n, v.strip()) for n, v in (f.split(":", 1) for f in fields)]
            assert answer.body == b"live"


def test_no_cookie_or_credential_is_carried_between_clients(
    running: GatewayProcess, live: Upstream, shadow: Upstream
) -> None:
    """Set-Cookie and credentials of one request appear in no other."""
    answers(live, b"HTTP/1.1 200 OK\r\nSet-Cookie: sid=1\r\nContent-Length: 0\r\n\r\n")
    shadow.script = live.script
    for number, fields in enumerate((["Authorization: Bearer x", "Cookie: a=b"], []), 1):
        with running.client() as client:
            client.request("GET", "/", *fields)
        wait_for(lambda number=number: len(shadow.taken()) == number, "its copy")
    for received in (live.taken()[1], shadow.taken()[1]):
        assert {n for n, _ in received.fields} <= {"Host", "X-Shadow-Request"}


PASSED = {
    "301-to-another-host": (
        b"HTTP/1.1 301 Moved\r\nLocation: http://other.test/\r\nContent-Length: 2\r\n\r\nhi",
        301,
        b"hi",
    ),
    "404": (b"HTTP/1.1 404 No\r\nContent-Length: 4\r\n\r\nnope", 404, b"nope"),
    "503": (b"HTTP/1.1 503 X\r\nRetry-After: 9\r\nContent-Length: 0\r\n\r\n", 503, b""),
    "401": (
        b"HTTP/1.1 401 X\r\nWWW-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n",
        401,
        b"",
    ),
    "empty-reason": (b"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", 200, b""),
    "204": (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
    "304": (b'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\nContent-Length: 9\r\n\r\n', 304, b""),
    "interim": (
        b"HTTP/1.1 103 Early\r\nLink: </x>\r\n\r\nHTTP/1.1 102 P\r\n\r\n" + OK,
        200,
        b"ok",
    ),
    "chunked": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"2\r\nab\r\n1\r\nc\r\n0\r\nT: 1\r\n\r\n",
        200,
        b"abc",
    ),
    "gzip": (
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%b"
        % (len(gzip.compress(b"x" * 99, mtime=0)), gzip.compress(b"x" * 99, mtime=0)),
        200,
        gzip.compress(b"x" * 99, mtime=0),
    ),
}


@pytest.mark.parametrize(("sent", "status", "body"), PASSED.values(), ids=PASSED)
def test_every_answer_is_the_clients_business(
    sent: bytes, status: int, body: bytes, running: GatewayProcess, live: Upstream
) -> None:
    """Redirects, errors and encodings pass through, and the connection goes on."""
    answers(live, sent)
    with running.client() as client:
        for _ in range(2):
            answer = client.request("GET", "/")
            assert (answer.status, answer.body) == (status, body)
    assert {r.target for r in live.taken()} == {b"/"}


def test_head_has_the_length_and_no_body(running: GatewayProcess, live: Upstream) -> None:
    """And the next answer on the connection is the next request's."""
    live.script = lambda r: (
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" + (b"" if r.method == "HEAD" else b"12345")
    )
    with running.client() as client:
        head = client.request("HEAD", "/")
        assert (head.values("Content-Length"), head.body) == (["5"], b"")
        assert client.request("GET", "/").body == b"12345"


def test_a_gzip_request_body_passes_encoded(
    running: GatewayProcess, live: Upstream, shadow: Upstream
) -> None:
    """Nobody on the way decodes it."""
    body = gzip.compress(b"secret" * 50)
    with running.client() as client:
        client.request("POST", "/", "Content-Encoding: gzip", body=body)
    for received in both(live, shadow):
        assert (received.body, received.values("Content-Encoding")) == (body, ["gzip"])


def test_server_sent_events_are_seen_as_they_come(running: GatewayProcess, live: Upstream) -> None:
    """The head before there is an event, and each event before the next is sent."""
    start, seen = Event(), Event()

    def events(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        if not start.wait(0.9):
            return
        for n in range(3):
            connection.sendall(b"data: %d\n\n" % n)
            if not seen.wait(5):
                return
            seen.clear()

    live.script = lambda request: events
    with running.client() as client:
        client.send(b"GET /events HTTP/1.1\r\nHost: g\r\n\r\n")
        line, fields = client.head()
        start.set()
        parts = client.parts(_answer(line, fields), "GET")
        for n in range(3):
            assert next(parts) == b"data: %d\n\n" % n
            seen.set()


def _answer(line: str, fields: list[tuple[str, str]]):
    return Answer(line, fields, b"")


@pytest.mark.parametrize(
    "head",
    [b"Content-Length: 1000", b"Transfer-Encoding: chunked"],
    ids=["content-length", "chunked"],
)
def test_an_answer_that_breaks_off_ends_in_a_broken_connection(
    head: bytes, running: GatewayProcess, live: Upstream
) -> None:
    """Never in a clean end."""

    def broken(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n")
        connection.sendall(b"3\r\nabc\r\n")
        connection.shutdown(socket.SHUT_RDWR)

    live.script = lambda request: broken
    with running.client() as client, pytest.raises((BrokenAnswer, ConnectionResetError)):
        client.request("GET", "/")


@pytest.mark.parametrize("ending", ["closes", "stalls"])
def test_a_live_side_that_ends_after_its_head_breaks_the_connection(
    ending: str, running: GatewayProcess, live: Upstream
) -> None:
    """The client has the head by then: it is no 500, and no clean end either."""
    done = Event()

    def headless(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
        if ending == "stalls":
            done.wait(5)
        connection.shutdown(socket.SHUT_RDWR)

    live.script = lambda request: headless
    with running.client() as client:
        client.send(b"GET / HTTP/1.1\r\nHost: g\r\n\r\n")
        line, fields = client.head()
        assert line == "HTTP/1.1 200 OK"
        with pytest.raises((BrokenAnswer, ConnectionResetError)):
            list(client.parts(_answer(line, fields), "GET"))
    done.set()


def test_a_break_is_seen_by_a_client_that_knows_no_framing(
    running: GatewayProcess, live: Upstream
) -> None:
    """HTTP/1.0: the end of the connection is the end of the answer, so it must be reset."""

    def broken(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        connection.shutdown(socket.SHUT_RDWR)

    live.script = lambda request: broken
    with running.client() as client:
        client.send(b"GET / HTTP/1.0\r\nHost: g\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            list(iter(lambda: client.socket.recv(4096), b""))


def test_an_upstream_that_closes_idle_connections_costs_no_request(
    running: GatewayProcess, live: Upstream
) -> None:
    """It just closes: seen before the next request is sent, so also one that must not be
    sent twice gets through."""
    closed = Event()

    def once(connection: socket.socket) -> None:
        connection.sendall(OK)
        connection.shutdown(socket.SHUT_RDWR)
        closed.set()

    live.script = lambda request: once
    with running.client() as client:
        for _ in range(20):
            assert client.request("POST", "/", body=b"x").status == 200
            assert closed.wait(5)
            closed.clear()
    assert len(live.taken()) == 20


def test_a_large_answer_takes_constant_memory(running: GatewayProcess, live: Upstream) -> None:
    """1 GB streams through; the worker's memory stays where it was."""
    part, count = b"x" * (1 << 20), 1024

    def large(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (len(part) * count))
        for _ in range(count):
            connection.sendall(part)

    live.script = lambda request: large
    with running.client(30) as client:
        (worker,) = running.workers()
        before = _peak_kb(worker)
        client.send(b"GET /large HTTP/1.1\r\nHost: g\r\n\r\n")
        client.head()
        received = 0
        buffer = bytearray(1 << 20)
        while received < len(part) * count:
            received += client._reader.readinto(buffer)
        assert received == len(part) * count
        assert _peak_kb(worker) - before < 16 * 1024


def _peak_kb(pid: int) -> int:
    """The most memory a process has had resident, in KiB."""
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
