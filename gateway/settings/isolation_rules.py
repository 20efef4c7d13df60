"""Rules about the floor and the isolation proof: what collides or has no effect."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.settings.findings import Finding
from gateway.settings.model import Settings


def floor_findings(settings: Settings) -> Iterator[Finding]:
    """Its figures go by the name of live, and are nothing without a comparison."""
    if not settings.floor.enabled:
        return
    floor = ("floor", "enabled")
    for index, shadow in enumerate(settings.shadows):
        if shadow.name == "live":
            message = "the floor's figures have this name; give the shadow another one"
            yield Finding((("shadows", index, "name"), floor), message)
    routes = any(route.compare and route.compare.enabled for route in settings.routes)
    if settings.compare.enabled is False and not routes:
        yield Finding((floor, ("compare", "enabled")), "has no effect where nothing is compared")
