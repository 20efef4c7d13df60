"""The ledger: for every live request and shadow, exactly one outcome.

The sums of a shadow's outcomes equal the live requests; copies under way are
the only difference, and there are none once the pool is idle.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from threading import Lock

from gateway.shadow.outcome import Outcome

Sink = Callable[[str, Outcome], None]


class Ledger:
    """Counts outcomes by shadow name and hands each to ``sink`` (metrics).

    Threads: request threads and shadow threads record; any thread may read.
    The lock guards the counts only and is held for one addition. Nothing blocks.
    """

    def __init__(self, shadows: Iterable[str], sink: Sink | None = None) -> None:
        self._counts: dict[str, Counter[Outcome]] = {name: Counter() for name in shadows}
        self._lock = Lock()
        self._sink = sink

    def record(self, shadow: str, outcome: Outcome) -> None:
        """Count one live request's end for one shadow."""
        with self._lock:
            self._counts[shadow][outcome] += 1
        if self._sink is not None:
            self._sink(shadow, outcome)

    def snapshot(self) -> dict[str, dict[Outcome, int]]:
        """All counts at one moment: shadow name to outcome to number."""
        with self._lock:
            return {name: dict(counts) for name, counts in self._counts.items()}

    def total(self, shadow: str) -> int:
        """How many live requests have ended for one shadow."""
        with self._lock:
            return sum(self._counts[shadow].values())

    def __repr__(self) -> str:
        counts = "; ".join(
            f"{name}: "
            + (", ".join(f"{n} {o.outcome} {o.reason}".rstrip() for o, n in c.items()) or "none")
            for name, c in self.snapshot().items()
        )
        return f"<Ledger {counts}>"
