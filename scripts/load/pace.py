"""Looks for what has come no more often than every millisecond, as network cards do.

Clients and upstreams stand for other machines. Woken for each request and each answer, they
took the core from the gateway almost three times for each, which no other machine does: a
card that has just interrupted gathers what comes next (ethtool(8), interrupt coalescing). Who
is idle is woken at once. What waits here waits straight to the upstream too, and counts.
"""

from __future__ import annotations

import time

_SECONDS = 0.001


class Pace:
    """Of one loop."""

    def __init__(self) -> None:
        self._next = 0.0

    def keep(self) -> None:
        """Sleep until a millisecond after the last time this returned, if that is to come."""
        now = time.monotonic()
        if now < self._next:
            time.sleep(self._next - now)
            now = self._next
        self._next = now + _SECONDS
