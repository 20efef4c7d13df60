"""What a comparison has found so far, within bounds.

Used by one comparison, on one thread.
"""

from __future__ import annotations

from decimal import Context, Decimal
from typing import Any, NamedTuple

from gateway.compare.pointers import Trail, live_keys, pattern_of, pointer_to, shadow_keys
from gateway.compare.verdict import Difference, Drift, Kind, Part

# Beyond so many money fields of one exchange the rest is added up by currency.
_MOST_DRIFTS = 1000
# An amount that no currency has: it is a difference, but would spoil every sum.
_LARGEST = Decimal(10) ** 18


class Mark(NamedTuple):
    """A state of ``Found`` to go back to."""

    differences: int
    total: int
    ignored: int
    drift: int
    more_drift: dict[str, Decimal]


class Found:
    """Differences up to a number, and counts of what else there was."""

    def __init__(self, max_differences: int) -> None:
        self._max = max_differences
        self.differences: list[Difference] = []
        # Of all differences, also those that were not kept.
        self.count = 0
        self.ignored = 0
        self._drift: list[Drift] = []
        self._more_drift: dict[str, Decimal] = {}
        # Sums must be exact: amounts have up to 18 digits before the point, and few after it.
        self._exact = Context(prec=80, traps=[])

    @property
    def full(self) -> bool:
        """Whether further differences are not kept."""
        return len(self.differences) >= self._max

    def add(self, difference: Difference) -> None:
        """A difference anywhere."""
        self.count += 1
        if len(self.differences) < self._max:
            self.differences.append(difference)

    def in_body(self, kind: Kind, trail: Trail, live: Any = None, shadow: Any = None) -> None:
        """A difference at a place in JSON."""
        if self.full:
            self.count += 1
            return
        keys, others = live_keys(trail), shadow_keys(trail)
        both = kind not in {Kind.MISSING, Kind.ADDED, Kind.REQUIRED}
        if kind in {Kind.ADDED, Kind.REQUIRED}:
            keys = others
        elsewhere = pointer_to(others) if both and others != keys else None
        where = pointer_to(keys), pattern_of(keys)
        self.add(Difference(Part.BODY, kind, *where, live, shadow, elsewhere))

    def drifted(self, trail: Trail, currency: str, minor_units: Decimal) -> None:
        """An amount that differs, tolerated or not."""
        if minor_units.copy_abs() >= _LARGEST:
            return
        if len(self._drift) < _MOST_DRIFTS:
            self._drift.append(Drift(pointer_to(live_keys(trail)), currency, minor_units))
        else:
            before = self._more_drift.get(currency, Decimal(0))
            self._more_drift[currency] = self._exact.add(before, minor_units)

    def drift(self) -> tuple[Drift, ...]:
        """Of every amount; of those beyond the bound one for each currency, at ""."""
        more = (Drift("", currency, units) for currency, units in self._more_drift.items())
        return (*self._drift, *more)

    def mark(self) -> Mark:
        """The state to go back to if what comes next turns out to be something else."""
        more = dict(self._more_drift)
        return Mark(len(self.differences), self.count, self.ignored, len(self._drift), more)

    def back_to(self, mark: Mark) -> None:
        """Forgets what was found since."""
        del self.differences[mark.differences :], self._drift[mark.drift :]
        self.count, self.ignored = mark.total, mark.ignored
        self._more_drift = mark.more_drift

    def __repr__(self) -> str:
        return f"<Found {len(self.differences)} differences, {self.ignored} ignored>"
