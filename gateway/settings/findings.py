"""What the rules about several settings share."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from gateway.settings.declared import Key
from gateway.settings.model import Live, Settings, Shadow


class Finding(Struct, frozen=True):
    """A contradiction.

    ``keys``: all settings it depends on. It is reported at the first of them
    that somebody gave (never at a default), and not at all when a problem of
    one of them is already known.
    """

    keys: tuple[Key, ...]
    message: str


def upstreams(settings: Settings) -> Iterator[tuple[Key, Live | Shadow]]:
    """Every upstream with its key."""
    yield ("live",), settings.live
    for index, shadow in enumerate(settings.shadows):
        yield ("shadows", index), shadow
    for index, route in enumerate(settings.routes):
        if route.live is not None:
            yield ("routes", index, "live"), route.live
