"""Rules about the access log, tracing and request ids: what contradicts or cannot work."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.util import find_spec

from gateway.headers import HOP_BY_HOP
from gateway.settings.findings import Finding
from gateway.settings.model import Settings

# Of the connection, of framing, or of another meaning.
_NO_ID = HOP_BY_HOP | {"host", "content-length", "content-type", "expect", "authorization", "date"}


def access_log_findings(settings: Settings) -> Iterator[Finding]:
    """A log without a file, a file without a log, and one that cannot be written."""
    config = settings.access_log
    to, file = ("access_log", "to"), ("access_log", "file")
    if config.to == "file" and config.file is None:
        yield Finding((to,), "needs access_log.file, the path of the file")
    elif config.to != "file" and config.file is not None:
        yield Finding((file, to), 'has no effect without to = "file"')
    elif config.file is not None:
        fault = _fault(config.file)
        if fault is not None:
            yield Finding((file,), fault)


def _fault(path: str) -> str | None:
    """Opens nothing: a named pipe would notice."""
    if os.path.isdir(path):
        return "that is a folder"
    if os.path.exists(path):
        return None if os.access(path, os.W_OK) else "cannot write to this file"
    folder = os.path.dirname(path) or "."
    if not os.path.isdir(folder):
        return "its folder does not exist"
    return None if os.access(folder, os.W_OK | os.X_OK) else "cannot write into its folder"


def tracing_findings(settings: Settings) -> Iterator[Finding]:
    """The SDK is an extra; the core does without."""
    endpoint = settings.tracing.endpoint
    # A package whose parent is missing raises, one of its own is None.
    if endpoint is not None and not _installed("opentelemetry", "exporter", "otlp", "proto"):
        message = "needs more packages: pip install 'gateway[otel]'"
        yield Finding((("tracing", "endpoint"),), message)


def _installed(*names: str) -> bool:
    return all(find_spec(".".join(names[: n + 1])) is not None for n in range(len(names)))


def id_findings(settings: Settings) -> Iterator[Finding]:
    """The id goes into a field of its own."""
    name = settings.request.forward_id
    if name.lower() in _NO_ID:
        yield Finding((("request", "forward_id"),), f"{name} cannot hold an id; use another field")
