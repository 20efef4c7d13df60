"""Whether a comparison is wanted, for whoever would have to load all that it takes."""

from __future__ import annotations

from gateway.settings.model import Settings


def compares(settings: Settings) -> bool:
    """Whether anything is compared at all."""
    rules = [route.compare for route in settings.routes if route.compare is not None]
    general = settings.compare.enabled is not False
    return bool(settings.shadows) and (general or any(rule.enabled for rule in rules))
