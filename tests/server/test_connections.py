"""Many connections, too many connections, and connections that go away."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event

import pytest

from tests.server.conftest import Serve, Server, serving
from tests.server.test_lifetime import held
from tests.support.client import Client
from tests.support.waiting import wait_for

RESET = b"\1\0\0\0\0\0\0\0"


@contextmanager
def kept(server: Server, count: int) -> Iterator[list[Client]]:
    """Idle kept-alive connections, oldest first."""
    with ExitStack() as stack:
        clients = []
        for _ in range(count):
            client = stack.enter_context(server.client())
            assert client.request("GET", "/length").status == 200
            clients.append(client)
        Event().wait(1.1)  # younger than a second is not idle
        yield clients


def cpu_seconds(server: Server, during: float) -> float:
    """What the worker burns in the next seconds."""
    before = server.worker().cpu_times()
    Event().wait(during)
    after = server.worker().cpu_times()
    return after.user + after.system - before.user - before.system


def is_open(client: Client) -> bool:
    client.socket.setblocking(False)
    try:
        return client.socket.recv(1) != b""
    except BlockingIOError:
        return True
    except ConnectionResetError:
        return False
    finally:
        client.socket.settimeout(10)


def test_at_its_bound_a_worker_gives_up_the_longest_idle_connection(serve: Serve) -> None:
    """Ten that say nothing must not keep out the eleventh, which does."""
    with (
        serve(worker_connections=10, keepalive=60) as server,
        kept(server, 1) as oldest,
        kept(server, 9) as others,
    ):
        clients = [*oldest, *others]
        assert clients[-1].request("GET", "/length").status == 200
        with server.client() as newcomer:
            assert newcomer.request("GET", "/length").status == 200
            closed = [number for number, client in enumerate(clients) if not is_open(client)]
            assert closed == [0]
        assert server.open_connections() <= 10


def test_at_its_bound_with_all_at_work_a_worker_lets_newcomers_wait(
    serve: Serve, tmp_path: Path
) -> None:
    """In the backlog, until a connection ends; none is refused."""
    gate = tmp_path / "gate"
    with serve(worker_connections=4, threads=6) as server, held(server, gate, 4) as clients:
        with server.client() as newcomer:
            newcomer.send(b"GET /length HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            assert cpu_seconds(server, during=0.5) < 0.25, "it spins"
            newcomer.socket.settimeout(0.01)
            with pytest.raises(TimeoutError):
                newcomer.socket.recv(1)
            newcomer.socket.settimeout(10)
            gate.touch()
            assert {client.answer().body for client in clients} == {b"held"}
            clients[0].__exit__()
            assert newcomer.answer().status == 200


def test_the_workers_own_delay_is_not_the_clients(serve: Serve, tmp_path: Path) -> None:
    """With all threads at work a request is read late: no reason for a 408 or a close."""
    gate = tmp_path / "gate"
    limits = {"header_timeout": 0.2, "body_timeout": 0.2}
    with (
        serve(threads=1, keepalive=1, limits=limits) as server,
        server.client() as kept,
        server.client() as new,
    ):
        kept.request("GET", "/length")
        with held(server, gate, 1) as (busy,):
            for client in (kept, new):
                client.send(b"GET /length HTTP/1.1\r\nHost: a\r\n\r\n")
            Event().wait(1.5)
            gate.touch()
            assert busy.answer().body == b"held"
        assert [client.answer().status for client in (kept, new)] == [200, 200]


FEW_DESCRIPTORS = """
import resource
def post_worker_init(worker):
    resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
"""


def test_running_out_of_descriptors_kills_nothing(serve: Serve) -> None:
    """Open connections are served on, newcomers wait, and the log says it once."""
    with serve(conf=FEW_DESCRIPTORS, keepalive=60) as server, ExitStack() as stack:
        pid = server.worker().pid
        early = stack.enter_context(server.client())
        assert early.request("GET", "/length").status == 200
        crowd = [stack.enter_context(server.client()) for _ in range(60)]
        wait_for(lambda: "Cannot accept" in server.output, "the descriptors to run out")
        assert cpu_seconds(server, during=0.5) < 0.25, "it spins"
        assert early.request("GET", "/length").status == 200
        late = crowd[-1]
        late.send(b"GET /length HTTP/1.1\r\nHost: a\r\n\r\n")
        for client in crowd[:-1]:
            client.__exit__()
        assert late.answer().status == 200
        assert server.worker().pid == pid
        assert server.output.count("Cannot accept") == 1
        assert "Traceback" not in server.output


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"POST /length HTTP/1.1\r\nContent-Length: 10\r\n\r\n123",
        b"GET /parts?count=50&size=100000 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /parts?count=1&size=5000000 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST /refuse HTTP/1.1\r\nHost: a\r\nContent-Length: 99000000\r\n\r\nxxx",
        b"nonsense\r\n\r\n",
    ],
    ids=["idle", "in-its-body", "in-its-parts", "in-its-answer", "lingering", "refused"],
)
@pytest.mark.parametrize("how", ["reset", "close"])
def test_clients_that_leave_leave_no_trace(sent: bytes, how: str, server: Server) -> None:
    """No traceback, no connection left, whatever they were waiting for."""
    for _ in range(10):
        with server.client() as client:
            client.send(sent)
            if how == "reset":
                client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    wait_for(lambda: server.open_connections() == 0, "the connections to end")
    assert "Traceback" not in server.output


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("leaving")) as running:
        yield running


def test_a_crowd_is_served_by_few_threads(serve: Serve) -> None:
    """Three hundred kept connections, each asking twice; two threads."""
    with serve(threads=2, backlog=512) as server, kept(server, 300) as clients:
        for client in clients:
            client.send(b"GET /length HTTP/1.1\r\nHost: a\r\n\r\n")
        assert {client.answer().status for client in clients} == {200}


def test_http_1_0_may_ask_to_be_kept_anywhere_in_the_list(server: Server) -> None:
    """RFC 9110 section 7.6.1: an option is one whatever stands before it."""
    with server.client() as client:
        for _ in range(2):
            client.send(b"GET /length HTTP/1.0\r\nConnection: foo, Keep-Alive\r\n\r\n")
            assert client.answer().values("Connection") == ["keep-alive"]


def test_a_unix_socket_serves_too(serve: Serve, tmp_path: Path) -> None:
    """Without a client's address; a malformed request is logged and refused there as well."""
    path = tmp_path / "socket"
    requests = {b"GET /length HTTP/1.1\r\nHost: a\r\n\r\n": 200, b"nonsense\r\n\r\n": 400}
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        with serve(also=listener) as running:
            for sent, status in requests.items():
                with socket.socket(socket.AF_UNIX) as sock:
                    sock.settimeout(10)
                    sock.connect(str(path))
                    sock.sendall(sent)
                    assert sock.recv(65536).startswith(b"HTTP/1.1 %d " % status)
            wait_for(lambda: "Invalid request from unix socket" in running.output, "the log line")
            assert "Traceback" not in running.output
