"""What commands compare answers with: the rules of a settings file, or those without one."""

from __future__ import annotations

import os
from pathlib import Path

from gateway.compare.comparer import Comparer
from gateway.settings import load
from gateway.settings.comparison import Compare as Config
from gateway.traffic.redacted import Compare, leniently


def comparing(config: Path | None) -> Compare:
    """By the rules of the file, of ``GATEWAY_CONFIG``, or the general ones.

    Raises ``SettingsError``.
    """
    if config is None and "GATEWAY_CONFIG" not in os.environ:
        return leniently(Comparer(Config()).compare)
    settings = load(config=config, environ=os.environ, flags={})
    routes = [(route.path, route.methods, route.compare) for route in settings.routes]
    return leniently(Comparer(settings.compare, routes).compare)
