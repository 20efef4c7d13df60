"""Whether a shadow is ready, by the rule of the settings. Pure: figures in, a decision out.

Each line of the rule is met, failed, or cannot be told yet. An interval across a limit
is too little evidence, which is no "no": it says how much more is needed. What failed
outweighs what cannot be told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal

from gateway.report.content import Decision, OneShadow, Outcome, Requirement, Status
from gateway.report.paired import FEWEST_PAIRS, more_pairs
from gateway.report.statistics import Interval, more_until_at_least, more_until_below, rate
from gateway.report.texts import (
    count,
    counted,
    money,
    number,
    percent,
    percent_range,
    ratio,
    ratio_range,
)
from gateway.settings.report import Report as Rule


def decide(about: OneShadow, rule: Rule) -> Decision:
    """Hold one shadow against the rule."""
    requirements = [
        _exchanges(about, rule),
        _match(about, rule),
        _failed(about, rule),
        *_latency(about, rule),
        *_drift(about, rule),
        *_coverage(about, rule),
        *_known(about),
    ]
    return Decision(outcome_of(each.status for each in requirements), requirements)


def outcome_of(statuses: Iterable[Status]) -> Outcome:
    """What they come to together."""
    all_of_them = set(statuses)
    if "failed" in all_of_them:
        return "not ready"
    return "too little evidence" if "unsure" in all_of_them else "ready"


def worst(outcomes: Iterable[Outcome]) -> Outcome:
    """Of several shadows; of none nothing can be said."""
    found = list(outcomes)
    if "not ready" in found:
        return "not ready"
    return "ready" if found and set(found) == {"ready"} else "too little evidence"


def _exchanges(about: OneShadow, rule: Rule) -> Requirement:
    compared, wanted = about.counts.compared, rule.require_exchanges
    missing = wanted - compared
    have = counted(compared, "exchange", "exchanges")
    return Requirement(
        "exchanges",
        "unsure" if missing > 0 else "met",
        f"at least {count(wanted)} compared",
        count(compared),
        f"{have} compared: {count(missing)} more needed" if missing > 0 else "",
        missing if missing > 0 else None,
    )


def _match(about: OneShadow, rule: Rule) -> Requirement:
    found, wanted = about.match_or_known, rule.require_match / 100
    limit = f"at least {number(rule.require_match)} %"
    interval = found.interval
    shown = f"{percent(interval.estimate)} ({percent_range(interval)})" if found.of else "unknown"
    name = "match rate" if not about.expected else "match rate, with known differences"
    # No number of exchanges proves that all match; where all must, none may differ.
    if interval.low >= wanted or (found.of and found.number == found.of and wanted == 1):
        return Requirement(name, "met", limit, shown)
    if interval.high < wanted:
        differing = counted(found.of - found.number, "exchange differs", "exchanges differ")
        why = (
            f"{percent(interval.estimate)} match where {number(rule.require_match)} % must: "
            f"{differing} of {count(found.of)}"
        )
        return Requirement(name, "failed", limit, shown, why)
    more = more_until_at_least(found, wanted, rule.confidence)
    if more is None:
        more = more_until_below(found, wanted, rule.confidence)
    said = _across(f"the match rate may be {percent_range(interval)}", limit)
    return Requirement(name, "unsure", limit, shown, said + _needed(more, "exchanges"), more)


def _failed(about: OneShadow, rule: Rule) -> Requirement:
    """Of copies: so many may fail. The share of those that did not is what is required."""
    found, allowed = about.failed, rule.max_failed / 100
    limit = f"at most {number(rule.max_failed)} %"
    interval = found.interval
    shown = f"{percent(interval.estimate)} ({percent_range(interval)})" if found.of else "unknown"
    if interval.high <= allowed or (found.of and not found.number and allowed == 0):
        return Requirement("failures", "met", limit, shown)
    if interval.low > allowed:
        times = counted(found.number, "copy", "copies")
        why = (
            f"the shadow failed to answer {times} of {count(found.of)} "
            f"({percent(interval.estimate)}) where {number(rule.max_failed)} % may"
        )
        return Requirement("failures", "failed", limit, shown, why)
    answered = rate(found.of - found.number, found.of, rule.confidence)
    more = more_until_at_least(answered, 1 - allowed, rule.confidence)
    if more is None:
        more = more_until_below(answered, 1 - allowed, rule.confidence)
    said = _across(f"the shadow may fail {percent_range(interval)} of its copies", limit)
    return Requirement("failures", "unsure", limit, shown, said + _needed(more, "exchanges"), more)


def _latency(about: OneShadow, rule: Rule) -> Iterator[Requirement]:
    limit = f"at most {number(rule.max_latency_ratio)} times live's"
    found = about.paired
    if found is None:
        missing = FEWEST_PAIRS - about.sampled_pairs
        have = counted(about.sampled_pairs, "exchange", "exchanges")
        why = f"latency of both sides is known of {have}: {count(missing)} more needed"
        yield Requirement("latency", "unsure", limit, "unknown", why, missing)
        return
    for name, interval in (("median", found.p50), ("95th percentile", found.p95)):
        yield _one_latency(f"latency, {name}", interval, found.pairs, limit, rule)


def _one_latency(name: str, interval: Interval, pairs: int, limit: str, rule: Rule) -> Requirement:
    shown = f"{ratio(interval.estimate)} ({ratio_range(interval)})"
    if interval.high <= rule.max_latency_ratio:
        return Requirement(name, "met", limit, shown)
    place = name.partition(", ")[2]
    if interval.low > rule.max_latency_ratio:
        why = f"the shadow takes {ratio(interval.estimate)} times as long as live at the {place}"
        return Requirement(name, "failed", limit, shown, f"{why}, and may take {limit}")
    more = more_pairs(interval, pairs, rule.max_latency_ratio)
    said = _across(
        f"at the {place} the shadow may take {ratio_range(interval)} times as long", limit
    )
    return Requirement(name, "unsure", limit, shown, said + _needed(more, "timed exchanges"), more)


def _drift(about: OneShadow, rule: Rule) -> Iterator[Requirement]:
    if rule.max_drift is None:
        return
    allowed = Decimal(rule.max_drift)
    limit = f"at most {rule.max_drift} minor units a day"
    worst = max(about.drift, key=lambda each: abs(each.total), default=None)
    if worst is None:
        yield Requirement("money drift", "met", limit, "none")
        return
    shown = f"{money(worst.total, worst.currency)} on {worst.day}"
    if abs(worst.total) <= allowed:
        yield Requirement("money drift", "met", limit, shown)
    else:
        why = f"amounts are off by {shown} in all, and may be by {limit}"
        yield Requirement("money drift", "failed", limit, shown, why)


def _coverage(about: OneShadow, rule: Rule) -> Iterator[Requirement]:
    if not rule.require_coverage:
        return
    limit = f"at least {number(rule.require_coverage)} % of live's requests"
    share = about.covered.share
    if share is None:
        why = "nothing is known of what clients asked"
        yield Requirement("coverage", "unsure", limit, "unknown", why)
    elif share * 100 >= rule.require_coverage:
        yield Requirement("coverage", "met", limit, percent(share))
    else:
        why = (
            f"only {percent(share)} of live's requests are of kinds that were compared "
            f"{rule.thin} times, where {number(rule.require_coverage)} % must be"
        )
        yield Requirement("coverage", "unsure", limit, percent(share), why)


def _known(about: OneShadow) -> Iterator[Requirement]:
    """An entry of the register that counts no longer, and is still hit."""
    for each in about.known:
        if not each.excuses and each.hits:
            limit = f"until {each.expires}"
            if each.limit is not None:
                limit += f", at most {count(each.limit)} times"
            hits = counted(each.hits, "time", "times")
            why = f"the known difference {each.entry} is {each.state}, and was hit {hits}"
            yield Requirement(f"known: {each.entry}", "failed", limit, f"{each.state}, {hits}", why)


def _across(what: str, limit: str) -> str:
    return f"{what}, and must be {limit}"


def _needed(more: int | None, what: str) -> str:
    return f": about {count(more)} more {what} needed" if more else ""
