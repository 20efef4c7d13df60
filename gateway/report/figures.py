"""The drawings of the HTML report: an interval against its limit, latencies side by side.

Inline SVG, each with its figures as text for those who do not see it.
"""

from __future__ import annotations

from collections.abc import Callable

from gateway.report.content import OneShadow
from gateway.report.markup import Html, joined, tag
from gateway.report.statistics import Interval
from gateway.report.texts import count, percent, seconds
from gateway.store.values import Percentiles

_WIDTH, _LEFT, _RIGHT = 640, 10, 630


def interval_against(
    interval: Interval, limit: float, text: Callable[[float], str], *, most: float | None = None
) -> Html:
    """Estimate, interval and limit on one line. ``most``: the end of the scale, if it has one."""
    values = [interval.low, interval.high, limit]
    spread = (max(values) - min(values)) or abs(limit) * 0.1 or 1.0
    low, high = min(values) - spread * 0.15, max(values) + spread * 0.15
    high = high if most is None else min(high, most)

    def x(value: float) -> str:
        return f"{_LEFT + (value - low) / ((high - low) or 1) * (_RIGHT - _LEFT):.1f}"

    said = (
        f"{text(interval.estimate)}, between {text(interval.low)} and {text(interval.high)}; "
        f"the limit is {text(limit)}"
    )
    return tag(
        "svg",
        tag("line", x1=_LEFT, x2=_RIGHT, y1=22, y2=22, stroke="var(--line)", stroke_width=2),
        _segment(x(interval.low), x(interval.high)),
        tag("circle", cx=x(interval.estimate), cy=22, r=6, fill="var(--ink)"),
        tag("line", x1=x(limit), x2=x(limit), y1=8, y2=36, stroke="var(--bad)", stroke_width=2),
        _label(x(limit), 52, f"limit {text(limit)}"),
        _label(x(interval.estimate), 11, text(interval.estimate)),
        viewBox=f"0 -14 {_WIDTH} 76",
        role="img",
        aria_label=said,
    )


def _segment(start: str, end: str) -> Html:
    return tag(
        "line", x1=start, x2=end, y1=22, y2=22, stroke="var(--ink)", stroke_width=5, opacity="0.45"
    )


def _label(x: str, y: int, text: str) -> Html:
    anchor = "start" if float(x) < 80 else "end" if float(x) > _WIDTH - 80 else "middle"
    return tag("text", text, x=x, y=y, text_anchor=anchor)


def counts_bar(about: OneShadow) -> Html:
    """The five counts as one bar, with their numbers below."""
    counts = about.counts
    rows = [
        ("match", counts.match),
        ("match after ignoring", counts.match_after_ignoring),
        ("differ", counts.differs),
        ("not comparable", counts.not_comparable),
        ("shadow failed", counts.shadow_failed),
    ]
    total = counts.total or 1
    parts = [
        tag("i", class_=f"c{index}", style=f"width:{number / total * 100:.3f}%", title=name)
        for index, (name, number) in enumerate(rows)
        if number
    ]
    legend = [
        tag(
            "li",
            tag("i", class_=f"c{index}"),
            f"{name} {count(number)} ({percent(number / total)})",
        )
        for index, (name, number) in enumerate(rows)
    ]
    return tag("div", tag("div", parts, class_="bar"), tag("ul", legend, class_="legend"))


def latencies(live: Percentiles, shadow: Percentiles) -> Html:
    """Bars of both sides at the same percentiles, on one scale."""
    names = ("median", "p90", "p95", "p99")
    pairs = [(getattr(live, n), getattr(shadow, n)) for n in ("p50", "p90", "p95", "p99")]
    longest = max((value for pair in pairs for value in pair), default=0) or 1
    rows = [_pair_of_bars(name, pair, longest) for name, pair in zip(names, pairs, strict=True)]
    return tag("div", rows, class_="bars")


def _pair_of_bars(name: str, pair: tuple[float, float], longest: float) -> Html:
    bars = [
        tag(
            "div",
            tag("i", class_=f"of-{side}", style=f"width:{value / longest * 70:.2f}%"),
            tag("span", f"{side} {seconds(value)}"),
        )
        for side, value in zip(("live", "shadow"), pair, strict=True)
    ]
    return joined([tag("span", name, class_="soft"), tag("div", bars)])
