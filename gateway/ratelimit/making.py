"""Makes stores and rules of what the settings say, once for each worker."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path

from gateway.ratelimit.rules import Rule, Rules
from gateway.ratelimit.store import EmbeddedStore, NoStore, Store
from gateway.ratelimit.table import FILE_NAME, Table
from gateway.routes import RouteTable
from gateway.settings.model import Route
from gateway.settings.rate_limit import Limit, RateLimit

_log = logging.getLogger(__name__)


def make_rules(config: RateLimit, routes: Iterable[Route]) -> RouteTable[Rules] | None:
    """The rules of each route; None when nobody is limited.

    A route without limits of its own leaves them to the next less specific one.
    """
    table = RouteTable(
        [
            (route.path, route.methods, _rules(route.limits, f"{route.path} {route.methods}"))
            for route in routes
            if route.limits is not None
        ],
        _rules(config.limits, ""),
    )
    limited = config.limits or any(route.limits for route in routes)
    return table if limited else None


def _rules(limits: Iterable[Limit], scope: str) -> Rules:
    return Rules([Rule(limit.name, limit.rates, limit.by) for limit in limits], scope=scope)


def make_store(config: RateLimit, folder: Path | None, forgotten: Callable[[], None]) -> Store:
    """The store. ``folder``: what the gateway's processes share; None: this one is alone.

    A store that cannot be made is one that is down: that must not stop a gateway.
    """
    try:
        if config.store == "redis":
            # Not at the top: limits and redis would cost every worker 11 MB.
            redis_store = import_module("gateway.ratelimit.redis_store")
            store: Store = redis_store.RedisStore(
                config.redis, prefix=config.redis_prefix, timeout=config.redis_timeout
            )
            return store
        path = None if folder is None else folder / FILE_NAME
        return EmbeddedStore(Table(path, config.memory), forgotten)
    except OSError as error:
        _log.error("Rate limits cannot be checked: no shared table: %s", error)
        return NoStore(f"no shared table: {error}")
