"""What an operator switches while the gateway runs: a shadow's percent, or off.

Kept in one small file that the admin process replaces (or a worker, when mirroring
costs live too much) and every worker looks at several times a second. It overrides
the settings until the gateway stops.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from gateway.runtime import replace_file
from gateway.shadow.switch import Switch

try:
    import fcntl
except ImportError:  # not Unix
    fcntl = None  # type: ignore[assignment]

_UNTOUCHED = Switch()


class Control:
    """The switches as this process last read them.

    Threads: request and shadow threads read; the table is replaced whole, so they
    need no lock. The lock lets one thread at a time refresh or set; it is held
    while a small file is read or written, and no request waits for it.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._switches: dict[str, Switch] = {}
        self._lock = Lock()

    def switch(self, shadow: str) -> Switch:
        """What is set for a shadow."""
        return self._switches.get(shadow, _UNTOUCHED)

    def refresh(self) -> None:
        """Read the file again if it was replaced."""
        with self._lock:
            self._refresh()

    def _refresh(self) -> None:
        if self._path is None:
            return
        try:
            status = self._path.stat()
            seen = (status.st_ino, status.st_mtime_ns)
            if seen != self._seen:
                self._switches = _read(self._path)
                self._seen = seen
        except FileNotFoundError:
            self._switches = {}

    def set(self, shadow: str, switch: Switch) -> None:
        """Write a switch for all processes to follow."""
        with self._lock, _alone(self._path):
            self._refresh()
            self._switches = {**self._switches, shadow: switch}
            if self._path is not None:
                document = {name: value._asdict() for name, value in self._switches.items()}
                replace_file(self._path, json.dumps(document).encode())

    def __repr__(self) -> str:
        return f"<Control {self._switches}>"


@contextmanager
def _alone(path: Path | None) -> Iterator[None]:
    """No other process reads and replaces the file meanwhile."""
    if path is None or fcntl is None:
        yield
        return
    lock = os.open(
        path.with_name(f".{path.name}.lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600
    )
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _read(path: Path) -> dict[str, Switch]:
    return {name: Switch(**value) for name, value in json.loads(path.read_bytes()).items()}
