"""Settings of the floor: how much live differs from itself."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from gateway.settings.types import Model, Percent, Seconds


class Floor(Model, frozen=True):
    """Some GETs are sent to live a second time, and compared as if live were its own shadow."""

    enabled: Annotated[bool, Meta(description="whether live is read twice at all")] = False
    percent: Annotated[Percent, Meta(description="share of the GETs that are read twice")] = 100.0
    max_rate: Annotated[
        float,
        Meta(
            gt=0,
            le=10**4,
            description="second reads per second, all workers of a gateway together",
            extra={"expected": "a number over 0"},
        ),
    ] = 1.0
    timeout: Annotated[Seconds, Meta(description="total time for one second read")] = 10.0
