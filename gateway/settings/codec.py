"""Settings as bytes, to hand them from the master process to its workers.

The round trip is exact. Secrets are in it: the bytes go through a pipe, an
inherited descriptor or a file only its owner can read, never into a log.
"""

from __future__ import annotations

import msgspec

from gateway.errors import SettingsError
from gateway.settings.model import Settings


def to_json(settings: Settings) -> bytes:
    """All settings, secrets included."""
    return msgspec.json.encode(settings)


def from_json(data: bytes) -> Settings:
    """What ``to_json`` was given. Raises ``SettingsError`` for anything else."""
    try:
        return msgspec.json.decode(data, type=Settings)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SettingsError([f"settings handed from process to process: {error}"]) from error
