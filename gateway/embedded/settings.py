"""What an embedded mirror takes of the settings, and what it does not.

Live is the application itself. Where settings have a middleware of the gateway's
chain switched on, the host would believe in something that does not happen: those
are refused at construction, and the text says what to do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import MappingProxyType

from gateway.errors import SettingsError
from gateway.settings.made import ShadowLike, settings_for
from gateway.settings.model import Live, Settings, Shadow

# Nothing is ever sent there: RFC 2606 section 2 keeps the name from being anybody's.
THE_APPLICATION = Live(url="http://application.invalid")

_WRAP = "wrap the application with the middleware itself, or leave it out"
_WHAT_TO_DO = MappingProxyType(
    {
        "record": "leave it out, or record in a gateway in front of the application",
        "floor": "leave it out: the application cannot be asked a second time",
    }
)
_OFTEN_OFF = ("validation", "compression", "cors", "security_headers", "addresses")


def embedded_settings(
    shadow: ShadowLike | Sequence[ShadowLike] | None,
    *,
    percent: float | None = None,
    settings: Settings | None = None,
    config: Path | str | None = None,
) -> Settings:
    """Checked settings of an embedded mirror. Raises ``SettingsError``."""
    if shadow is None or isinstance(shadow, str | Shadow):
        shadow = [shadow] if shadow else []
    made = settings_for(
        settings=settings,
        config=config,
        live=THE_APPLICATION,
        shadows=shadow,
        percent=percent,
    )
    problems = [
        f"{name}: has no effect on an embedded mirror; {_WHAT_TO_DO.get(name, _WRAP)}"
        for name in _without_effect(made)
    ]
    if problems:
        raise SettingsError(problems)
    return made


def _without_effect(settings: Settings) -> Iterator[str]:
    if settings.authentication.schemes:
        yield "authentication"
    if settings.rate_limit.limits:
        yield "rate_limit"
    if settings.access_log.to != "off":
        yield "access_log"
    if settings.tracing.endpoint is not None:
        yield "tracing"
    if settings.record.percent:
        yield "record"
    if settings.floor.enabled:
        yield "floor"
    for name in _OFTEN_OFF:
        if getattr(settings, name) is not None:
            yield name
    for number, route in enumerate(settings.routes):
        for name in ("authentication", "limits", "live", *_OFTEN_OFF):
            if getattr(route, name) is not None:
                yield f"routes[{number}].{name}"
