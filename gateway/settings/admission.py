"""Settings of admission: how much one worker takes on."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from gateway.settings.types import Model, Seconds


class Admission(Model, frozen=True):
    """What one worker takes on at once. Over it requests are answered 503, at once."""

    mode: Annotated[
        Literal["adaptive", "fixed", "off"],
        Meta(
            description="follow what the machine sustains, keep to `limit`, "
            "or take on up to `server.threads`"
        ),
    ] = "adaptive"
    limit: Annotated[
        int,
        Meta(
            ge=0,
            le=65_535,
            description='most requests in progress in one worker, with mode "fixed" always so '
            "many; 0: `server.threads`, which is also the most",
        ),
    ] = 0
    target_wait: Annotated[
        Seconds,
        Meta(
            description="a queue in which nobody waits less than this does not drain: "
            "copies are dropped first, then requests refused"
        ),
    ] = 0.01
    longest_wait: Annotated[
        Seconds,
        Meta(description="no request waits longer than this for work on it to begin"),
    ] = 1.0
