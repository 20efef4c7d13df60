"""Every worker has as many connections as the others, whoever wakes first."""

from __future__ import annotations

import os
import signal
from collections import defaultdict
from collections.abc import Iterator

import psutil
import pytest

from tests.support.client import Client
from tests.support.gateway import GatewayProcess, gateway
from tests.support.upstream import upstream
from tests.support.waiting import wait_for


class Clients:
    """Kept connections, by the worker that has them."""

    def __init__(self, running: GatewayProcess) -> None:
        self.workers = running.workers()
        self._running = running
        self._of: defaultdict[int, list[Client]] = defaultdict(list)

    def one_more(self) -> int:
        """Connect, have an answer, and tell which worker gave it."""
        client = self._running.client()
        assert client.request("GET", "/").status == 200
        (worker,) = (w for w in self.workers if self.number(w) == len(self._of[w]) + 1)
        self._of[worker].append(client)
        return worker

    def number(self, worker: int) -> int:
        """How many clients' connections this worker has."""
        return sum(
            connection.laddr.port == self._running.port and connection.raddr != ()
            for connection in psutil.Process(worker).net_connections("tcp")
        )

    def leave(self, worker: int) -> None:
        """Close all that this worker has."""
        while self._of[worker]:
            self._of[worker].pop().__exit__()
        wait_for(lambda: self.number(worker) == 0, "the worker to notice")


@pytest.fixture
def clients() -> Iterator[Clients]:
    """Of a gateway with two workers."""
    with upstream() as live, gateway("--live", live.url, "--workers", "2") as running:
        clients = Clients(running)
        yield clients
        for worker in clients.workers:
            clients.leave(worker)


def test_who_has_fewer_connections_gets_the_next_ones(clients: Clients) -> None:
    """Not who wakes first: it is the one, then the other."""
    for worker in (*clients.workers, *clients.workers):
        for _ in range(20):
            clients.one_more()
        clients.leave(worker)
        # If others were taken to be stuck, then for a second.
        wait_for(
            lambda worker=worker: {clients.one_more() for _ in range(3)} == {worker},
            "three in a row to be its",
        )


def test_a_stuck_worker_is_not_waited_for(clients: Clients) -> None:
    """Forty clients are answered by the other one."""
    stuck, other = clients.workers
    os.kill(stuck, signal.SIGSTOP)
    try:
        assert [clients.one_more() for _ in range(40)] == [other] * 40
    finally:
        os.kill(stuck, signal.SIGCONT)


@pytest.fixture
def two_cpus() -> Iterator[list[int]]:
    """This thread, and what it starts, may use no others."""
    allowed = os.sched_getaffinity(0)
    if len(allowed) < 2:
        pytest.skip("this machine has one CPU")
    two = sorted(allowed)[:2]
    os.sched_setaffinity(0, two)
    yield two
    os.sched_setaffinity(0, allowed)


@pytest.mark.parametrize(
    ("workers", "setting", "expected"),
    [
        pytest.param(2, "auto", "one each", id="one for each CPU"),
        pytest.param(1, "auto", "any", id="fewer workers than CPUs"),
        pytest.param(2, "off", "any", id="switched off"),
    ],
)
def test_each_worker_keeps_to_a_cpu_where_there_are_as_many(
    two_cpus: list[int], workers: int, setting: str, expected: str
) -> None:
    """All of its threads; and no other process of the gateway."""
    config = f"""
        [server]
        workers = {workers}
        cpu_affinity = "{setting}"
    """
    with upstream() as live, gateway("--live", live.url, config=config) as running:
        of_workers = running.workers()
        used = [threads_cpus(worker) for worker in of_workers]
        everybody = psutil.Process(running.process.pid)
        others = [p.pid for p in (everybody, *everybody.children(recursive=True))]
        free = [threads_cpus(pid) for pid in others if pid not in of_workers]
    both = {tuple(two_cpus)}
    each = [{(cpu,)} for cpu in two_cpus] if expected == "one each" else [both] * workers
    assert sorted(used, key=sorted) == each
    assert free
    assert all(cpus == both for cpus in free)


def threads_cpus(process: int) -> set[tuple[int, ...]]:
    """The CPUs that the threads of a process may run on."""
    return {
        tuple(sorted(os.sched_getaffinity(thread.id)))
        for thread in psutil.Process(process).threads()
    }
