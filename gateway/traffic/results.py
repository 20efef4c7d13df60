"""What a replay came to: counts, times, and the differences in groups. No I/O, no threads."""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from gateway.compare.answer import Answer
from gateway.compare.verdict import Comparison, Count, Difference, NotCompared, Verdict
from gateway.failures import Failure
from gateway.shadow.copy import Copy
from gateway.traffic.recorded import Recorded
from gateway.traffic.replay import Replayed

Compare = Callable[[Copy, Answer, Answer], Comparison]

# A target that differs in everything must not fill the memory, nor the screen.
_MOST_GROUPS = 1000
_TIMED_OUT = {Failure.CONNECT_TIMED_OUT.value, Failure.READ_TIMED_OUT.value}


class GroupKey(NamedTuple):
    """Differences that say the same, at whichever index of whichever exchange."""

    route: str
    method: str
    part: str
    kind: str
    pattern: str


@dataclass
class Group:
    """``count``: exchanges that have it. The first of them is kept as the example."""

    count: int
    example: Recorded
    difference: Difference


class Times(NamedTuple):
    """Seconds: the middle, the slow end and the worst."""

    p50: float
    p99: float
    worst: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Times | None:
        """None where nothing was timed. Percentiles are values that occurred."""
        if not seconds:
            return None
        ranked = sorted(seconds)
        middle, slow = (ranked[math.ceil(len(ranked) * share) - 1] for share in (0.5, 0.99))
        return cls(middle, slow, ranked[-1])


class Results:
    """Adds up what was sent. ``compare``: of two answers, None where nobody asked for it.

    Threads: one.
    """

    def __init__(self, compare: Compare | None = None) -> None:
        self._compare = compare
        self.compared = compare is not None
        self.sent = 0
        self.statuses: Counter[int] = Counter()
        self.failed: Counter[str] = Counter()
        self.counts: Counter[Count] = Counter()
        # Why exchanges could not be compared.
        self.reasons: Counter[str] = Counter()
        self.groups: dict[GroupKey, Group] = {}
        # Exchanges with differences for which there was no group any more.
        self.ungrouped = 0
        self._lags, self._seconds, self._live = array("d"), array("d"), array("d")

    def add(self, replayed: Replayed) -> Comparison | None:
        """Count one; what comparing it came to, if that was asked for."""
        self.sent += 1
        self._lags.append(replayed.lag)
        got, live = replayed.got, replayed.recorded.live
        if isinstance(got, Answer):
            self.statuses[got.status] += 1
            self._seconds.append(got.seconds)
            if live is not None:
                self._live.append(live.seconds)
        else:
            self.failed[got] += 1
        if self._compare is None:
            return None
        comparison = _comparison(self._compare, replayed)
        self._count(replayed.recorded, comparison)
        return comparison

    def _count(self, recorded: Recorded, comparison: Comparison) -> None:
        self.counts[comparison.counts_as] += 1
        if comparison.counts_as is Count.NOT_COMPARABLE:
            self.reasons[comparison.reason] += 1
        method, route = recorded.request.method, recorded.route
        keyed = ((_key(route, method, each), each) for each in comparison.differences)
        # Once for each group, with the first difference of the exchange that is in it.
        for key, difference in dict(reversed(list(keyed))).items():
            group = self.groups.get(key)
            if group is not None:
                group.count += 1
            elif len(self.groups) < _MOST_GROUPS:
                self.groups[key] = Group(1, recorded, difference)
            else:
                self.ungrouped += 1

    @property
    def comparable(self) -> int:
        """Exchanges that tell something: the target matched, differed or failed."""
        return sum(self.counts.values()) - self.counts[Count.NOT_COMPARABLE]

    @property
    def match_percent(self) -> float:
        """Of those, the share that matched."""
        matched = self.counts[Count.MATCH] + self.counts[Count.MATCH_AFTER_IGNORING]
        return 100 * matched / self.comparable if self.comparable else 0.0

    @property
    def lag(self) -> Times | None:
        """How late requests were sent."""
        return Times.of(self._lags)

    @property
    def latency(self) -> Times | None:
        """How long the target took."""
        return Times.of(self._seconds)

    @property
    def live_latency(self) -> Times | None:
        """How long live had taken for the requests that the target answered."""
        return Times.of(self._live)

    def by_count(self) -> Iterator[tuple[GroupKey, Group]]:
        """The groups, the largest first."""
        yield from sorted(self.groups.items(), key=lambda item: (-item[1].count, item[0]))


def _key(route: str, method: str, difference: Difference) -> GroupKey:
    part, kind = difference.part.value, difference.kind.value
    return GroupKey(route, method, part, kind, difference.pattern)


def _comparison(compare: Compare, replayed: Replayed) -> Comparison:
    recorded, got = replayed.recorded, replayed.got
    if not isinstance(got, Answer):
        verdict = Verdict.TIMED_OUT if got in _TIMED_OUT else Verdict.SHADOW_FAILED
        return Comparison(verdict, got)
    if recorded.live is None:
        return Comparison(Verdict.NOT_COMPARED, NotCompared.LIVE_FAILED.value)
    return compare(recorded.request, recorded.live, got)


def skipping(
    exchanges: Iterable[Recorded], wanted: Callable[[Recorded], bool], skipped: Counter[str]
) -> Iterator[Recorded]:
    """Those that are wanted; the others are counted by method."""
    for recorded in exchanges:
        if wanted(recorded):
            yield recorded
        else:
            skipped[recorded.request.method] += 1
