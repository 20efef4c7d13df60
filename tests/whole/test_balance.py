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
    for _ in range(20):
        clients.one_more()
    for worker in (*clients.workers, *clients.workers):
        clients.leave(worker)
        wait_for(
            lambda worker=worker: {clients.one_more() for _ in range(5)} == {worker},
            "five in a row to be its",
        )


def test_a_stuck_worker_is_not_waited_for(clients: Clients) -> None:
    """Forty clients are answered by the other one."""
    stuck, other = clients.workers
    os.kill(stuck, signal.SIGSTOP)
    try:
        assert [clients.one_more() for _ in range(40)] == [other] * 40
    finally:
        os.kill(stuck, signal.SIGCONT)
