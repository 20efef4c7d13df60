"""A breaker for each shadow: after many failures in a row it gets a rest.

While it is open, copies are dropped before anything is built for them. After
the cool-down one copy is let through as a trial: answered closes the breaker,
another failure opens it again for twice as long, up to a limit.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock

# The longest a breaker stays open before it tries again, in cool-downs.
_LONGEST = 8


class Breaker:
    """Opens after ``failures`` failures in a row (0: never) for ``cooldown`` seconds.

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
        self._failed = 0
        self._opened = 0
        self._retry_at: float | None = None
        self._trial = False

    def admits(self) -> bool:
        """Whether a copy may be offered. A True must be followed by a report or ``withdraw``."""
        with self._lock:
            if self._retry_at is None:
                return True
            if self._trial or self._clock() < self._retry_at:
                return False
            self._trial = True
            return True

    def withdraw(self) -> None:
        """The admitted copy was not offered after all."""
        with self._lock:
            self._trial = False

    def report(self, failed: bool) -> None:
        """How an admitted copy ended."""
        with self._lock:
            if failed:
                self._failed += 1
                tripped = self._retry_at is None and 0 < self._threshold <= self._failed
                if self._trial or tripped:
                    self._open()
            else:
                self._failed = self._opened = 0
                self._retry_at = None
            self._trial = False

    def _open(self) -> None:
        rest = self._cooldown * min(1 << self._opened, _LONGEST)
        self._opened += 1
        self._retry_at = self._clock() + rest

    @property
    def is_open(self) -> bool:
        """Whether copies are dropped now, but for trials."""
        return self._retry_at is not None

    def __repr__(self) -> str:
        state = "open" if self.is_open else "closed"
        return f"<Breaker {state}, {self._failed} failures in a row>"
