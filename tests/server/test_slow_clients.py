"""Clients that are slow to send, slow to read, or say nothing: none of them holds a thread."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Event, Thread

import pytest

from tests.server.conftest import Serve, Server, serving
from tests.support.client import BrokenAnswer, Client
from tests.support.waiting import wait_for

THREADS = 2
MANY = 40
DEADLINE = 0.6
PART = 300_000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A patient server with two threads."""
    with serving(tmp_path_factory.mktemp("patient"), threads=THREADS) as running:
        yield running


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with short deadlines."""
    limits = {
        "header_timeout": DEADLINE,
        "body_timeout": DEADLINE,
        "body_min_rate": 100_000,
        "write_timeout": DEADLINE,
        "linger_idle_timeout": DEADLINE,
        "linger_timeout": DEADLINE * 3,
        "max_body_bytes": 10_000_000,
    }
    folder = tmp_path_factory.mktemp("strict")
    with serving(folder, threads=THREADS, limits=limits, keepalive=1) as running:
        yield running


def head(*fields: str, target: str = "/length") -> bytes:
    return "\r\n".join([f"POST {target} HTTP/1.1", "Host: a", *fields, "", ""]).encode()


STARTS = {
    "silent": b"",
    "part-of-a-head": b"POST /length HTTP/1.1\r\nHost: a\r\nX-",
    "part-of-a-body": head("Content-Length: 10") + b"12345",
    "part-of-a-chunk": head("Transfer-Encoding: chunked") + b"a\r\n12345",
}


@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
def test_many_unfinished_requests_do_not_delay_an_honest_one(start: bytes, server: Server) -> None:
    """Twenty times more of them than threads; every honest request is answered at once."""
    with ExitStack() as stack:
        for _ in range(MANY):
            stack.enter_context(server.client()).send(start)
        for _ in range(20):
            with server.client(timeout=2) as honest:
                assert honest.request("POST", "/length", body=b"x" * 1000).body == b"1000"


@pytest.mark.parametrize(
    "sent",
    [
        head("Content-Length: 10") + b"0123456789",
        head("Transfer-Encoding: chunked") + b"4\r\n0123\r\n6;x=y\r\n456789\r\n0\r\nX-T: 1\r\n\r\n",
    ],
    ids=["counted", "chunked"],
)
def test_a_trickled_request_is_answered_when_it_is_complete(sent: bytes, server: Server) -> None:
    """A byte in each packet, all clients in turns."""
    with ExitStack() as stack:
        clients = [stack.enter_context(server.client()) for _ in range(10)]
        for i in range(len(sent)):
            for client in clients:
                client.send(sent[i : i + 1])
        assert {client.answer().body for client in clients} == {b"10"}


def test_clients_that_do_not_read_their_answers_hold_no_thread(server: Server) -> None:
    """Their answers wait in the event loop; an honest client is served meanwhile."""
    with ExitStack() as stack:
        for _ in range(10):
            client = stack.enter_context(SmallWindow(server.port))
            client.send(b"GET /parts?count=1&size=8000000 HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_for(lambda: server.counts()["started"].get("parts", 0) >= 10, "all to be started")
        for _ in range(20):
            with server.client(timeout=2) as honest:
                assert honest.request("GET", "/length").status == 200


class SmallWindow(Client):
    """A connection whose client takes little at once."""

    def __init__(self, port: int) -> None:
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.settimeout(10)
        self.socket.connect(("127.0.0.1", port))
        self._reader = self.socket.makefile("rb")


@pytest.mark.parametrize("length", ["", f"&length={26 * PART}"], ids=["chunked", "counted"])
def test_a_slow_reader_gets_all_of_its_answer(length: str, server: Server) -> None:
    """More than the kernel takes: every part, in order, and the connection goes on."""
    sent = f"GET /parts?count=26&size={PART}{length} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
    with SmallWindow(server.port) as client:
        for _ in range(2):
            client.send(sent)
            body = client.answer().body
            assert body == b"".join(bytes([ord("a") + n]) * PART for n in range(26))


SLOW = {
    "head": (b"GET / HTTP/1.1\r\nX-", 408),
    "body": (head("Content-Length: 10") + b"12345", 408),
    "chunk": (head("Transfer-Encoding: chunked") + b"a\r\n12345", 408),
    "trailer": (head("Transfer-Encoding: chunked") + b"0\r\nX-T: ", 408),
}


@pytest.mark.parametrize(("start", "status"), SLOW.values(), ids=SLOW)
def test_what_does_not_arrive_in_time_is_refused(start: bytes, status: int, strict: Server) -> None:
    """408 as problem+json, then a close."""
    with strict.client() as client:
        client.send(start)
        answer = client.answer()
        assert (answer.status, answer.values("Content-Type")) == (
            status,
            ["application/problem+json"],
        )
        assert set(json.loads(answer.body)) >= {"type", "title", "status", "detail"}
        assert answer.values("Connection") == ["close"]
        assert client.closed()


def test_a_trickling_head_has_one_deadline(strict: Server) -> None:
    """A byte now and then does not extend it."""
    with strict.client() as client:
        client.send(b"GET / HTTP/1.1\r\n")
        client.socket.settimeout(0.05)
        began = time.monotonic()
        while time.monotonic() < began + 10:
            client.send(b"X")
            try:
                assert client.socket.recv(12) == b"HTTP/1.1 408"
                break
            except TimeoutError:
                pass
        assert DEADLINE * 0.9 < time.monotonic() - began < DEADLINE + 1.5


def test_a_body_that_keeps_its_rate_is_not_refused(strict: Server) -> None:
    """It may take longer than body_timeout: every byte earns time."""
    with strict.client() as client:
        client.send(head("Content-Length: 500000"))
        began, pause = time.monotonic(), Event()
        for _ in range(10):
            client.send(b"x" * 50_000)
            pause.wait(DEADLINE / 6)
        assert client.answer().body == b"500000"
        assert time.monotonic() - began > DEADLINE


def test_a_silent_connection_is_closed_without_a_word(strict: Server) -> None:
    """Browsers open some they never use; an answer to nothing would be taken for the next one's."""
    with strict.client() as client:
        assert client.socket.recv(100) == b""


def test_an_idle_connection_is_closed_after_keepalive(strict: Server) -> None:
    """And not before: a second request within it is answered."""
    with strict.client() as client:
        assert client.request("GET", "/length").status == 200
        assert client.request("GET", "/length").status == 200
        began = time.monotonic()
        assert client.closed()
        assert 0.9 < time.monotonic() - began < 2.5


def test_a_client_that_stops_reading_is_cut_off(strict: Server) -> None:
    """After write_timeout without progress, whether its answer waits in the loop or a thread."""
    for query in (b"count=1&size=8000000&name=one", b"count=400&size=50000&name=many"):
        with SmallWindow(strict.port) as client:
            client.send(b"GET /parts?%b HTTP/1.1\r\nHost: a\r\n\r\n" % query)
            wait_for(lambda: strict.open_connections() >= 1, "the connection")
            wait_for(lambda: strict.open_connections() == 0, "the connection to be dropped")
    wait_for(lambda: strict.counts()["closed"].get("many") == 1, "the answer to be closed")
    assert strict.counts()["closed"] == {"one": 1, "many": 1}
    assert "Traceback" not in strict.output


def test_a_client_that_keeps_taking_a_little_is_cut_off(serve: Serve) -> None:
    """It has to keep write_min_rate, not only to take something within write_timeout."""
    limits = {"write_timeout": DEADLINE, "write_min_rate": 1_000_000_000}
    with serve(limits=limits) as running, running.client() as client:
        client.send(b"GET /parts?count=4000&size=50000&name=sip HTTP/1.1\r\nHost: a\r\n\r\n")
        assert 2_000_000 < take_slowly(client.socket, Event()) < 190_000_000
        wait_for(lambda: running.counts()["closed"].get("sip") == 1, "the answer to be closed")
        assert "Traceback" not in running.output


def test_clients_that_sip_do_not_take_every_thread(serve: Serve) -> None:
    """The slowest are cut off, the fastest of them is not, and honest requests are prompt."""
    sent = b"GET /parts?count=4000&size=50000&name=sip HTTP/1.1\r\nHost: a\r\n\r\n"
    with serve(threads=4) as running, ExitStack() as stack:
        client = stack.enter_context(SmallWindow(running.port))
        client.send(sent)
        stopped = Event()
        reader = Thread(target=take_slowly, args=(client.socket, stopped))
        stack.callback(reader.join)
        stack.callback(stopped.set)
        reader.start()
        idlers = [stack.enter_context(SmallWindow(running.port)) for _ in range(12)]
        for idler in idlers:
            idler.send(sent)
        wait_for(lambda: running.counts()["closed"].get("sip") == 11, "the slowest to be cut off")
        for _ in range(20):
            with running.client(timeout=2) as honest:
                assert honest.request("GET", "/length").status == 200
        assert reader.is_alive()
        assert running.counts()["closed"].get("sip") == 11


def take_slowly(sock: socket.socket, stopped: Event) -> int:
    """Read some megabytes a second until told to stop, or cut off. How many bytes those were."""
    taken = 0
    try:
        while not stopped.is_set() and (data := sock.recv(100_000)):
            taken += len(data)
            stopped.wait(0.005)
    except ConnectionResetError:
        pass
    return taken


def test_a_client_that_leaves_a_small_answer_unread_is_cut_off(serve: Serve) -> None:
    """The kernel took all of it off our hands, so the kernel has to watch the client."""
    with serve(limits={"write_timeout": DEADLINE}, keepalive=60) as running:
        with SmallWindow(running.port) as client:
            client.send(b"GET /parts?count=1&size=1000000 HTTP/1.1\r\nHost: a\r\n\r\n")
            wait_for(lambda: running.open_connections() == 1, "the connection")
            wait_for(lambda: running.open_connections() == 0, "the connection to be dropped")
        assert "Traceback" not in running.output


@pytest.mark.parametrize("framing", ["counted", "chunked"])
def test_a_client_that_goes_on_sending_reads_its_413(framing: str, strict: Server) -> None:
    """11 MB are sent in full before the answer is read; a plain close would reset it away."""
    body = b"x" * 11_000_000
    with strict.client() as client:
        if framing == "counted":
            client.send(head(f"Content-Length: {len(body)}") + body)
        else:
            client.send(head("Transfer-Encoding: chunked"))
            client.send(b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body))
        answer = client.answer()
        assert (answer.status, answer.values("Connection")) == (413, ["close"])
        assert client.closed()


def test_lingering_ends(strict: Server) -> None:
    """A client that never closes after its refusal is dropped, silent or not."""
    with strict.client() as silent, strict.client() as busy:
        for client in (silent, busy):
            client.send(head("Content-Length: 99000000"))
            assert client.answer().status == 413
        began = time.monotonic()
        wait_for(lambda: not still_takes(busy), "the busy one to be dropped")
        assert DEADLINE < time.monotonic() - began < 5
        wait_for(lambda: strict.open_connections() == 0, "the silent one to be dropped")


def still_takes(client: Client) -> bool:
    """Whether the peer takes one more byte. What it discards it does not acknowledge by a word."""
    try:
        client.send(b"x")
    except OSError:
        return False
    return True


def test_continue_is_sent_for_a_body_that_will_be_read(server: Server) -> None:
    """And its head has been accepted by then."""
    with server.client() as client:
        client.send(head("Content-Length: 5", "Expect: 100-continue"))
        assert client.head() == ("HTTP/1.1 100 Continue", [])
        client.send(b"hello")
        line, _ = client.head()
        assert line == "HTTP/1.1 200 OK"


def test_no_continue_for_a_body_that_is_already_here(server: Server) -> None:
    """RFC 9110 section 10.1.1 allows to leave it out."""
    with server.client() as client:
        client.send(head("Content-Length: 5", "Expect: 100-continue") + b"hello")
        line, _ = client.head()
        assert line == "HTTP/1.1 200 OK"


def test_the_application_refuses_before_the_body_is_asked_for(server: Server) -> None:
    """413 is the first thing such a client reads."""
    with server.client() as client:
        client.send(head("Content-Length: 99000000", "Expect: 100-continue", target="/refuse"))
        line, fields = client.head()
        assert line == "HTTP/1.1 413 Content Too Large"
        assert ("Connection", "close") in fields


def test_a_short_body_never_reaches_the_application(server: Server) -> None:
    """400, since what came is not what was announced."""
    before = server.counts()["started"].get("ignore", 0)
    for start in (
        head("Content-Length: 10", target="/ignore") + b"12345",
        head("Transfer-Encoding: chunked", target="/ignore") + b"a\r\n12345",
        b"GET /ignore HTTP/1.1\r\nHost",
    ):
        with server.client() as client:
            client.send(start)
            client.socket.shutdown(socket.SHUT_WR)
            assert client.answer().status == 400
            assert client.closed()
    assert server.counts()["started"].get("ignore", 0) == before


def test_a_half_closed_client_gets_its_answer(server: Server) -> None:
    """It said all it had to say: that is a whole request."""
    with server.client() as client:
        client.send(head("Content-Length: 5") + b"hello")
        client.socket.shutdown(socket.SHUT_WR)
        assert client.answer().body == b"5"


def test_pipelined_requests_are_answered_in_order(server: Server) -> None:
    """Bytes after a request are the next one's, bodies and all."""
    sent = b"".join(head(f"Content-Length: {n}") + b"x" * n for n in range(50))
    with server.client() as client:
        client.send(sent)
        assert [client.answer().body for _ in range(50)] == [b"%d" % n for n in range(50)]


def test_what_follows_a_close_is_not_answered(server: Server) -> None:
    """A client that says close has said its last request."""
    with server.client() as client:
        client.send(head("Connection: close", "Content-Length: 0") + head("Content-Length: 0"))
        assert client.answer().values("Connection") == ["close"]
        with pytest.raises((BrokenAnswer, ConnectionResetError)):
            client.answer()


def test_queue_time_starts_when_the_last_byte_arrives(server: Server) -> None:
    """``gateway.received`` counts the wait for a thread: here, one that is stopped."""
    worker = server.worker()
    with server.client() as client:
        client.send(head("Content-Length: 1", target="/echo"))
        server.counts()
        worker.suspend()
        try:
            began = time.monotonic()
            client.send(b"x")
            sent = time.monotonic()
            Event().wait(0.3)
        finally:
            worker.resume()
        told = json.loads(client.answer().body)
    assert began - 0.01 <= told["received"] <= sent + 0.05


def test_queue_time_of_a_pipelined_request_starts_with_its_turn(server: Server) -> None:
    """It waited for its predecessor, which is the client's own doing."""
    with server.client() as client:
        client.send(head("Content-Length: 0", target="/echo") * 2)
        first, second = (json.loads(client.answer().body)["received"] for _ in range(2))
    assert first < second


def test_connections_leave_nothing_behind(server: Server) -> None:
    """No thread and no descriptor more than before, whatever way they ended."""
    worker = server.worker()
    wait_for(lambda: server.open_connections() == 0, "earlier connections to end")
    before = (worker.num_threads(), worker.num_fds())
    for start in [*STARTS.values(), head("Content-Length: 99000000"), b"\0\r\n\r\n"] * 5:
        with server.client() as client:
            client.send(start)
        with server.client() as client:
            client.send(start)
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    server.counts()  # whatever was in the backlog has been accepted
    wait_for(lambda: (worker.num_threads(), worker.num_fds()) == before, "all to be given back")
    assert "Traceback" not in server.output


def test_the_limits_hold_without_the_c_parser(serve: Serve, tmp_path: Path) -> None:
    """gunicorn's Python parser is fed the same way."""
    with serve(http_parser="python") as running, running.client() as client:
        client.send(STARTS["part-of-a-chunk"] + b"67890\r\n0\r\n\r\n")
        assert client.answer().body == b"10"
