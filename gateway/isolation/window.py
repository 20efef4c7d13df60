"""Counts the requests of the last minutes, mirrored and held out, in one worker."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from threading import Lock

from gateway.isolation.sums import Groups, Sums

# The window moves in steps of this part of it.
_STEPS = 30


class _Group:
    """Sums that grow."""

    __slots__ = ("failed", "requests", "seconds", "squares")

    def __init__(self) -> None:
        self.requests = self.failed = 0
        self.seconds = self.squares = 0.0

    def sums(self) -> Sums:
        return Sums(self.requests, self.seconds, self.squares, self.failed)


class Window:
    """The last ``seconds``. A request counts with at most ``longest`` seconds.

    Threads: request threads add, the housekeeper's reads and clears. The lock guards
    the sums, for a few additions. Nothing blocks.
    """

    def __init__(
        self, seconds: float, longest: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._step = seconds / _STEPS
        self._longest = longest
        self._clock = clock
        self._lock = Lock()
        # (when its step ends, mirrored, held out), the oldest first.
        self._steps: deque[tuple[float, _Group, _Group]] = deque()
        self._now = self._begin(clock())

    def _begin(self, now: float) -> tuple[float, _Group, _Group]:
        step = (now + self._step, _Group(), _Group())
        self._steps.append(step)
        return step

    def add(self, held_out: bool, seconds: float, failed: bool) -> None:
        """A request that could be mirrored has been answered."""
        seconds = min(seconds, self._longest)
        with self._lock:
            group = self._now[2] if held_out else self._now[1]
            group.requests += 1
            group.seconds += seconds
            group.squares += seconds * seconds
            group.failed += failed

    def groups(self) -> Groups:
        """What there is, and move on: to be asked more often than the window has steps."""
        now = self._clock()
        with self._lock:
            if now >= self._now[0]:
                self._now = self._begin(now)
            while self._steps[0][0] < now - self._step * _STEPS:
                self._steps.popleft()
            return Groups(
                Sums.of(mirrored.sums() for _, mirrored, _ in self._steps),
                Sums.of(held_out.sums() for _, _, held_out in self._steps),
            )

    def clear(self) -> None:
        """Forget all: what was measured so far is not how it is now."""
        with self._lock:
            self._steps.clear()
            self._now = self._begin(self._clock())

    def __repr__(self) -> str:
        mirrored, held_out = self.groups()
        return f"<Window [{mirrored.requests} mirrored, {held_out.requests} held out]>"
