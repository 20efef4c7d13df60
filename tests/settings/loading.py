"""How the tests of this folder load settings."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gateway.settings import Settings, SettingsError, load

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PEM = Path(__file__).parent / "pem"
LIVE = '[live]\nurl = "http://live.test"\n'
SHADOW = LIVE + '[[shadows]]\nurl = "http://shadow.test"\n'


def parse_toml(text: str) -> dict[str, Any]:
    """A document as plain values."""
    return tomllib.loads(text)


def load_text(
    folder: Path, text: str | bytes, environ: Mapping[str, str] | None = None, **flags: Any
) -> Settings:
    """Settings from a file with this text."""
    file = folder / "gateway.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load(config=file, environ=environ or {}, flags=flags)


def load_without_file(environ: Mapping[str, str] | None = None, **flags: Any) -> Settings:
    return load(config=None, environ=environ or {}, flags=flags)


def problems_in(
    folder: Path, text: str | bytes, environ: Mapping[str, str] | None = None, **flags: Any
) -> list[str]:
    """The problems of a file with this text, its folder left out."""
    try:
        load_text(folder, text, environ, **flags)
    except SettingsError as error:
        return [problem.replace(str(folder) + os.sep, "") for problem in error.problems]
    return []


def problems_without_file(environ: Mapping[str, str] | None = None, **flags: Any) -> list[str]:
    try:
        load_without_file(environ, **flags)
    except SettingsError as error:
        return list(error.problems)
    return []
