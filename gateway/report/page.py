"""The report as one HTML file: no script, nothing fetched, every value escaped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gateway.report.content import (
    BlindSpot,
    Cost,
    CurrencyDrift,
    Decision,
    Finding,
    Judgement,
    KnownDifference,
    Numbered,
    OneShadow,
    Report,
    Requirement,
)
from gateway.report.figures import counts_bar, interval_against, latencies
from gateway.report.markup import Child, Html, joined, tag
from gateway.report.style import CSS
from gateway.report.text import BEGINS, period, place_of
from gateway.report.texts import (
    count,
    counted,
    moment,
    money,
    percent,
    percent_range,
    ratio,
    ratio_range,
    seconds,
    seconds_range,
)
from gateway.settings.report import Report as Rule

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_MARKS = {"met": "✓", "failed": "✗", "unsure": "?"}
_NUMBER = "n"


def as_html(report: Report) -> str:
    """The whole page."""
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        tag("title", f"{report.outcome}: gateway report"),
        tag("style", Html(CSS)),
    )
    body = tag(
        "body", tag("main", _top(report), _shadows(report), _isolation(report), _foot(report))
    )
    return "<!doctype html>\n" + tag("html", head, body, lang="en") + "\n"


def _top(report: Report) -> Html:
    title = tag("h1", "Can the shadow take over?")
    return tag("header", title, tag("span", period(report), class_="soft"), class_="top")


def _foot(report: Report) -> Html:
    lost = ", ".join(f"{count(number)} {what}" for what, number in sorted(report.lost.items()))
    return tag(
        "footer",
        tag("p", f"Made {moment(report.made_at)} from {report.store}."),
        tag("p", f"Intervals are at {report.rule.confidence:g} %."),
        tag("p", f"Not in these figures, since it could not be written: {lost}.") if lost else None,
    )


def _shadows(report: Report) -> Iterable[Html]:
    if not report.shadows:
        nothing = Decision("too little evidence", [])
        said = "No exchange with a shadow was kept in this time."
        return [_verdict("no shadow", nothing, [said])]
    return [_one(judged, report.rule) for judged in report.shadows]


def _one(judged: Judgement, rule: Rule) -> Html:
    about, decision = judged.about, judged.decision
    return tag(
        "section",
        _verdict(about.shadow, decision, decision.reasons),
        _rule(decision),
        _match(about, rule),
        _titled("Differences", _findings(about)),
        _titled("Latency", _latency(about, rule)),
        _titled("Money", _drift(about.drift)),
        _titled("Known differences", _known(about.known)),
        _titled("Blind spots", _blind(about)),
        _titled("What became of live's requests", _ledger(about)),
    )


def _verdict(shadow: str, decision: Decision, reasons: Iterable[str]) -> Html:
    items = [tag("li", reason) for reason in reasons]
    return tag(
        "div",
        tag("strong", decision.outcome),
        tag("h2", shadow),
        tag("ul", items) if items else None,
        class_=f"verdict {decision.outcome.replace(' ', '-')}",
    )


def _titled(title: str, content: Iterable[Html]) -> Html:
    found = list(content)
    return joined([tag("h3", title), found]) if found else Html()


def _table(head: Iterable[str], rows: Iterable[Html], numbers: Iterable[int] = ()) -> Html:
    right = set(numbers)
    cells = [tag("th", n, class_=_NUMBER if i in right else None) for i, n in enumerate(head)]
    table = tag("table", tag("thead", tag("tr", cells)), tag("tbody", rows))
    return tag("div", table, class_="card wide")


def _row(*cells: Child, numbers: Iterable[int] = (), class_: str | None = None) -> Html:
    right = set(numbers)
    found = [tag("td", c, class_=_NUMBER if i in right else None) for i, c in enumerate(cells)]
    return tag("tr", found, class_=class_)


def _rule(decision: Decision) -> Html:
    rows = [_requirement(each) for each in decision.requirements]
    return joined([tag("h3", "The rule"), _table(("", "", "wanted", "found"), rows)])


def _requirement(each: Requirement) -> Html:
    mark = tag("td", _MARKS[each.status], class_="mark", title=each.status)
    cells = [tag("td", text) for text in (each.name, each.wanted, each.found)]
    return tag("tr", mark, cells, class_=each.status)


def _match(about: OneShadow, rule: Rule) -> Html:
    if not about.counts.total:
        return Html()
    match = about.match_or_known
    said = f"{percent(match.interval.estimate)} match"
    said += " or differ in known ways only" if about.expected else ""
    said += f" ({percent_range(match.interval)}), of {count(match.of)} compared."
    wanted = rule.require_match / 100
    lines = [tag("p", said), interval_against(match.interval, wanted, percent, most=1.0)]
    if about.floor is not None:
        floor = percent(about.floor.interval.estimate)
        between = percent_range(about.floor.interval)
        text = f"Where live is compared with live, {floor} match ({between}): the floor."
        lines.append(tag("p", text, class_="soft"))
    return joined([tag("h3", "Match rate"), tag("div", lines, counts_bar(about), class_="card")])


def _findings(about: OneShadow) -> Iterator[Html]:
    for finding in about.findings:
        if finding.known is None:
            yield _finding(finding)
    shown = sum(1 + len(each.follows) for each in about.findings)
    if about.groups > shown:
        yield tag("p", f"and {counted(about.groups - shown, 'more group', 'more groups')}")


def _finding(finding: Finding) -> Html:
    group = finding.group
    times = f"{counted(group.number, 'exchange', 'exchanges')}, {percent(group.share)} of its route"
    seen = f"first {moment(group.first_seen)}, last {moment(group.last_seen)}, {group.state}"
    follows = [tag("span", each.pattern or each.part, class_="chip") for each in finding.follows]
    return tag(
        "div",
        tag("div", place_of(finding), class_="place"),
        tag("p", times, tag("span", f" · {seen}", class_="soft")),
        tag("p", f"{BEGINS[0].upper()}{BEGINS[1:]}.", class_="begin") if finding.begins else None,
        _sides(finding),
        tag("p", "With it: ", follows) if follows else None,
        tag("code", f"gateway export {group.id} --format pytest", class_="soft"),
        class_="card",
    )


def _sides(finding: Finding) -> Html:
    shown = finding.shown
    if shown is None:
        return Html()
    sides = [
        tag(
            "div",
            tag("small", side),
            tag("code", "nothing" if value is None else value),
            class_=f"side {side}",
        )
        for side, value in (("live", shown.live), ("shadow", shown.shadow))
    ]
    asked = tag("code", f"{shown.method} {shown.target}")
    return joined([asked, tag("div", sides, class_="sides")])


def _latency(about: OneShadow, rule: Rule) -> Iterator[Html]:
    latency, paired = about.latency, about.paired
    if not latency.live.number:
        return
    lines: list[Child] = [latencies(latency.live, latency.shadow)]
    if paired is not None:
        lines.append(tag("p", f"Shadow to live, of {count(paired.pairs)} exchanges as pairs:"))
        for name, interval in (("median", paired.p50), ("95th percentile", paired.p95)):
            said = f"{name}: {ratio(interval.estimate)} ({ratio_range(interval)})"
            lines += [tag("p", said), interval_against(interval, rule.max_latency_ratio, ratio)]
        mean = paired.difference
        said = f"Mean: {seconds(mean.estimate)} longer ({seconds_range(mean)})."
        lines.append(tag("p", said, class_="soft"))
    yield tag("div", lines, class_="card")


def _drift(days: Iterable[CurrencyDrift]) -> Iterator[Html]:
    rows = [
        _row(
            each.day,
            money(each.total, each.currency),
            count(each.number),
            count(sum(one.up for one in each.routes)),
            count(sum(one.down for one in each.routes)),
            numbers=range(1, 5),
        )
        for each in days
    ]
    if rows:
        yield _table(("day", "in all", "amounts that differ", "up", "down"), rows, range(1, 5))


def _known(known: Iterable[KnownDifference]) -> Iterator[Html]:
    rows = [
        _row(
            tag("code", each.entry),
            each.state,
            count(each.hits) + ("" if each.limit is None else f" of {count(each.limit)}"),
            each.expires,
            each.owner,
            each.reason,
            class_="met" if each.excuses else "failed",
        )
        for each in known
    ]
    if rows:
        yield _table(("entry", "state", "hits", "until", "owner", "reason"), rows)


def _blind(about: OneShadow) -> Iterator[Html]:
    covered = about.covered
    rows = [_spot(each) for each in covered.spots]
    if not rows:
        return
    if covered.share is not None:
        yield tag("p", f"{percent(covered.share)} of live's requests are of kinds compared enough.")
    yield _table(("request", "live said", "asked", "compared"), rows, (2, 3))
    if covered.left_out:
        yield tag("p", f"and {count(covered.left_out)} more")


def _spot(spot: BlindSpot) -> Html:
    shape = "" if spot.shape is None else f" {spot.shape or 'without parameters'}"
    status = str(spot.status) if spot.status else "no answer"
    place = tag("code", f"{spot.method} {spot.route}{shape}")
    return _row(place, status, count(spot.live), count(spot.compared), numbers=(2, 3))


def _ledger(about: OneShadow) -> Iterator[Html]:
    for title, numbers in (
        ("requests", about.ledger),
        ("not compared", about.not_compared),
        ("failed", about.failures),
    ):
        if numbers:
            yield _numbered(title, numbers)


def _numbered(title: str, numbers: Iterable[Numbered]) -> Html:
    rows = [_row(each.name, count(each.number), numbers=(1,)) for each in numbers]
    return _table((title, "number"), rows, (1,))


def _isolation(report: Report) -> Html:
    cost: Cost | None = report.isolation
    if cost is None or cost.latency is None or cost.errors is None:
        return Html()
    mirrored, held = count(cost.mirrored.number), count(cost.held_out.number)
    rows = [
        _row("latency, mean", seconds(cost.latency.estimate), seconds_range(cost.latency)),
        _row("errors", percent(cost.errors.estimate), percent_range(cost.errors)),
    ]
    said = f"{mirrored} mirrored requests less {held} that were held out by chance."
    table = _table(("", "difference", "interval"), rows)
    return tag("section", tag("h3", "What mirroring costs live"), tag("p", said), table)
