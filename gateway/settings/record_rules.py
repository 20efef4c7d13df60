"""Rules about recording: what has no effect, and what cannot work."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.util import find_spec

from gateway.settings.findings import Finding
from gateway.settings.model import Settings


def record_findings(settings: Settings) -> Iterator[Finding]:
    """A share without a folder, a folder that is none, a compression that is not there."""
    config = settings.record
    folder, percent = ("record", "folder"), ("record", "percent")
    if config.percent and config.folder is None:
        yield Finding((percent,), "needs record.folder, the folder for the files")
    elif config.folder is not None and os.path.lexists(config.folder):
        if not os.path.isdir(config.folder):
            yield Finding((folder,), "expected a folder, and this is none")
        elif not os.access(config.folder, os.W_OK | os.X_OK):
            yield Finding((folder,), "cannot write into this folder")
    if config.compression == "zstd" and not _has_zstd():
        message = "zstd needs more packages: pip install 'gateway[codings]'"
        yield Finding((("record", "compression"),), message)


def _has_zstd() -> bool:
    return find_spec("backports") is not None and find_spec("backports.zstd") is not None
