"""An even random sample of what there is too much of, which several processes take together.

A leaf. Every pair of latencies draws a number between 0 and 1, and those with the
smallest numbers of a day, shadow and route are kept. Whoever holds the smallest of each
of several samples has a sample of all of them, in whatever order they came: processes
need not know of each other, and samples of several days can be put together.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from random import random

Stratum = tuple[str, str, str]

# Days, shadows and routes that are remembered; what comes after is sampled anew.
_MOST_STRATA = 2000


class BottomK:
    """Which of a stream to keep, so that the ``size`` with the smallest numbers are among them.

    Threads: none of its own; whoever has it guards it.
    """

    def __init__(self, size: int, draw: Callable[[], float] = random) -> None:
        self._size = size
        self._draw = draw
        # The largest first, so negated: what is beyond it need not be kept.
        self._kept: dict[Stratum, list[float]] = {}

    def rank(self, stratum: Stratum) -> float | None:
        """The number drawn for one more, None if it is not among the smallest."""
        drawn = self._draw()
        kept = self._kept.get(stratum)
        if kept is None:
            kept = self._new(stratum)
        if len(kept) < self._size:
            heapq.heappush(kept, -drawn)
            return drawn
        if not kept or -drawn <= kept[0]:
            return None
        heapq.heapreplace(kept, -drawn)
        return drawn

    def _new(self, stratum: Stratum) -> list[float]:
        if len(self._kept) >= _MOST_STRATA:
            del self._kept[next(iter(self._kept))]  # the oldest: its day is probably over
        kept: list[float] = []
        self._kept[stratum] = kept
        return kept

    def __repr__(self) -> str:
        return f"<BottomK {self._size} of each of {len(self._kept)} strata>"
