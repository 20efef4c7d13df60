"""Rules about rate limits: what contradicts, or has no effect."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

from gateway.settings.declared import Key
from gateway.settings.findings import Finding
from gateway.settings.model import Settings
from gateway.settings.rate_limit import Limit


def rate_limit_findings(settings: Settings) -> Iterator[Finding]:
    """Limits that cannot be told apart, and a store that cannot be used."""
    config = settings.rate_limit
    yield from _same_names(config.limits, ("rate_limit", "limits"))
    for index, route in enumerate(settings.routes):
        yield from _same_names(route.limits or (), ("routes", index, "limits"))
    store, redis = ("rate_limit", "store"), ("rate_limit", "redis")
    if config.store == "embedded" and config.redis is not None:
        yield Finding((redis,), 'has no effect: store is "embedded"')
    if config.store == "redis":
        if config.redis is None:
            yield Finding((store,), "needs rate_limit.redis, the URL of the server")
        if find_spec("limits") is None or find_spec("redis") is None:
            yield Finding((store,), "needs more packages: pip install 'gateway[redis]'")


def _same_names(limits: tuple[Limit, ...], here: Key) -> Iterator[Finding]:
    first: dict[str, int] = {}
    for index, limit in enumerate(limits):
        earlier = first.setdefault(limit.name, index)
        if limit.name and earlier != index:
            keys: tuple[Key, ...] = ((*here, index, "name"), (*here, earlier, "name"))
            yield Finding(keys, f"limits[{earlier}] has this name too; each needs its own")
