"""Adds exchanges up in memory, between two writes.

Called for every exchange with a verdict, on the comparing thread, and for every live
request: a few additions to dictionaries. It keeps no exchange (``keeping`` does, a
few), no text but names, and never more keys than it is told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Context, Decimal
from typing import NamedTuple

from gateway.compare.verdict import Comparison, Count, Drift, Judged, Tally
from gateway.store.buckets import SIZE, index_of
from gateway.store.grouping import GroupKey, places
from gateway.store.sampling import BottomK
from gateway.store.sums import Key, Sums
from gateway.store.texts import storable
from gateway.store.values import OTHER

# Sums of money are exact; a number that is beyond all money is left out.
_EXACT = Context(prec=60)
_MOST_DIGITS = 30

_COMPARED = frozenset({Count.MATCH, Count.MATCH_AFTER_IGNORING, Count.DIFFERS})
# Clients choose methods; figures must not grow with what they choose.
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

MIRRORED, HELD_OUT = "mirrored", "held_out"


class PairRow(NamedTuple):
    """Both sides' latency of one exchange, and the number it drew."""

    day: int
    shadow: str
    route: str
    rank: float
    at: float
    live: float
    answer: float


class Seen(NamedTuple):
    """A group, with the first and the last time it was seen."""

    key: GroupKey
    first: float
    last: float


class Sheet:
    """All that was counted since the last write. Keys begin with a time where there is one."""

    def __init__(self, most: int) -> None:
        self.verdicts = Sums(1, most)  # minute, shadow, route, count, verdict, reason
        self.latency = Sums(SIZE + 1, most)  # minute, shadow, route, side
        self.group_counts = Sums(2, most)  # minute, group's id
        self.drift = Sums(4, most)  # day, shadow, route, currency
        self.coverage = Sums(2, most)  # day, shadow, route, method, status, shape
        self.traffic = Sums(1, most)  # minute, route, method, status
        self.ledger = Sums(1, most)  # minute, shadow, outcome, reason
        self.isolation = Sums(SIZE + 4, most)  # minute, arm
        self.groups: dict[str, Seen] = {}
        self.pairs: list[PairRow] = []
        self.lost: Counter[str] = Counter()

    @property
    def sums(self) -> tuple[Sums, ...]:
        """The tables of numbers."""
        return (
            self.verdicts,
            self.latency,
            self.group_counts,
            self.drift,
            self.coverage,
            self.traffic,
            self.ledger,
            self.isolation,
        )

    def is_empty(self) -> bool:
        """Whether there is nothing to write."""
        return not (any(len(sums) for sums in self.sums) or self.lost)

    def __repr__(self) -> str:
        keys = sum(len(sums) for sums in self.sums)
        return f"<Sheet [{keys} keys, {len(self.groups)} groups, {len(self.pairs)} pairs]>"


def minute_of(at: float) -> int:
    """The beginning of its minute, in seconds since the epoch."""
    return int(at) // 60 * 60


def day_of(at: float) -> int:
    """The beginning of its day (UTC), in seconds since the epoch."""
    return int(at) // 86400 * 86400


class Shapes:
    """Few enough shapes: clients choose them.

    Threads: none of its own; whoever has it guards it.
    """

    def __init__(self, most: int = 50) -> None:
        self._most = most
        self._known: dict[tuple[str, str], set[str]] = {}

    def bounded(self, shadow: str, route: str, shape: str) -> str:
        """The shape, or ``OTHER`` where the route has too many already."""
        known = self._known.setdefault((shadow, route), set())
        if shape not in known:
            if len(known) >= self._most:
                return OTHER
            known.add(shape)
        return shape


class Counting:
    """How exchanges become numbers; what must be remembered from one sheet to the next.

    Threads: none of its own; the store calls it under its lock, but for ``shape_of``.
    """

    def __init__(self, *, pairs_per_day: int, max_groups: int) -> None:
        self._sample = BottomK(pairs_per_day)
        self._shapes = Shapes()
        self._max_groups = max_groups
        self._groups: dict[GroupKey, str] = {}

    def add(
        self, sheet: Sheet, judged: Judged, route: str, keys: Sequence[GroupKey], shape: str
    ) -> list[str]:
        """Count one exchange. Returns the ids of its groups."""
        at, shadow, comparison = judged.at, judged.shadow, judged.comparison
        minute, day, count = minute_of(at), day_of(at), comparison.counts_as
        sheet.verdicts.row(_verdict_key(minute, shadow, route, comparison))[0] += 1
        live = judged.live
        shape = self._shapes.bounded(shadow, route, shape)
        status = live.status if live is not None else 0
        method = judged.request.method
        covered = (day, shadow, route, method if method in _METHODS else "OTHER", status, shape)
        row = sheet.coverage.row(covered)
        row[0] += 1
        row[1] += count in _COMPARED
        if live is not None and judged.answer is not None:
            self._time(sheet, judged, route, minute, day)
        if comparison.drift:
            _add_drift(sheet, (day, shadow, route), comparison.drift)
        return self._count_groups(sheet, keys, at, minute) if keys else []

    def _time(self, sheet: Sheet, judged: Judged, route: str, minute: int, day: int) -> None:
        shadow = judged.shadow
        live, answer = judged.live.seconds, judged.answer.seconds  # type: ignore[union-attr]
        for side, seconds in (("live", live), ("shadow", answer)):
            row = sheet.latency.row((minute, shadow, route, side))
            row[index_of(seconds)] += 1
            row[SIZE] += seconds
        rank = self._sample.rank((str(day), shadow, route))
        if rank is not None:
            sheet.pairs.append(PairRow(day, shadow, route, rank, judged.at, live, answer))

    def _count_groups(
        self, sheet: Sheet, keys: Sequence[GroupKey], at: float, minute: int
    ) -> list[str]:
        known = {self._known(key): None for key in keys}
        alone = len(places(known)) == 1
        ids = []
        for key in known:
            group = self._groups[key]
            row = sheet.group_counts.row((minute, group))
            row[0] += 1
            row[1] += alone
            alone = False  # several kinds at one place are one exchange
            seen = sheet.groups.get(group)
            first, last = (seen.first, seen.last) if seen else (at, at)
            sheet.groups[group] = Seen(key, min(first, at), max(last, at))
            ids.append(group)
        return ids

    def _known(self, key: GroupKey) -> GroupKey:
        """The group itself, or the one of all for which there is no room."""
        if key in self._groups:
            return key
        if len(self._groups) >= self._max_groups:
            key = key.overflowing()
        self._groups.setdefault(key, key.id)
        return key


def _add_drift(sheet: Sheet, key: tuple[int, str, str], drifts: Iterable[Drift]) -> None:
    for drift in drifts:
        amount = drift.minor_units
        if not amount.is_finite() or amount.adjusted() > _MOST_DIGITS:
            sheet.lost["drift"] += 1
            continue
        row = sheet.drift.row((*key, storable(drift.currency)[:16]))
        row[0] = _EXACT.add(Decimal(row[0]), amount)
        row[1] += 1
        row[2] += amount > 0
        row[3] += amount < 0


def _verdict_key(minute: int, shadow: str, route: str, comparison: Comparison) -> Key:
    count, verdict = comparison.counts_as.value, comparison.verdict.value
    return minute, shadow, route, count, verdict, storable(comparison.reason)


def add_tally(sheet: Sheet, tally: Tally, route: str, now: float) -> None:
    """Count exchanges of which nothing but the verdict is known."""
    key = _verdict_key(minute_of(now), tally.shadow, route, tally.comparison)
    sheet.verdicts.row(key)[0] += tally.number


def add_request(sheet: Sheet, method: str, route: str, status: int, now: float) -> None:
    """Count one request of a client, whatever became of its copies."""
    known = method if method in _METHODS else "OTHER"
    sheet.traffic.row((minute_of(now), route, known, status))[0] += 1


def add_isolation(sheet: Sheet, arm: str, seconds: float, failed: bool, now: float) -> None:
    """Count one live request of one side of the isolation proof."""
    row = sheet.isolation.row((minute_of(now), arm))
    row[index_of(seconds)] += 1
    row[SIZE] += 1
    row[SIZE + 1] += failed
    row[SIZE + 2] += seconds
    row[SIZE + 3] += seconds * seconds
