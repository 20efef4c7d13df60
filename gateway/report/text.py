"""The report for a terminal: the decision first, then what it rests on.

Everything from outside goes through ``texts.safe``: an upstream's value is no command
to a terminal.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from gateway.known.entry import EXCHANGE
from gateway.report.content import (
    BlindSpot,
    Cost,
    Finding,
    Judgement,
    Numbered,
    OneShadow,
    Report,
    Requirement,
)
from gateway.report.texts import (
    count,
    counted,
    cut,
    moment,
    money,
    percent,
    percent_range,
    ratio,
    ratio_range,
    safe,
    seconds,
    seconds_range,
)

_MARKS = {"met": "✓", "failed": "✗", "unsure": "?"}
_MOST_FINDINGS, _MOST_SPOTS, _MOST_DAYS = 10, 10, 10
_WIDTH = 100
BEGINS = "seen before all others, by a request that changes something: begin here"


def as_text(report: Report) -> str:
    """The whole report, ending in a line end."""
    lines = [f"gateway report, {period(report)}", f"from {safe(report.store)}", ""]
    if not report.shadows:
        lines += ["TOO LITTLE EVIDENCE: no exchange with a shadow was kept in this time", ""]
    for each in report.shadows:
        lines += [*_one(each), ""]
    lines += _isolation(report.isolation)
    if report.lost:
        lost = ", ".join(f"{count(n)} {safe(what)}" for what, n in sorted(report.lost.items()))
        lines += ["", f"Not in these figures, since it could not be written: {lost}"]
    return "\n".join(line.rstrip() for line in lines).strip() + "\n"


def period(report: Report) -> str:
    """Which time it is about."""
    until = moment(report.until if report.until is not None else report.made_at)
    since = "the beginning" if report.since is None else moment(report.since)
    route = "" if report.route is None else f", route {safe(report.route)}"
    return f"{since} to {until}{route}"


def _one(judged: Judgement) -> Iterator[str]:
    about, decision = judged.about, judged.decision
    yield f"{decision.outcome.upper()}: {safe(about.shadow)}"
    yield from (f"  - {safe(reason)}" for reason in decision.reasons)
    yield ""
    yield from _table(
        ("  the rule", "wanted", "found"),
        [_requirement(each) for each in decision.requirements],
    )
    yield from _section("Exchanges", _counts(about))
    yield from _section("Differences", _findings(about))
    yield from _section("Latency", _latency(about))
    yield from _section("Money", _drift(about))
    yield from _section("Known differences", _known(about))
    yield from _section("Blind spots", _blind(about))


def _requirement(each: Requirement) -> tuple[str, str, str]:
    return f"{_MARKS[each.status]} {safe(each.name)}", safe(each.wanted), safe(each.found)


def _section(title: str, lines: Iterable[str]) -> Iterator[str]:
    found = list(lines)
    if found:
        yield ""
        yield title
        yield from (f"  {line}" for line in found)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Columns as wide as they have to be."""
    every = [head, *rows]
    widths = [max(len(row[column]) for row in every) for column in range(len(head))]
    for row in every:
        cells = (f"{cell:{width}}" for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()


def _counts(about: OneShadow) -> Iterator[str]:
    counts, match = about.counts, about.match
    if counts.compared:
        yield f"{percent(match.interval.estimate)} match ({percent_range(match.interval)})"
    if about.expected:
        with_known = about.match_or_known.interval
        yield (
            f"{percent(with_known.estimate)} match or differ in known ways only "
            f"({percent_range(with_known)})"
        )
    if about.floor is not None:
        floor = about.floor
        yield (
            f"{percent(floor.interval.estimate)} match where live is compared with live "
            f"({percent_range(floor.interval)}, {counted(floor.of, 'exchange', 'exchanges')})"
        )
    rows = [
        ("match", counts.match, ""),
        ("match after ignoring", counts.match_after_ignoring, ""),
        ("differ", counts.differs, ""),
        ("not comparable", counts.not_comparable, _reasons(about.not_compared)),
        ("shadow failed", counts.shadow_failed, _reasons(about.failures)),
    ]
    yield from _numbers(rows)
    if about.ledger:
        yield ""
        yield f"of {counted(about.live_requests, 'request', 'requests')} to live:"
        yield from _numbers([(each.name, each.number, "") for each in about.ledger])


def _numbers(rows: Iterable[tuple[str, int, str]]) -> Iterator[str]:
    rows = list(rows)
    width = max((len(count(number)) for _, number, _ in rows), default=0)
    for name, number, note in rows:
        yield f"{count(number):>{width}}  {safe(name)}{note}"


def _reasons(reasons: Iterable[Numbered]) -> str:
    told = ", ".join(f"{safe(each.name)} {count(each.number)}" for each in reasons)
    return f" ({told})" if told else ""


def _findings(about: OneShadow) -> Iterator[str]:
    findings = [each for each in about.findings if each.known is None]
    for number, finding in enumerate(findings[:_MOST_FINDINGS], start=1):
        if number > 1:
            yield ""
        yield from _finding(number, finding)
    shown = sum(1 + len(each.follows) for each in about.findings[:_MOST_FINDINGS])
    if about.groups > shown:
        more = counted(about.groups - shown, "more group", "more groups")
        yield from ("", f"and {more}: --format json has more of them, the dashboard all")


def _finding(number: int, finding: Finding) -> Iterator[str]:
    group = finding.group
    times = counted(group.number, "exchange", "exchanges")
    yield f"{number}. {place_of(finding)}  {times} ({percent(group.share)} of its route)"
    yield f"   group {group.id}, {group.state}, last {moment(group.last_seen)}"
    if finding.begins:
        yield f"   {BEGINS}"
    shown = finding.shown
    if shown is not None:
        yield f"   {safe(shown.method)} {safe(cut(shown.target, _WIDTH))}"
        if shown.live is not None:
            yield f"     live    {safe(shown.live)}"
        if shown.shadow is not None:
            yield f"     shadow  {safe(shown.shadow)}"
    if finding.follows:
        follows = ", ".join(safe(cut(g.pattern or g.part, 40)) for g in finding.follows[:8])
        yield f"   and with it {follows}"


def place_of(finding: Finding) -> str:
    """Where it differs and how, in a few words."""
    group = finding.group
    if group.part == EXCHANGE:
        words = f"{group.kind}, {group.pattern}" if group.pattern else group.kind
        return safe(f"{group.route}: {words}")
    if not group.pattern:
        return safe(f"{group.route}: {group.part}")
    where = "field " if group.part == "headers" else ""
    return safe(f"{group.route} {where}{group.pattern}: {group.kind}")


def _latency(about: OneShadow) -> Iterator[str]:
    latency, paired = about.latency, about.paired
    if not latency.live.number:
        return
    sides = (("live", latency.live), ("shadow", latency.shadow))
    rows = [
        (name, *(seconds(value) for value in (side.p50, side.p90, side.p95, side.p99, side.mean)))
        for name, side in sides
    ]
    yield from _table(("", "median", "p90", "p95", "p99", "mean"), rows)
    if paired is None:
        return
    yield f"shadow to live, of {count(paired.pairs)} exchanges taken as pairs:"
    for name, interval in (
        ("median", paired.p50),
        ("p95", paired.p95),
        ("p99", paired.p99),
        ("one by one", paired.each),
    ):
        yield f"  {name:10}  {ratio(interval.estimate)} ({ratio_range(interval)})"
    mean = paired.difference
    yield f"  mean        {seconds(mean.estimate)} longer ({seconds_range(mean)})"


def _drift(about: OneShadow) -> Iterator[str]:
    days = about.drift[-_MOST_DAYS:]
    for day in days:
        up = sum(each.up for each in day.routes)
        down = sum(each.down for each in day.routes)
        yield (
            f"{day.day}  {money(day.total, safe(day.currency))} in all: "
            f"{counted(day.number, 'amount differs', 'amounts differ')}, "
            f"{count(up)} up, {count(down)} down"
        )


def _known(about: OneShadow) -> Iterator[str]:
    for each in about.known:
        limit = "" if each.limit is None else f" of {count(each.limit)}"
        yield (
            f"{safe(each.entry)}  {each.state}, hit {count(each.hits)}{limit} times, "
            f"until {each.expires}, {safe(each.owner)}: {safe(cut(each.reason))}"
        )


def _blind(about: OneShadow) -> Iterator[str]:
    covered = about.covered
    if covered.share is not None and covered.spots:
        share = percent(covered.share)
        yield f"{share} of live's requests are of kinds that were compared enough; not:"
    yield from (_spot(each) for each in covered.spots[:_MOST_SPOTS])
    left = len(covered.spots[_MOST_SPOTS:]) + covered.left_out
    if left:
        yield f"and {count(left)} more"


def _spot(spot: BlindSpot) -> str:
    status = str(spot.status) if spot.status else "no answer"
    shape = "" if spot.shape is None else f" {spot.shape or 'without parameters'}"
    times = counted(spot.compared, "time", "times")
    compared = f"compared {times}" if spot.compared else "never compared"
    share = "" if spot.share is None else f", {percent(spot.share)} of live's requests"
    return f"{safe(f'{spot.method} {spot.route} → {status}{shape}')}: {compared}{share}"


def _isolation(cost: Cost | None) -> Iterator[str]:
    if cost is None or cost.latency is None or cost.errors is None:
        return
    yield "What mirroring costs live"
    held = counted(cost.held_out.number, "request was", "requests were")
    yield f"  {count(cost.mirrored.number)} requests were mirrored, {held} held out by chance"
    slower = cost.latency
    yield f"  latency  {seconds(slower.estimate)} more ({seconds_range(slower)})"
    yield f"  errors   {percent(cost.errors.estimate)} more ({percent_range(cost.errors)})"
