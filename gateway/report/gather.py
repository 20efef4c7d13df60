"""Asks the store all that a report says, for each shadow.

Takes a reader and a filter, and returns values. What the figures mean is decided elsewhere.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from gateway.isolation.difference import errors, latency
from gateway.isolation.sums import Groups, Sums
from gateway.known.register import Register
from gateway.known.standing import Standing, standing, today_of
from gateway.report.blindspots import covered
from gateway.report.content import Cost, CurrencyDrift, KnownDifference, Numbered, OneShadow
from gateway.report.expected import Expected, expected
from gateway.report.findings import findings
from gateway.report.paired import paired
from gateway.report.statistics import Interval, rate
from gateway.settings.report import Report as Rule
from gateway.store.values import Arm, DriftSum, Filter, Group, LedgerCount, VerdictCount

if TYPE_CHECKING:
    from gateway.store.reader import Reader

# Enough for a 95th percentile, and less than a second's work.
_PAIRS = 4000
_ALL_GROUPS = 100_000
_FAILED = frozenset({"shadow_failed", "timed_out"})


class Question(NamedTuple):
    """What is asked. ``where``: which time and route; its shadow is left out."""

    where: Filter
    rule: Rule
    register: Register
    now: float


def one_shadow(reader: Reader, question: Question, shadow: str) -> OneShadow:
    """All there is to say about one shadow."""
    where, rule = replace(question.where, shadow=shadow), question.rule
    sure = rule.confidence
    summary = reader.summary(where)
    verdicts = reader.verdicts(where)
    groups = reader.groups(where, limit=_ALL_GROUPS).groups
    register = standing(question.register, reader, today_of(question.now))
    known = expected(verdicts, groups, register)
    sample = reader.pairs(where, limit=_PAIRS)
    counts = summary.counts
    floor = reader.floor(where)
    return OneShadow(
        shadow=shadow,
        first_at=summary.first_at,
        last_at=summary.last_at,
        live_requests=summary.live_requests,
        counts=counts,
        match=rate(counts.matches, counts.compared, sure),
        expected=known.differing,
        match_or_known=rate(counts.matches + known.differing, counts.compared, sure),
        floor=rate(floor.matches, floor.compared, sure) if floor.compared else None,
        failed=rate(*_failed(verdicts, known), sure),
        failures=_reasons(verdicts, _FAILED),
        not_compared=_reasons(verdicts, {"not_compared"}),
        ledger=_ledger(reader.ledger(where) if where.route is None else []),
        groups=len(groups),
        findings=findings(reader, groups, register),
        latency=summary.latency,
        paired=paired([(p.live, p.shadow) for p in sample.pairs], sample.population, sure),
        sampled_pairs=len(sample.pairs),
        covered=covered(reader.coverage(where), rule.thin),
        drift=_drift(reader.drift(where)),
        known=_known(register, shadow, groups),
    )


def _failed(verdicts: Iterable[VerdictCount], known: Expected) -> tuple[int, int]:
    """Copies that the shadow failed, without the expected ones, of those it was sent."""
    failed = sent = 0
    for each in verdicts:
        failed += each.number if each.verdict in _FAILED else 0
        sent += each.number if each.verdict in _FAILED or each.count in _COMPARED else 0
    return max(0, failed - known.failed), sent


_COMPARED = frozenset({"match", "match_after_ignoring", "differs"})


def _reasons(verdicts: Iterable[VerdictCount], wanted: Iterable[str]) -> list[Numbered]:
    numbers: defaultdict[str, int] = defaultdict(int)
    for each in verdicts:
        if each.verdict in wanted:
            numbers[each.reason or each.verdict] += each.number
    return _ranked(numbers)


def _ledger(ledger: Iterable[LedgerCount]) -> list[Numbered]:
    numbers: defaultdict[str, int] = defaultdict(int)
    for each in ledger:
        numbers[f"{each.outcome}: {each.reason}" if each.reason else each.outcome] += each.number
    return _ranked(numbers)


def _ranked(numbers: dict[str, int]) -> list[Numbered]:
    ordered = sorted(numbers.items(), key=lambda item: (-item[1], item[0]))
    return [Numbered(name, number) for name, number in ordered]


def _drift(sums: Iterable[DriftSum]) -> list[CurrencyDrift]:
    days: defaultdict[tuple[str, str], list[DriftSum]] = defaultdict(list)
    for each in sums:
        days[each.day, each.currency].append(each)
    return [
        CurrencyDrift(
            day,
            currency,
            sum((each.total for each in routes), Decimal(0)),
            sum(each.number for each in routes),
            routes,
        )
        for (day, currency), routes in sorted(days.items())
    ]


def _known(register: Standing, shadow: str, groups: Iterable[Group]) -> list[KnownDifference]:
    """Entries that are, or could be, about this shadow."""
    hit = {found.entry.id for group in groups if (found := register.of(group)) is not None}
    return [
        KnownDifference(
            entry=each.entry.id,
            reason=each.entry.reason,
            owner=each.entry.owner,
            expires=each.entry.expires.isoformat(),
            limit=each.entry.limit,
            hits=each.hits,
            state=each.state.value,
            excuses=each.state.excuses,
        )
        for each in register.entries
        if each.entry.id in hit or each.entry.shadow in (None, shadow)
    ]


def cost(reader: Reader, where: Filter, confidence: float) -> Cost | None:
    """What mirroring costs live. None where it was not measured."""
    found = reader.isolation(where)
    groups = Groups(_sums(found.mirrored), _sums(found.held_out))
    slower, failing = latency(groups), errors(groups)
    if slower is None or failing is None:
        return None
    intervals = (Interval(*each.interval(confidence)) for each in (slower, failing))
    return Cost(found.mirrored, found.held_out, *intervals)


def _sums(arm: Arm) -> Sums:
    return Sums(arm.number, arm.sum, arm.sum_of_squares, arm.errors)
