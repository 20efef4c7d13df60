"""Settings from the arguments of a constructor, for those who embed the gateway.

Beside ``load``, which takes file, environment and flags: here a program says what it
wants, in full (``settings``), as a file (``config``), or just by URLs. The
environment is not read: it is the host's.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from gateway.errors import SettingsError
from gateway.settings.load import load, validated
from gateway.settings.model import Live, Settings, Shadow

# One shadow, as whoever embeds a mirror says it.
ShadowLike = str | Shadow


def settings_for(
    *,
    settings: Settings | None = None,
    config: Path | str | None = None,
    live: str | Live | None = None,
    shadows: Sequence[ShadowLike] = (),
    percent: float | None = None,
) -> Settings:
    """The settings these arguments come to, checked and complete.

    ``live`` and ``shadows`` go in place of those of ``settings`` or ``config``;
    ``percent`` is for every shadow. Raises ``SettingsError``.
    """
    upstream = Live(url=live) if isinstance(live, str) else live
    if settings is not None and config is not None:
        raise SettingsError(["give settings or config, not both"])
    if settings is None:
        settings = _base(config, upstream)
    if upstream is not None:
        settings = msgspec.structs.replace(settings, live=upstream)
    if shadows:
        made = tuple(Shadow(url=each) if isinstance(each, str) else each for each in shadows)
        settings = msgspec.structs.replace(settings, shadows=made)
    if percent is not None:
        rated = (msgspec.structs.replace(each, percent=percent) for each in settings.shadows)
        settings = msgspec.structs.replace(settings, shadows=tuple(rated))
    return validated(settings)


def _base(config: Path | str | None, live: Live | None) -> Settings:
    if config is not None:
        flags = {} if live is None else {"live": live.url}
        return load(config=Path(config), environ={}, flags=flags)
    if live is None:
        raise SettingsError(["give live, settings or config"])
    return Settings(live=live)
