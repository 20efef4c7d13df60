"""Figures over time, as charts want them: steps of one length, rates for each second."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from gateway.report.statistics import wilson
from gateway.store.values import Filter, Percentiles, Point

if TYPE_CHECKING:
    from gateway.store.reader import Reader

_STEPS = (60, 300, 600, 1800, 3600, 7200, 14400, 43200, 86400)
# About as many as a chart has room for.
_MOST_POINTS = 150
# As the store does: older figures are kept by the hour.
_HOUR, _MINUTES_FOR = 3600, 2 * 86400


class Step(Struct, frozen=True):
    """One step. ``seconds``: how much of it is over. Rates are of a second.

    ``match``: the match rate with its 95 % interval (low, estimate, high), None where
    nothing was compared. ``drops``: by reason.
    """

    at: float
    seconds: float
    live: float
    shadow: float
    compared: int
    match: tuple[float, float, float] | None
    live_latency: Percentiles
    shadow_latency: Percentiles
    drops: dict[str, int]


class Series(Struct, frozen=True):
    """Steps of ``step`` seconds, oldest first; those without any figures are left out."""

    since: float
    until: float
    step: int
    steps: list[Step]


def series(reader: Reader, where: Filter, now: float, step: int | None = None) -> Series:
    """The series of a time, in ``step`` seconds or in what suits it."""
    since = where.since if where.since is not None else now - _MINUTES_FOR
    until = min(where.until if where.until is not None else now, now)
    by_hour = where.since is None or since < now - _MINUTES_FOR
    wide = _wide(until - since, step, by_hour=by_hour)
    points = reader.series(where, step=wide)
    if points and step is None:
        # A gateway is often younger than the time that is asked about.
        finer = _wide(until - points[0].at, step, by_hour=by_hour)
        if finer < wide:
            wide, points = finer, reader.series(where, step=finer)
    return Series(since, until, wide, [_step(point, wide, until) for point in points])


def _wide(seconds: float, step: int | None, *, by_hour: bool) -> int:
    wide = step or next((each for each in _STEPS if seconds / each <= _MOST_POINTS), _STEPS[-1])
    return -(-max(wide, _HOUR) // _HOUR) * _HOUR if by_hour else wide


def _step(point: Point, wide: int, until: float) -> Step:
    seconds = max(1.0, min(wide, until - point.at))
    counts = point.counts
    interval = wilson(counts.matches, counts.compared) if counts.compared else None
    return Step(
        at=point.at,
        seconds=seconds,
        live=point.live / seconds,
        shadow=counts.total / seconds,
        compared=counts.compared,
        match=(interval.low, interval.estimate, interval.high) if interval else None,
        live_latency=point.latency.live,
        shadow_latency=point.latency.shadow,
        drops=point.drops,
    )
