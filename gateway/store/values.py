"""What can be asked of the store, and what it answers: plain values, fit for JSON.

A leaf. Times are seconds since the epoch, durations are seconds. Words (verdicts,
counts, kinds, outcomes) are the values of the enums in ``compare.verdict`` and
``shadow.outcome``, as text, so that a store written by another version can be read.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from decimal import Decimal
from typing import Literal, NamedTuple

from msgspec import Struct

from gateway.compare.verdict import Count, Judged

# The name under which live is compared with live (``shadow.floor``). Queries for
# "all shadows" leave it out.
FLOOR = "live"

# What is counted in place of a parameter shape or a pattern that came after too many.
OTHER = "…"

State = Literal["open", "closed"]
Order = Literal["count", "last_seen", "first_seen"]


def day_text(at: float) -> str:
    """YYYY-MM-DD, UTC."""
    return datetime.fromtimestamp(at, timezone.utc).strftime("%Y-%m-%d")


class Filter(Struct, frozen=True, kw_only=True):
    """Which exchanges are asked about; None: all.

    Figures are kept by the minute, and by the hour once they are old: ``since`` counts
    from the beginning of its minute or hour. ``route``: "default" is requests of no route.
    ``verdict``: a value of ``Verdict``; ignored where figures have none.
    """

    shadow: str | None = None
    route: str | None = None
    verdict: str | None = None
    since: float | None = None
    until: float | None = None


class Counts(Struct, frozen=True):
    """The five counts that are never mixed."""

    match: int = 0
    match_after_ignoring: int = 0
    differs: int = 0
    not_comparable: int = 0
    shadow_failed: int = 0

    @property
    def matches(self) -> int:
        """Exchanges that match, with or without ignoring."""
        return self.match + self.match_after_ignoring

    @property
    def compared(self) -> int:
        """Exchanges whose two answers were compared: what a match rate is a rate of."""
        return self.matches + self.differs

    @property
    def total(self) -> int:
        """Exchanges with a verdict."""
        return self.compared + self.not_comparable + self.shadow_failed

    @classmethod
    def of(cls, numbers: Mapping[str, int]) -> Counts:
        """From the values of ``Count`` to numbers."""
        return cls(**{count.value: numbers.get(count.value, 0) for count in Count})


class VerdictCount(Struct, frozen=True):
    """Exchanges with one verdict and reason."""

    shadow: str
    route: str
    count: str
    verdict: str
    reason: str
    number: int


class LedgerCount(Struct, frozen=True):
    """Live requests that ended in one way for one shadow."""

    shadow: str
    outcome: str
    reason: str
    number: int


class Percentiles(Struct, frozen=True):
    """Latency of one side, from a histogram: each value is within 15 % of the true one.

    All are 0 where ``number`` is.
    """

    number: int = 0
    mean: float = 0.0
    p50: float = 0.0
    p90: float = 0.0
    p95: float = 0.0
    p99: float = 0.0
    p999: float = 0.0


class Latency(Struct, frozen=True):
    """Latency of both sides, over the exchanges in which both answered."""

    live: Percentiles = Percentiles()
    shadow: Percentiles = Percentiles()


class Summary(Struct, frozen=True):
    """All at a glance. ``first_at`` and ``last_at``: of the figures there are, if there are.

    ``live_requests``: of clients, whatever became of copies; each shadow's ledger sums to it.
    ``ledger``: outcome to number, all shadows asked about together, nothing for one route.
    ``open_groups``: groups seen in this time that are open now.
    """

    first_at: float | None
    last_at: float | None
    live_requests: int
    counts: Counts
    verdicts: dict[str, int]
    ledger: dict[str, int]
    open_groups: int
    closed_groups: int
    latency: Latency


class Point(Struct, frozen=True):
    """One step of a series. ``at``: its beginning.

    ``live``: requests of clients in this step. ``ledger``: outcome to number; ``drops``: the
    dropped ones by reason; ``verdicts``: verdict to number.
    """

    at: float
    live: int
    ledger: dict[str, int]
    drops: dict[str, int]
    counts: Counts
    verdicts: dict[str, int]
    latency: Latency


class Group(Struct, frozen=True):
    """Differences that are one bug, or exchanges that failed in one way.

    ``id``: 16 hex digits, the same for the same difference in every store. ``part`` and
    ``kind``: values of ``Part`` and ``Kind``; for failures ``part`` is "exchange" and ``kind``
    the verdict, ``pattern`` the reason. ``verdict``: what such a difference alone makes of an
    exchange. ``number``: exchanges with it in the time asked about; ``alone``: those of them
    that differ in nothing else; ``share``: of the exchanges compared in that time with the
    group's shadow and route (of all with a verdict, for failures). ``first_seen`` and
    ``last_seen``: ever, within the store's age. ``passes``: clean rechecks in a row.
    ``reopened``: how often it came back after it was closed. ``examples``: how many are kept.
    """

    id: str
    shadow: str
    route: str
    part: str
    kind: str
    pattern: str
    verdict: str
    number: int
    alone: int
    share: float
    first_seen: float
    last_seen: float
    state: State
    closed_at: float | None
    passes: int
    reopened: int
    examples: int


class GroupPage(Struct, frozen=True):
    """Some groups, and how many there are in all."""

    total: int
    groups: list[Group]


class ExampleHead(Struct, frozen=True):
    """A kept example without its contents. ``size``: bytes of both bodies and the request's."""

    id: int
    group: str
    at: float
    request_id: str
    method: str
    target: str
    live_status: int | None
    shadow_status: int | None
    size: int


class Example(NamedTuple):
    """A kept example, redacted before it was stored."""

    head: ExampleHead
    judged: Judged


class Pair(NamedTuple):
    """How long both sides took for one exchange."""

    at: float
    route: str
    live: float
    shadow: float


class PairSample(NamedTuple):
    """An evenly random sample of ``population`` exchanges in which both sides answered."""

    population: int
    pairs: list[Pair]


class DriftSum(Struct, frozen=True):
    """Differences of money fields: shadow less live, in minor units, summed with their signs.

    ``day``: YYYY-MM-DD, UTC. ``up``, ``down``: how many were positive and negative;
    ``number``: all that differed. ``total`` is exact.
    """

    day: str
    shadow: str
    route: str
    currency: str
    total: Decimal
    number: int
    up: int
    down: int


class Coverage(Struct, frozen=True):
    """What clients asked, and how much of it was compared.

    ``method``: OTHER for uncommon ones. ``status``: live's; 0: no answer. ``shape``: names of
    query parameters and top-level JSON keys, as in ``?page,size {amount,currency}``; OTHER
    where there are too many; "" for none. ``live``: requests of clients with this route,
    method and status, whatever their shape (the same number in each row of them), 0 where
    that is not known. ``mirrored``: exchanges with a verdict of this very shape;
    ``compared``: those that were compared.
    """

    shadow: str
    route: str
    method: str
    status: int
    shape: str
    live: int
    mirrored: int
    compared: int


class Noise(Struct, frozen=True):
    """One place that differs. ``differs``: exchanges in which it does; ``alone``: in which
    nothing else does; ``compared``: exchanges compared with this shadow and route."""

    shadow: str
    route: str
    part: str
    pattern: str
    kinds: list[str]
    differs: int
    alone: int
    compared: int


class Arm(Struct, frozen=True):
    """Live requests of one side of the isolation proof.

    ``errors``: live failed or said 5xx. ``sum`` and ``sum_of_squares``: of seconds, for an
    interval of the mean.
    """

    number: int = 0
    errors: int = 0
    sum: float = 0.0
    sum_of_squares: float = 0.0
    latency: Percentiles = Percentiles()


class Isolation(Struct, frozen=True):
    """What mirroring costs live: requests that were mirrored, and those held out by chance."""

    mirrored: Arm = Arm()
    held_out: Arm = Arm()


class Health(Struct, frozen=True):
    """The store itself. ``size``: bytes. ``lost``: what could not be written, by what it was.

    ``written_at``: when a gateway last wrote; None: never.
    """

    url: str
    schema: int
    size: int
    written_at: float | None
    lost: dict[str, int]
