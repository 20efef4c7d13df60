"""One worker answers its requests in turns on one thread: whatever one of them waits for,
another client's is answered at once.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event

import psutil
import pytest

from gateway.auth.credential_file import CredentialFile
from gateway.auth.credentials import Credential, Kind
from gateway.auth.hashing import hash_password
from tests.auth import issuer
from tests.support.client import BrokenAnswer, Client
from tests.support.gateway import GatewayProcess, gateway
from tests.support.upstream import OK, Act, Received, Upstream, stalled, upstream
from tests.support.waiting import wait_for

# Makes what can only block wait for a file: the resolver, of one name, and password hashes.
HELD = """
import hashlib, socket, threading
from pathlib import Path

here = Path(__file__).parent


def held(name):
    (here / f"{name}-waits").touch()
    while not (here / "go-on").exists():
        threading.Event().wait(0.01)


def lookup(host, port, *args, lookup=socket.getaddrinfo, **options):
    if host == "slow.test":
        held("name")
        host = "127.0.0.1"
    return lookup(host, port, *args, **options)


def scrypt(*args, scrypt=hashlib.scrypt, **options):
    held("hash")
    return scrypt(*args, **options)


socket.getaddrinfo, hashlib.scrypt = lookup, scrypt
"""


@pytest.fixture(scope="module")
def hold() -> Iterator[Event]:
    """Set to let stalled upstreams go."""
    event = Event()
    yield event
    event.set()


@pytest.fixture
def live(hold: Event) -> Iterator[Upstream]:
    """Answers at once, but for ``/late``, ``/endless`` and ``/keys``."""
    hold.clear()

    def endless(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        while True:
            connection.sendall(b"x" * 65536)

    def late(request: Received) -> Iterator[bytes]:
        hold.wait(20)
        yield OK

    def script(request: Received) -> Act:
        if request.target == b"/late":
            return late(request)
        if request.target == b"/keys":
            return lambda connection: stalled(connection, hold)
        return endless if request.target == b"/endless" else OK

    with upstream(script) as running:
        yield running
        hold.set()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """For ``PYTHONPATH``; ``go-on`` in it lets go of what is held."""
    (tmp_path / "sitecustomize.py").write_text(HELD)
    return tmp_path


@contextmanager
def running(config: str, folder: Path | None = None) -> Iterator[GatewayProcess]:
    env = {
        "GATEWAY_SERVER_DRAIN_LINGER": "100ms",
        "GATEWAY_SERVER_LINGER_IDLE_TIMEOUT": "100ms",
        "GATEWAY_MIRROR_DRAIN_TIMEOUT": "500ms",
    }
    if folder is not None:
        env["PYTHONPATH"] = f"{folder}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    with gateway("--workers", "1", config=config, env=env) as process:
        yield process


def sent(process: GatewayProcess, stack: ExitStack, target: str, *fields: str) -> Client:
    """A client that has asked and waits for its answer."""
    client = stack.enter_context(process.client())
    client.send("\r\n".join([f"GET {target} HTTP/1.1", "Host: g", *fields, "", ""]).encode())
    return client


def others_are_answered(process: GatewayProcess, target: str = "/") -> None:
    """Clients that were there, and that come; several after each other."""
    with process.client(timeout=3) as client:
        began = time.monotonic()
        for _ in range(5):
            assert client.request("GET", target).status == 200
        assert time.monotonic() - began < 2


def silent(client: Client) -> bool:
    """Nothing has come for it."""
    client.socket.setblocking(False)
    try:
        client.socket.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return True
    finally:
        client.socket.settimeout(10)
    return False


def test_while_live_answers_late(live: Upstream, hold: Event) -> None:
    """More of them than there may be greenlets to spare."""
    with running(f'[live]\nurl = "{live.url}"\n[server]\nthreads = 200') as process:
        with ExitStack() as stack:
            waiting = [sent(process, stack, "/late") for _ in range(100)]
            wait_for(lambda: len(live.taken()) == 100, "all requests")
            others_are_answered(process)
            assert all(map(silent, waiting))
            hold.set()
            assert [client.answer().body for client in waiting] == [b"ok"] * 100
        assert "Traceback" not in process.output


def test_while_a_name_is_looked_up_and_passwords_are_hashed(
    live: Upstream, folder: Path, tmp_path: Path
) -> None:
    """Many of either: neither waits for the other either."""
    credentials = tmp_path / "credentials"
    CredentialFile(credentials).add(Credential("a", Kind.PASSWORD, hash_password("secret")))
    config = f"""
        [server]
        threads = 200
        [live]
        url = "{live.url}"
        connect_timeout = "10s"
        [authentication]
        schemes = []
        credentials = "{credentials}"
        [[routes]]
        path = "/slow"
        [routes.live]
        url = "http://slow.test:{live.port}"
        connect_timeout = "10s"
        [[routes]]
        path = "/private"
        authentication = {{ schemes = ["basic"] }}
    """
    with running(config, folder) as process, ExitStack() as stack:
        named = [sent(process, stack, "/slow") for _ in range(40)]
        wait_for((folder / "name-waits").exists, "the name to be looked up")
        others_are_answered(process)
        field = "Authorization: Basic " + b64encode(b"a:secret").decode()
        hashed = sent(process, stack, "/private", field)
        wait_for((folder / "hash-waits").exists, "the hash")
        others_are_answered(process)
        waiting = [*named, hashed]
        assert all(map(silent, waiting))
        (folder / "go-on").touch()
        assert [client.answer().body for client in waiting] == [b"ok"] * 41


def test_while_a_pool_has_no_connection_left(live: Upstream, hold: Event) -> None:
    """Who waits for one gets the one that is given back."""
    with upstream() as other:
        config = f"""
            [live]
            url = "{live.url}"
            pool_size = 1
            [[routes]]
            path = "/other"
            [routes.live]
            url = "{other.url}"
        """
        with running(config) as process, ExitStack() as stack:
            has_it = sent(process, stack, "/late")
            wait_for(live.taken, "the request")
            wants_it = sent(process, stack, "/quick")
            others_are_answered(process, "/other")
            assert silent(wants_it)
            hold.set()
            assert [client.answer().body for client in (has_it, wants_it)] == [b"ok"] * 2
            assert len({request.connection for request in live.taken()}) == 1


def test_while_the_issuer_of_keys_hangs(live: Upstream, hold: Event) -> None:
    """A token's request waits for its keys, for a bounded time."""
    config = f"""
        [live]
        url = "{live.url}"
        [authentication]
        schemes = []
        [authentication.jwt]
        jwks_url = "{live.url}/keys"
        issuers = ["{issuer.URL}"]
        [[routes]]
        path = "/private"
        authentication = {{ schemes = ["jwt"] }}
    """
    with running(config) as process, ExitStack() as stack:
        token = issuer.token("ES256", "one")
        waiting = sent(process, stack, "/private", f"Authorization: Bearer {token}")
        wait_for(lambda: any(r.target == b"/keys" for r in live.taken()), "the fetch")
        others_are_answered(process)
        assert silent(waiting)
        hold.set()
        assert waiting.answer().status == 503


def test_while_a_client_does_not_read_its_answer(live: Upstream) -> None:
    """However much comes for it."""
    with running(f'[live]\nurl = "{live.url}"') as process, ExitStack() as stack:
        client = sent(process, stack, "/endless")
        client.head()
        (worker,) = (psutil.Process(pid) for pid in process.workers())
        others_are_answered(process)
        # All has come to a stop: nothing turns round and round for that client.
        used = sum(worker.cpu_times()[:2])
        with pytest.raises(AssertionError):
            wait_for(lambda: sum(worker.cpu_times()[:2]) - used > 0.4, "nothing", 0.8)
        others_are_answered(process)


def test_while_somebody_takes_an_answer_as_fast_as_it_comes(live: Upstream) -> None:
    """It never has to wait, and takes its turns like everybody."""
    with running(f'[live]\nurl = "{live.url}"') as process, ExitStack() as stack:
        client = sent(process, stack, "/endless")
        client.head()
        taken = 0
        with process.client(timeout=3) as other:
            for _ in range(20):
                other.send(b"GET / HTTP/1.1\r\nHost: g\r\n\r\n")
                while silent(other):
                    taken += len(client.socket.recv(65536))
                assert other.answer().body == b"ok"
        assert taken


def test_lives_read_time_out_holds(live: Upstream) -> None:
    """At its time, in the midst of others."""
    config = f'[live]\nurl = "{live.url}"\nread_timeout = "300ms"'
    with running(config) as process, ExitStack() as stack:
        began = time.monotonic()
        client = sent(process, stack, "/late")
        others_are_answered(process)
        assert client.answer().status == 504
        assert 0.3 <= time.monotonic() - began < 2


def threads_of(process: GatewayProcess) -> int:
    with process.client() as client:
        assert client.request("GET", "/").body == b"ok"
    (worker,) = process.workers()
    return psutil.Process(worker).num_threads()


def test_requests_take_no_threads(live: Upstream) -> None:
    """Where the application is the gateway, with its own transport."""
    with running(f'[live]\nurl = "{live.url}"\n[server]\nthreads = 100') as process:
        assert threads_of(process) < 40


def test_they_do_where_the_transport_waits_in_its_own_way(live: Upstream, hold: Event) -> None:
    """And no request waits for another all the same. Nothing is missing, so nothing is said."""
    config = f'transport = "urllib3"\n[live]\nurl = "{live.url}"\n[server]\nthreads = 50'
    with running(config) as process, ExitStack() as stack:
        sent(process, stack, "/late")
        wait_for(live.taken, "the request")
        others_are_answered(process)
        hold.set()
        assert threads_of(process) >= 50
        assert "greenlet" not in process.output


@pytest.mark.parametrize(
    "error", ["ModuleNotFoundError('No module named greenlet')", "ImportError('no such symbol')"]
)
def test_they_do_where_greenlet_cannot_be_had(
    live: Upstream, hold: Event, tmp_path: Path, error: str
) -> None:
    """Not installed, or not for this interpreter. The log says so, and all is answered."""
    (tmp_path / "sitecustomize.py").write_text(
        f"""
import sys

class Hides:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "greenlet":
            raise {error}

sys.meta_path.insert(0, Hides())
"""
    )
    config = f'[live]\nurl = "{live.url}"\n[server]\nthreads = 50'
    with running(config, tmp_path) as process, ExitStack() as stack:
        sent(process, stack, "/late")
        wait_for(live.taken, "the request")
        others_are_answered(process)
        hold.set()
        assert threads_of(process) >= 50
        assert process.output.count("Each request takes a thread; it need not") == 1
        assert "Traceback" not in process.output


LEAVING = """
    [server]
    graceful_timeout = "1s"
    [live]
    url = "{live}"
    [access_log]
    to = "file"
    file = "access.log"
"""
# What nobody wants to read when a worker has done what it was asked.
NOISE = re.compile(r"Traceback|[Ee]rror|Exception|Fatal|dumped|killed|Killing")


@pytest.mark.parametrize("target", ["/late", "/endless"])
def test_a_worker_that_has_to_leave_while_one_waits_leaves_cleanly(
    live: Upstream, target: str
) -> None:
    """After a reload, at ``graceful_timeout``. Who waits for live is told that it will get
    nothing, and is in the access log; who does not read its answer is cut off."""
    with running(LEAVING.format(live=live.url)) as process, ExitStack() as stack:
        client = sent(process, stack, target)
        wait_for(live.taken, "the request")
        if target == "/endless":
            client.head()
        (old,) = process.workers()
        before, began = process.output, time.monotonic()
        process.process.send_signal(signal.SIGHUP)
        wait_for(lambda: not psutil.pid_exists(old), "the old worker to be gone")
        assert 0.9 < time.monotonic() - began < 5
        others_are_answered(process)
        if target == "/late":
            assert client.answer().status == 502
            assert "/late" in (process.folder / "access.log").read_text()
        told = process.output[len(before) :]
        assert (" 502: " in told) == (target == "/late")
        assert not NOISE.search(told), told


def test_a_gateway_that_is_stopped_while_one_waits_stops_in_time(live: Upstream) -> None:
    """Within ``graceful_timeout``, after which the master waits for nobody."""
    with running(LEAVING.format(live=live.url)) as process, ExitStack() as stack:
        client = sent(process, stack, "/late")
        wait_for(live.taken, "the request")
        before, began = process.output, time.monotonic()
        assert process.stop(signal.SIGTERM) == 0
        assert 0.9 < time.monotonic() - began < 5
        try:
            assert client.answer().status == 502
        except (BrokenAnswer, ConnectionResetError):
            pass  # the master was faster
        told = process.output[len(before) :]
        assert not NOISE.search(told), told


def test_what_was_in_progress_is_answered_by_a_worker_that_stops(
    live: Upstream, hold: Event
) -> None:
    """However many wait, each gets its answer; then the worker goes at once."""
    with running(f'[live]\nurl = "{live.url}"') as process, ExitStack() as stack:
        clients = [sent(process, stack, "/late") for _ in range(20)]
        wait_for(lambda: len(live.taken()) == 20, "all requests")
        process.process.send_signal(signal.SIGTERM)
        with process.client() as late:
            wait_for(late.closed, "the listener to be closed")
        hold.set()
        assert [client.answer().body for client in clients] == [b"ok"] * 20
        assert process.stop() == 0
        assert not NOISE.search(process.output), process.output
