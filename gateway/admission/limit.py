"""How many requests may be in progress at once.

Threads that only wait for an upstream cost nothing; threads that all want to
run at once cost each other the interpreter lock, and every switch costs CPU
that no request gets. What tells the two apart is how late a thread wakes that
asked for a moment's sleep: so that lateness is what the limit follows, not the
upstream's latency (compare Netflix's concurrency-limits, which have no better
signal). Additive-increase is too slow for an upstream that suddenly takes a
second, so the limit grows by half while the threads are on time.

Where one thread answers all requests nobody has to tell it: there those in progress go
on before others begin, and so are as many as the machine sustains, up to this limit.

A pure value: it is told the lateness, and asks nobody.
"""

from __future__ import annotations

from typing import Literal, Protocol

# Requests in progress that each take a thread, unless the settings say how many.
THREADS = 64

_GROW = 1.5
_SHRINK = 0.8
# So few are never too many: they are done before others would be refused.
FEW = 8
# Threads that wake this late have to wait for each other.
LATE_SECONDS = 0.005


class Limit(Protocol):
    """``value``: requests that may be in progress now."""

    value: int

    def observe(self, late: float, busiest: int) -> None:
        """A thread woke ``late`` (seconds); at most ``busiest`` were in progress meanwhile."""


class FixedLimit:
    """What the settings say."""

    def __init__(self, value: int) -> None:
        self.value = value

    def observe(self, late: float, busiest: int) -> None:
        """It stays what it is."""

    def __repr__(self) -> str:
        return f"<FixedLimit {self.value}>"


class AdaptiveLimit:
    """Between ``least`` and ``most``; shrinks while threads wake later than ``target`` seconds.

    Threads: one thread observes, any reads ``value``.
    """

    def __init__(self, most: int, target: float, least: int = FEW) -> None:
        self._most = max(1, most)
        self._least = min(least, self._most)
        self._target = target
        self.value = self._most

    def observe(self, late: float, busiest: int) -> None:
        if late > self._target:
            # From what was really used: a limit far above that has no effect to lose.
            used = min(self.value, max(busiest, self._least))
            self.value = max(self._least, int(used * _SHRINK))
        elif late < self._target / 2 and busiest >= self.value:
            self.value = min(self._most, int(self.value * _GROW) + 1)

    def __repr__(self) -> str:
        return f"<AdaptiveLimit {self.value} of {self._most}>"


def limit_for(
    mode: Literal["adaptive", "fixed", "off"],
    limit: int,
    threads: int,
    late: float = LATE_SECONDS,
) -> Limit:
    """The limit of a worker with so many threads. ``limit`` 0: what the threads allow."""
    most = min(limit or threads, threads)
    return AdaptiveLimit(most, late) if mode == "adaptive" else FixedLimit(most)
