"""Settings of the isolation proof: what mirroring may cost live, and when it stops itself."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from gateway.settings.types import Model, Percent, Seconds


class Isolation(Model, frozen=True):
    """Requests held out of mirroring, and what the others may be slower or fail more."""

    holdout: Annotated[
        Percent,
        Meta(description="share of the requests to be mirrored that never are, for comparison"),
    ] = 1.0
    action: Annotated[
        Literal["switch-off", "warn", "off"],
        Meta(
            description="over the budget: switch all shadows off, or only say so; "
            '"off" does not even measure'
        ),
    ] = "switch-off"
    max_latency: Annotated[
        Seconds,
        Meta(description="the most that mirrored requests may be slower than held-out ones, mean"),
    ] = 0.01
    max_errors: Annotated[
        Percent,
        Meta(description="the most that mirrored requests may fail more often, percentage points"),
    ] = 1.0
    confidence: Annotated[
        float,
        Meta(
            ge=90,
            le=99.9999,
            description="how certain it has to be that a budget is exceeded, in percent",
        ),
    ] = 99.99
    window: Annotated[Seconds, Meta(description="over how much time the two are compared")] = 300.0
    longest: Annotated[
        Seconds,
        Meta(
            description="a slower request counts as this slow, so that a few streams do not hide "
            "everything else"
        ),
    ] = 5.0
    min_requests: Annotated[
        int,
        Meta(ge=10, le=10**6, description="held-out requests before anything is concluded"),
    ] = 100
