"""Rules about the store of verdicts: what it needs."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.settings.findings import Finding
from gateway.settings.model import Settings
from gateway.settings.store import OFF
from gateway.store.url import missing_packages


def store_findings(settings: Settings) -> Iterator[Finding]:
    """A store that somebody asked for, and whose packages are not installed."""
    url = settings.store.url
    if url is None or url == OFF:
        return
    missing = missing_packages(url)
    if missing is not None:
        yield Finding((("store", "url"),), f"needs more packages: {missing}")
