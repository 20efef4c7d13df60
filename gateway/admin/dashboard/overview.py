"""The verdict of the moment: all at a glance, as values for pages and API alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from gateway.admin.dashboard.differences import Causes, Listed, listed, shown
from gateway.admin.dashboard.troubles import Moment, Trouble, recent, troubles
from gateway.isolation.difference import Interval, errors, latency
from gateway.isolation.sums import Groups, Sums
from gateway.known.entry import EXCHANGE
from gateway.known.standing import Standing
from gateway.report.expected import expected as expected_of
from gateway.report.statistics import Rate, rate
from gateway.store.values import (
    Arm,
    Counts,
    DriftSum,
    Filter,
    Health,
    Latency,
    Summary,
    VerdictCount,
)

if TYPE_CHECKING:
    from gateway.store.reader import Reader

# Fewer comparisons say nothing yet.
_ENOUGH = 100


class ShadowHealth(Struct, frozen=True):
    """One shadow.

    ``state``: off, unreachable, resting, failing or dropping, each of them now; else
    removed (from the settings), healthy, or idle, where it got nothing in all this time.
    ``why``: what switched it off, if that was not a person. ``resting_workers``: in how
    many its breaker is open.
    """

    name: str
    url: str
    state: str
    percent: float
    resting_workers: int
    why: str
    match: Rate
    counts: Counts
    ledger: dict[str, int]
    latency: Latency


class IsolationFigures(Struct, frozen=True):
    """Mirrored less held-out requests, with 95 % intervals; latency in seconds (mean)."""

    mirrored: int
    held_out: int
    latency: tuple[float, float, float]
    errors: tuple[float, float, float]


class Overview(Struct, frozen=True):
    """All of it. ``state``: good, bad, early (too few compared) or nothing (compared).

    ``troubles``: what is wrong now, whatever time was asked about.

    ``expected``: exchanges that differ only in a known way; ``with_expected``: the match
    rate with them as matches. ``unexpected``: groups that are open and not known;
    ``failures``: how shadows failed. ``floor``: how live compares with itself.
    """

    state: str
    troubles: list[Trouble]
    seconds: float
    summary: Summary
    match: Rate
    expected: int
    with_expected: Rate
    unexpected: list[Listed]
    failures: list[Listed]
    shadows: list[ShadowHealth]
    drift: list[DriftSum]
    isolation: IsolationFigures | None
    floor: Rate | None
    store: Health


def overview(
    reader: Reader,
    where: Filter,
    standing: Standing,
    moment: Moment,
    causes: Causes,
    now: float,
) -> Overview:
    """``moment``: how live, the workers and the shadows of the settings are at ``now``."""
    every = replace(where, verdict=None)
    summary = reader.summary(every)
    groups = listed(reader, every, standing)
    expected = _expected(reader.verdicts(every), groups, standing)
    counts = summary.counts
    unexpected = [
        each
        for each in shown(groups, "unexpected")
        if where.verdict is None or each.group.verdict == where.verdict
    ]
    differences = [each for each in unexpected if each.group.part != EXCHANGE]
    floor = reader.floor(every)
    wrong = troubles(moment, recent(lambda since: reader.ledger(Filter(since=since)), now))
    return Overview(
        state=_state(counts, differences),
        troubles=wrong,
        seconds=_seconds(every, summary, now),
        summary=summary,
        match=rate(counts.matches, counts.compared),
        expected=expected,
        with_expected=rate(counts.matches + expected, counts.compared),
        unexpected=causes.first(reader, differences, standing),
        failures=[each for each in unexpected if each.group.part == EXCHANGE],
        shadows=_shadows(reader, every, moment.shadows, wrong),
        drift=_by_currency(reader.drift(every)),
        isolation=_isolation(reader, every),
        floor=rate(floor.matches, floor.compared) if floor.compared else None,
        store=reader.health(),
    )


def _expected(verdicts: list[VerdictCount], groups: list[Listed], standing: Standing) -> int:
    """Exchanges that differ only as the register expects, as reports count them."""
    return sum(
        expected_of(
            [each for each in verdicts if each.shadow == shadow],
            [each.group for each in groups if each.group.shadow == shadow],
            standing,
        ).differing
        for shadow in {each.shadow for each in verdicts}
    )


def _state(counts: Counts, differences: list[Listed]) -> str:
    if not counts.compared:
        return "nothing"
    if differences:
        return "bad"
    return "good" if counts.compared >= _ENOUGH else "early"


def _seconds(where: Filter, summary: Summary, now: float) -> float:
    """How much of the time there can be figures of: a gateway may be younger than that."""
    first = summary.first_at if summary.first_at is not None else now
    since = max(first, where.since or 0.0)
    until = min(now, where.until if where.until is not None else now)
    return max(1.0, until - since)


def _shadows(
    reader: Reader,
    where: Filter,
    configured: Iterable[Mapping[str, Any]],
    wrong: Iterable[Trouble],
) -> list[ShadowHealth]:
    states = {each.about: each.state for each in wrong}
    known = {str(each["name"]): each for each in configured}
    names = [*known, *(name for name in reader.shadows() if name not in known)]
    if where.shadow is not None:
        names = [name for name in names if name == where.shadow]
    return [
        _shadow(name, known.get(name), reader.summary(replace(where, shadow=name)), states)
        for name in names
    ]


def _shadow(
    name: str, told: Mapping[str, Any] | None, summary: Summary, states: Mapping[str, str]
) -> ShadowHealth:
    counts = summary.counts
    return ShadowHealth(
        name=name,
        url=str(told["url"]) if told else "",
        state="removed" if told is None else states.get(name) or _used(summary),
        percent=float(told["percent"]) if told else 0.0,
        resting_workers=int(told["resting_workers"]) if told else 0,
        why=str(told.get("why") or "") if told else "",
        match=rate(counts.matches, counts.compared),
        counts=counts,
        ledger=summary.ledger,
        latency=summary.latency,
    )


def _used(summary: Summary) -> str:
    ledger = summary.ledger
    offered = any(ledger.get(each) for each in ("answered", "failed", "dropped"))
    return "healthy" if offered or summary.counts.total else "idle"


def _by_currency(sums: Iterable[DriftSum]) -> list[DriftSum]:
    """Days and routes together, for each shadow and currency."""
    together: dict[tuple[str, str], DriftSum] = {}
    for each in sums:
        key = each.shadow, each.currency
        known = together.get(key)
        together[key] = replace(each, day="", route="") if known is None else _sum(known, each)
    return list(together.values())


def _sum(one: DriftSum, other: DriftSum) -> DriftSum:
    return replace(
        one,
        total=one.total + other.total,
        number=one.number + other.number,
        up=one.up + other.up,
        down=one.down + other.down,
    )


def _isolation(reader: Reader, where: Filter) -> IsolationFigures | None:
    arms = reader.isolation(where)
    groups = Groups(_sums(arms.mirrored), _sums(arms.held_out))
    slower, failing = latency(groups), errors(groups)
    if slower is None or failing is None:
        return None
    return IsolationFigures(
        arms.mirrored.number,
        arms.held_out.number,
        _bounds(slower.interval()),
        _bounds(failing.interval()),
    )


def _sums(arm: Arm) -> Sums:
    return Sums(arm.number, arm.sum, arm.sum_of_squares, arm.errors)


def _bounds(interval: Interval) -> tuple[float, float, float]:
    return interval.low, interval.estimate, interval.high
