"""Several calls to shadows on one pool thread: all are sent, then their answers are read.

A thread for each copy would be woken twice, to take the copy and to take the
answer, each time with a struggle for the interpreter lock against the threads
that answer clients. Sent together, copies share the wake-ups.

Nothing here waits for one call alone: what is not done in one step when its
turn comes is handed back, to be finished on a thread of its own.
"""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Iterable

from gateway.shadow.outcome import Outcome
from gateway.shadow.permit import Permit


class Batch:
    """``ended`` and ``hand_over`` are told what became of each permit: one of them, once.

    Threads: one pool thread makes and runs it.
    """

    def __init__(
        self, ended: Callable[[Permit, Outcome], None], hand_over: Callable[[Permit], None]
    ) -> None:
        self._ended = ended
        self._hand_over = hand_over
        self._waiting: dict[int, Permit] = {}
        self._poll = select.poll()

    def run(self, permits: Iterable[Permit]) -> None:
        """Returns when every call has ended or was handed over."""
        for permit in permits:
            self._begin(permit)
        while self._waiting:
            self._wait()

    def _begin(self, permit: Permit) -> None:
        outcome = permit.guarded(permit.work.begin)
        fd = permit.work.fileno() if outcome is None else -1
        if fd >= 0:
            self._poll.register(fd, select.POLLIN)
            self._waiting[fd] = permit
        else:
            self._settle(permit, outcome)

    def _settle(self, permit: Permit, outcome: Outcome | None) -> None:
        if outcome is None:
            self._hand_over(permit)
        else:
            self._ended(permit, outcome)

    def _wait(self) -> None:
        left = min(permit.work.ends for permit in self._waiting.values()) - time.monotonic()
        ready = self._poll.poll(max(0.0, left) * 1000)
        for fd, _ in ready:
            permit = self._take(fd)
            self._settle(permit, permit.guarded(permit.work.advance))
        if not ready:
            self._expire(time.monotonic())

    def _expire(self, now: float) -> None:
        for fd in [fd for fd, permit in self._waiting.items() if permit.work.ends <= now]:
            permit = self._take(fd)
            self._settle(permit, permit.guarded(permit.work.finish))

    def _take(self, fd: int) -> Permit:
        self._poll.unregister(fd)
        return self._waiting.pop(fd)

    def __repr__(self) -> str:
        return f"<Batch [{len(self._waiting)} waiting for answers]>"
