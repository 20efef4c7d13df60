"""Declared here: what a shadow has to show before `gateway report` calls it ready."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from gateway.settings.comparison import Amount
from gateway.settings.types import Model, Percent


class Report(Model, frozen=True):
    """The rule of `gateway report`: written down before there are figures to argue with.

    Where a figure has an interval, all of it has to be on the right side; on the wrong
    side it is "not ready", across the limit it is "too little evidence".
    """

    since: Annotated[
        float,
        Meta(
            ge=60,
            le=10 * 365 * 86400,
            description="how far back the report looks",
            extra={"unit": "seconds", "expected": 'seconds, or a text such as "7d"'},
        ),
    ] = 7 * 86400.0
    require_match: Annotated[
        Percent, Meta(description="share of the compared exchanges that must match")
    ] = 99.9
    require_exchanges: Annotated[
        int, Meta(ge=0, le=10**12, description="exchanges that must have been compared")
    ] = 10_000
    max_latency_ratio: Annotated[
        float,
        Meta(
            gt=0,
            le=1000,
            description="how many times live's latency the shadow's may be, at the median and at "
            "the 95th percentile",
        ),
    ] = 1.2
    max_failed: Annotated[
        Percent,
        Meta(description="share of its copies that the shadow may fail to answer in time"),
    ] = 0.1
    max_drift: Annotated[
        Amount | None,
        Meta(
            description="most that the money of a currency may be off in one day, in minor units, "
            "up or down; not looked at when left out"
        ),
    ] = None
    require_coverage: Annotated[
        Percent,
        Meta(
            description="share of live's requests whose route, method and status were compared "
            "`thin` times or more"
        ),
    ] = 0.0
    thin: Annotated[
        int,
        Meta(
            ge=1,
            le=10**6,
            description="what was compared less often than this is listed as a blind spot",
        ),
    ] = 30
    confidence: Annotated[
        float,
        Meta(ge=80, le=99.99, description="of the intervals, in percent"),
    ] = 95.0
