"""Rules about what is done to answers: compression and CORS."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from types import MappingProxyType
from typing import Any

from gateway.settings.compression import Compression
from gateway.settings.cors import Cors
from gateway.settings.declared import Key
from gateway.settings.findings import Finding
from gateway.settings.model import Settings

# What a coding needs beside the standard library: package, module.
_NEEDS = MappingProxyType({"br": ("brotli", "brotli"), "zstd": ("backports", "backports.zstd")})


def answer_findings(settings: Settings) -> Iterator[Finding]:
    """What would silently do nothing, or could not start."""
    for key, compression in _configured(settings, "compression"):
        yield from _compression_findings(key, compression)
    for key, cors in _configured(settings, "cors"):
        yield from _cors_findings(key, cors)


def _configured(settings: Settings, name: str) -> Iterator[tuple[Key, Any]]:
    """Every table of this name that is switched on, with its key."""
    tables: list[tuple[Key, Any]] = [((name,), getattr(settings, name))]
    tables += [(("routes", i, name), getattr(r, name)) for i, r in enumerate(settings.routes)]
    return ((key, table) for key, table in tables if table is not None and table.enabled)


def _compression_findings(key: Key, compression: Compression) -> Iterator[Finding]:
    for index, coding in enumerate(compression.codings):
        package, module = _NEEDS.get(coding, ("zlib", "zlib"))
        if find_spec(package) is None or find_spec(module) is None:
            here = (*key, "codings", index)
            yield Finding((here,), "needs more packages: pip install 'gateway[codings]'")
    if not compression.codings:
        message = "without any nothing is compressed; enabled = false says so"
        yield Finding(((*key, "codings"),), message)


def _cors_findings(key: Key, cors: Cors) -> Iterator[Finding]:
    here = (*key, "origins")
    if not cors.origins:
        message = "no page may read anything; name some, or leave out the table"
        yield Finding((here, key), message)
    if "*" in cors.origins and cors.credentials:
        message = (
            "with credentials every origin has to be named: any page could act for its visitor"
        )
        yield Finding((here, (*key, "credentials")), message)
