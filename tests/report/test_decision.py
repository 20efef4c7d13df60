"""The rule against figures: ready, not ready, or too little evidence."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from gateway.report.content import (
    Covered,
    CurrencyDrift,
    Decision,
    KnownDifference,
    OneShadow,
    Requirement,
)
from gateway.report.decision import decide, outcome_of, worst
from gateway.report.paired import Paired
from gateway.report.statistics import Interval, rate
from gateway.settings.report import Report as Rule
from gateway.store.values import Counts, Latency

FAST = Interval(0.95, 1.0, 1.05)


def latencies(p50: Interval = FAST, p95: Interval = FAST, pairs: int = 4000) -> Paired:
    return Paired(pairs, pairs, FAST, FAST, p50, p95, FAST)


def about(match: int = 20_000, differs: int = 0, failed: int = 0, **more: Any) -> OneShadow:
    """A shadow that is fine but for what is said."""
    counts = Counts(match=match, differs=differs, shadow_failed=failed)
    compared = match + differs
    expected = more.pop("expected", 0)
    base = OneShadow(
        shadow="rewrite",
        first_at=0.0,
        last_at=1.0,
        live_requests=counts.total,
        counts=counts,
        match=rate(match, compared),
        expected=expected,
        match_or_known=rate(match + expected, compared),
        floor=None,
        failed=rate(failed, compared + failed),
        failures=[],
        not_compared=[],
        ledger=[],
        groups=0,
        findings=[],
        latency=Latency(),
        paired=latencies(),
        sampled_pairs=4000,
        covered=Covered(3, 0.97, [], 0),
        drift=[],
        known=[],
    )
    return replace(base, **more)


def day(total: int, currency: str = "EUR") -> CurrencyDrift:
    return CurrencyDrift("2026-11-21", currency, Decimal(total), abs(total), [])


def entry(state: str, hits: int, excuses: bool) -> KnownDifference:
    return KnownDifference("rounding", "why", "billing", "2026-12-01", 10, hits, state, excuses)


def line(decision: Decision, name: str) -> Requirement:
    return next(each for each in decision.requirements if each.name.startswith(name))


TABLE = {
    "all is well": (about(), {}, "ready", ""),
    "a few differences are allowed": (about(100_000, 20), {}, "ready", ""),
    "too many differ": (about(20_000, 200), {}, "not ready", "match rate"),
    "so few are compared": (about(5_000), {}, "too little evidence", "exchanges"),
    "nothing is compared": (about(0), {}, "too little evidence", "exchanges"),
    "the interval is across": (about(9_990, 10), {}, "too little evidence", "match rate"),
    "few, and already bad": (about(50, 50), {}, "not ready", "match rate"),
    "all must match, and do": (about(), {"require_match": 100.0}, "ready", ""),
    "all must match, one does not": (
        about(10**6, 1),
        {"require_match": 100.0},
        "not ready",
        "match rate",
    ),
    "it is known": (about(20_000, 200, expected=200), {}, "ready", ""),
    "it fails often": (about(20_000, failed=200), {}, "not ready", "failures"),
    "it may fail often": (about(20_000, failed=17), {}, "too little evidence", "failures"),
    "none may fail, none does": (about(), {"max_failed": 0.0}, "ready", ""),
    "none may fail, one does": (about(failed=1), {"max_failed": 0.0}, "not ready", "failures"),
    "it is slow": (
        about(paired=latencies(p50=Interval(1.3, 1.4, 1.5))),
        {},
        "not ready",
        "latency, median",
    ),
    "its tail is slow": (
        about(paired=latencies(p95=Interval(1.3, 1.4, 1.5))),
        {},
        "not ready",
        "latency, 95th",
    ),
    "it may be slow": (
        about(paired=latencies(p95=Interval(1.1, 1.15, 1.3))),
        {},
        "too little evidence",
        "latency, 95th",
    ),
    "latency is unknown": (
        about(paired=None, sampled_pairs=3),
        {},
        "too little evidence",
        "latency",
    ),
    "money drifts and nobody asked": (about(drift=[day(-500)]), {}, "ready", ""),
    "money drifts too far": (
        about(drift=[day(10), day(-500)]),
        {"max_drift": "100"},
        "not ready",
        "money drift",
    ),
    "money drifts a little": (about(drift=[day(-99)]), {"max_drift": "100"}, "ready", ""),
    "no money drifts": (about(), {"max_drift": "0"}, "ready", ""),
    "parts were not compared": (
        about(),
        {"require_coverage": 99.0},
        "too little evidence",
        "coverage",
    ),
    "enough was compared": (about(), {"require_coverage": 95.0}, "ready", ""),
    "nothing is known of live": (
        about(covered=Covered(0, None, [], 0)),
        {"require_coverage": 95.0},
        "too little evidence",
        "coverage",
    ),
    "an expired entry is hit": (
        about(known=[entry("expired", 3, excuses=False)]),
        {},
        "not ready",
        "known: rounding",
    ),
    "an expired entry is not hit": (
        about(known=[entry("expired", 0, excuses=False)]),
        {},
        "ready",
        "",
    ),
    "an entry in force is hit": (
        about(known=[entry("in force", 3, excuses=True)]),
        {},
        "ready",
        "",
    ),
    "bad outweighs too little": (about(50, 50, paired=None), {}, "not ready", "match rate"),
}


@pytest.mark.parametrize(("figures", "rule", "outcome", "name"), TABLE.values(), ids=TABLE)
def test_the_rule_decides(
    figures: OneShadow, rule: dict[str, Any], outcome: str, name: str
) -> None:
    """Each line of the rule, on both sides of its limit and across it."""
    decision = decide(figures, Rule(**rule))
    assert decision.outcome == outcome
    if not name:
        assert decision.reasons == []
        return
    found = line(decision, name)
    assert found.status == ("failed" if outcome == "not ready" else "unsure")
    assert found.why in decision.reasons


@pytest.mark.parametrize(
    ("figures", "name", "more"),
    [
        (about(7_000), "exchanges", 3_000),
        (about(9_999, 1), "match", None),
        (about(9_994, 6), "match", 13_986),
        (about(paired=None, sampled_pairs=30), "latency", 70),
        (about(paired=latencies(p50=Interval(0.5, 0.7, 1.7))), "latency, median", 12_000),
    ],
    ids=["exchanges", "met", "match rate", "pairs", "latency"],
)
def test_too_little_says_how_much_is_missing(
    figures: OneShadow, name: str, more: int | None
) -> None:
    """As a number, and in the sentence."""
    found = line(decide(figures, Rule()), name)
    assert found.more == more
    if more is not None:
        assert f"{more:,} more" in found.why


def test_so_many_more_of_the_same_are_enough() -> None:
    """What was said to be missing is what was missing."""
    missing = line(decide(about(9_994, 6), Rule()), "match").more or 0
    grown = (10_000 + missing) / 10_000
    later = about(round(9_994 * grown), 0, match_or_known=rate(0, 1))
    share = rate(round((10_000 + missing) * 0.9994), 10_000 + missing)
    assert line(decide(replace(later, match_or_known=share), Rule()), "match").status == "met"


@pytest.mark.parametrize(
    ("outcomes", "together"),
    [
        ([], "too little evidence"),
        (["ready"], "ready"),
        (["ready", "too little evidence"], "too little evidence"),
        (["ready", "not ready", "too little evidence"], "not ready"),
    ],
    ids=["no shadow", "one", "one unsure", "one bad"],
)
def test_several_shadows_are_as_ready_as_the_worst(outcomes: Any, together: str) -> None:
    """All must be ready. No shadow at all proves nothing."""
    assert worst(outcomes) == together


def test_a_decision_is_that_of_its_requirements() -> None:
    """Failed outweighs unsure outweighs met."""
    assert outcome_of(["met", "unsure", "failed"]) == "not ready"
    assert outcome_of(["met", "unsure"]) == "too little evidence"
    assert outcome_of(["met", "met"]) == "ready"
