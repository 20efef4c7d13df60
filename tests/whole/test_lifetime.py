"""Start, reload and stop: nothing lost, nothing left behind.

With ``-rP`` pytest shows the figures: ``RELOADS=50 pytest -rP tests/whole/test_lifetime.py``.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Lock, Thread

import psutil
import pytest

from tests.support.client import BrokenAnswer
from tests.support.gateway import GatewayProcess, gateway
from tests.support.upstream import OK, Received, reset, stalled, upstream
from tests.support.waiting import wait_for

RELOADS = int(os.environ.get("RELOADS", "5"))
WORKER_CLASSES = pytest.mark.parametrize("worker_class", ["gateway", "gthread", "gevent"])


class Traffic:
    """Clients that send requests one after the other until told to stop."""

    def __init__(self, running: GatewayProcess, clients: int, per_connection: int) -> None:
        self.outcomes: Counter[str] = Counter()
        self._running = running
        self._per_connection = per_connection
        self._stop = Event()
        self._lock = Lock()
        self._threads = [Thread(target=self._run) for _ in range(clients)]

    def __enter__(self) -> Traffic:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with self._running.client() as client:
                    for _ in range(self._per_connection):
                        answer = client.request("POST", "/", body=b"x" * 100)
                        self._note(str(answer.status))
                        if "close" in answer.values("Connection") or self._stop.is_set():
                            break
            except (BrokenAnswer, OSError) as error:
                self._note(repr(error))

    def _note(self, outcome: str) -> None:
        with self._lock:
            self.outcomes[outcome] += 1


@WORKER_CLASSES
@pytest.mark.parametrize("per_connection", [1, 20], ids=["new-connections", "kept-connections"])
def test_no_request_fails_over_reloads_under_traffic(
    per_connection: int, worker_class: str
) -> None:
    """SIGHUP replaces all workers; requests under way complete, on kept connections too."""
    with upstream(_slow) as live, upstream() as shadow:
        flags = ("--live", live.url, "--shadow", shadow.url, "--worker-class", worker_class)
        with gateway(*flags) as running:
            with Traffic(running, 6, per_connection) as traffic:
                reloads = RELOADS if worker_class == "gateway" else 2
                for _ in range(reloads):
                    old = wait_for(lambda: _both(running), "both workers")
                    running.process.send_signal(signal.SIGHUP)
                    wait_for(lambda old=old: _replaced(running, old), "new workers alone", 30)
            sent = traffic.outcomes["200"]
            wait_for(lambda: running.metric("gateway_requests_total") == sent, "every request")
            running.quiet()
    print(f"{worker_class}: {reloads} reloads, {dict(traffic.outcomes)}")
    assert set(traffic.outcomes) == {"200"}
    assert sent == len(live.taken())


def _replaced(running: GatewayProcess, old: set[int]) -> bool:
    """Whether there are as many workers as before, and none of those. Between the two
    there may be none at all: a signal sent then would be one more in the queue."""
    new = _both(running)
    return bool(new) and not old & new


def _both(running: GatewayProcess) -> set[int]:
    """The workers, once there are both: a gateway is ready with one."""
    workers = set(running.workers())
    return workers if len(workers) == 2 else set()


def _slow(request: Received) -> Iterator[bytes]:
    Event().wait(0.01)
    yield OK


@WORKER_CLASSES
def test_a_worker_is_replaced_after_max_requests_and_none_fails(worker_class: str) -> None:
    """Each worker drains before it ends."""
    with upstream() as live, upstream() as shadow:
        config = f"""
            [server]
            workers = 1
            max_requests = 50
            worker_class = "{worker_class}"
            [live]
            url = "{live.url}"
            [[shadows]]
            url = "{shadow.url}"
        """
        with gateway(config=config) as running:
            first = running.workers()
            with Traffic(running, 4, 10) as traffic:
                wait_for(
                    lambda: running.workers() and running.workers() != first, "a new worker", 30
                )
            sent = traffic.outcomes["200"]
            wait_for(lambda: running.metric("gateway_requests_total") == sent, "every request")
    assert set(traffic.outcomes) == {"200"}


@WORKER_CLASSES
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_stopping_leaves_nothing_behind(number: signal.Signals, worker_class: str) -> None:
    """No process, no thread holding one up, no folder; whatever the shadow is doing."""
    hold = Event()
    with (
        upstream() as live,
        upstream(lambda r: lambda connection: stalled(connection, hold)) as shadow,
    ):
        config = f"""
            [server]
            worker_class = "{worker_class}"
            [live]
            url = "{live.url}"
            [[shadows]]
            url = "{shadow.url}"
            timeout = "60s"
            [mirror]
            drain_timeout = "300ms"
        """
        with gateway(config=config) as running:
            with running.client() as client:
                for _ in range(20):
                    client.request("GET", "/")
            wait_for(shadow.taken, "a copy on its way")
            family = psutil.Process(running.process.pid).children(recursive=True)
            folder = _runtime_folder(family)
            assert len(family) >= 4
            assert running.stop(number) == 0
            _, alive = psutil.wait_procs(family, timeout=5)
            assert alive == []
            assert not folder.exists()
        hold.set()


SLOW_START = """
import time
from gateway.server.conf import configure

globals().update(configure())
ours = post_fork


def post_fork(arbiter, worker):
    ours(arbiter, worker)
    while arbiter.SIG_QUEUE.empty():  # until it is told to stop
        time.sleep(0.01)
"""


def test_a_gateway_that_is_stopped_while_it_starts_stops(tmp_path: Path) -> None:
    """A worker that has no signal handlers yet does not sit out the graceful time-out."""
    conf = tmp_path / "slow_start.py"
    conf.write_text(SLOW_START)
    output = (tmp_path / "output").open("w+b")
    with upstream() as live, output:
        addresses = {"GATEWAY_BIND": "127.0.0.1:0", "GATEWAY_ADMIN": "127.0.0.1:0"}
        with subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "-c", str(conf), "gateway.wsgi:application"],
            stderr=output,
            env={**os.environ, **addresses, "GATEWAY_LIVE": live.url},
        ) as process:
            try:
                printed = tmp_path / "output"
                wait_for(lambda: b"Booting worker" in printed.read_bytes(), "a worker to boot")
                process.send_signal(signal.SIGTERM)
                assert process.wait(15) == 0
            finally:
                process.kill()


@WORKER_CLASSES
def test_a_request_under_way_completes_when_the_gateway_stops(worker_class: str) -> None:
    """SIGTERM takes no new ones and finishes those it has."""
    go = Event()

    def slow(request: Received) -> Iterator[bytes]:
        go.wait(10)
        yield OK

    with (
        upstream(slow) as live,
        gateway("--live", live.url, "--worker-class", worker_class) as running,
    ):
        with running.client() as client:
            client.send(b"GET / HTTP/1.1\r\nHost: g\r\n\r\n")
            wait_for(live.taken, "the request")
            running.process.send_signal(signal.SIGTERM)
            wait_for(lambda: _draining(running), "draining")
            go.set()
            assert client.answer().body == b"ok"
        assert running.stop() == 0


def _draining(running: GatewayProcess) -> bool:
    status, text = running.get("/readyz")
    return status == 503 and '"serving": 0' in text


def test_the_admin_process_ends_with_a_gateway_that_is_killed() -> None:
    """SIGKILL gives nobody a chance to say goodbye."""
    with upstream() as live, gateway("--live", live.url) as running:
        family = psutil.Process(running.process.pid).children(recursive=True)
        folder = _runtime_folder(family)
        running.process.kill()
        _, alive = psutil.wait_procs(family, timeout=15)
        assert alive == []
        assert not folder.exists()


def _runtime_folder(family: list[psutil.Process]) -> Path:
    """Known from outside by what the admin process was started with."""
    environs = [process.environ() for process in family]
    return Path(
        next(e["GATEWAY_INTERNAL_RUNTIME"] for e in environs if "GATEWAY_INTERNAL_RUNTIME" in e)
    )


def test_ten_thousand_requests_leak_no_descriptor_and_no_thread(hold: Event) -> None:
    """With failures of both sides mixed in; every copy is sent, none is dropped."""
    shadow_acts = [OK, OK, OK, reset, None, b"garbage\r\n\r\n"]
    count = [0]

    def act(request: Received) -> object:
        count[0] += 1
        if count[0] % 50 == 0:
            return lambda connection: stalled(connection, hold, 0.2)
        return shadow_acts[count[0] % len(shadow_acts)]

    with upstream(_mostly) as live, upstream(act) as shadow:  # type: ignore[arg-type]
        config = f"""
            [server]
            workers = 1
            threads = 8
            [live]
            url = "{live.url}"
            [[shadows]]
            url = "{shadow.url}"
            timeout = "100ms"
            [mirror]
            threads = 8
            max_queue = 20000
        """
        with gateway(config=config) as running:
            worker = psutil.Process(running.workers()[0])
            _send(running, 480)
            _all_copied(running, 480)
            before = (_descriptors(worker), worker.num_threads())
            _send(running, 10_000)
            _all_copied(running, 10_480)
            assert running.metric("gateway_requests_total") == 10_480
            wait_for(
                lambda: (_descriptors(worker), worker.num_threads()) <= before,
                f"no more than {before[0]} descriptors and {before[1]} threads",
            )
            after = (_descriptors(worker), worker.num_threads())
            print(f"descriptors and threads: {before} before, {after} after 10,000 requests")
            ledger = running.ledger()
            print(ledger)
            assert {key.split()[0] for key in ledger} == {"answered", "failed"}


@pytest.fixture
def hold() -> Iterator[Event]:
    event = Event()
    yield event
    event.set()


def _all_copied(running: GatewayProcess, number: int) -> None:
    """Clients do not wait for the copies, which take longer than the requests."""
    name = "gateway_shadow_requests_total"
    wait_for(lambda: running.metric(name) == number, f"{number} copies", 90)


def _mostly(request: Received) -> object:
    return reset if request.target.endswith(b"7") else OK


def _send(running: GatewayProcess, requests: int, clients: int = 8) -> None:
    def run() -> None:
        with running.client(20) as client:
            for n in range(requests // clients):
                client.request("POST", f"/{n}", body=b"x" * 200)

    threads = [Thread(target=run) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _descriptors(process: psutil.Process) -> int:
    """Open descriptors, less the connections kept to upstreams: those are bounded by the pool."""
    kept = sum(c.status == psutil.CONN_ESTABLISHED for c in process.net_connections())
    return process.num_fds() - kept
