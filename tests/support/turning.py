"""A hub on the thread of a test, which takes the rounds that a worker takes."""

from __future__ import annotations

import select
import time
from collections.abc import Callable

from gateway.server.hub import Hub

LONG = 10.0


class Turning:
    """A hub, and rounds of what its worker does."""

    def __init__(self) -> None:
        self.epoll = select.epoll()
        self.hub = Hub(self.epoll)
        # Descriptors something happened to for which nobody waited.
        self.others: list[int] = []

    def start(self, work: Callable[[], object]) -> None:
        self.hub.start(lambda work: work(), work)

    def turn(self, seconds: float = 0.0) -> None:
        """One round, which waits for so long at most."""
        patience = self.hub.patience()
        patience = seconds if patience < 0 else min(seconds, patience)
        for fd, events in self.epoll.poll(patience):
            if not self.hub.happened(fd, events):
                self.others.append(fd)
        self.hub.look_after()

    def turn_until(self, true: Callable[[], object]) -> None:
        ends = time.monotonic() + LONG
        while not true():
            assert time.monotonic() < ends, self.hub
            self.turn(ends - time.monotonic())

    def close(self) -> None:
        self.hub.close()
        self.epoll.close()
