"""A breaker: who fails many times in a row gets a rest, a shadow or a store of counts.

A leaf. While it is open nobody is asked: copies are dropped before anything is built
for them. After the cool-down one is let through as a trial: answered closes the
breaker, another failure opens it again for twice as long, up to a limit.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock

# The longest a breaker stays open before it tries again, in cool-downs.
_LONGEST = 8


class Breaker:
    """Opens after ``failures`` failures in a row (0: never) for ``cooldown`` seconds.

    An admission is a number that its report must name: reports of copies that
    were admitted before the breaker last opened or closed change nothing.

    Threads: request threads ask, pool threads report. The lock guards a few
    numbers and is held for a comparison or an assignment. Nothing blocks.
    """

    def __init__(
        self, failures: int, cooldown: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._threshold = failures
        self._cooldown = cooldown
        self._clock = clock
        self._lock = Lock()
        self._generation = 1
        self._failed = 0
        self._opened = 0
        self._retry_at: float | None = None
        self._trial = False

    def admits(self) -> int | None:
        """An admission for a copy, to be followed by ``report`` or ``withdraw``; None: it rests."""
        with self._lock:
            if self._retry_at is not None:
                if self._trial or self._clock() < self._retry_at:
                    return None
                self._trial = True
            return self._generation

    def overtaken(self, admission: int) -> bool:
        """Whether the breaker opened after this copy was admitted, and it should not be sent."""
        return self._retry_at is not None and admission != self._generation

    def withdraw(self, admission: int) -> None:
        """The admitted copy was not sent after all."""
        with self._lock:
            if admission == self._generation:
                self._trial = False

    def report(self, admission: int, failed: bool) -> bool | None:
        """How an admitted copy ended. Returns True when that opened the breaker, False when
        that closed it."""
        with self._lock:
            if admission != self._generation:
                return None
            was_open = self.is_open
            if failed:
                self._failed += 1
                if self._trial or 0 < self._threshold <= self._failed:
                    self._open()
            else:
                self._close()
            return self.is_open if self.is_open != was_open else None

    def _open(self) -> None:
        rest = self._cooldown * min(1 << self._opened, _LONGEST)
        self._opened += 1
        self._retry_at = self._clock() + rest
        self._trial = False
        self._generation += 1

    def _close(self) -> None:
        self._failed = self._opened = 0
        if self._retry_at is not None:
            self._retry_at = None
            self._trial = False
            self._generation += 1

    @property
    def rests(self) -> bool:
        """Whether nothing is admitted now, not even a trial."""
        retry_at = self._retry_at
        return retry_at is not None and (self._trial or self._clock() < retry_at)

    @property
    def is_open(self) -> bool:
        """Whether copies are dropped now, but for trials."""
        return self._retry_at is not None

    def __repr__(self) -> str:
        state = "open" if self.is_open else "closed"
        return f"<Breaker {state}, {self._failed} failures in a row>"
