"""One file of exchanges, written in one go: what ``gateway record`` hands over."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from gateway.traffic.line import line_of
from gateway.traffic.packing import packing_for
from gateway.traffic.recorded import Recorded

_PART_BYTES = 256 * 1024


class SingleFile:
    """A new archive, compressed as its name says. A context manager.

    Threads: one at a time. For its owner only; ``OSError`` where it is there already,
    ``LookupError`` where its compression is not installed.
    """

    def __init__(self, path: Path) -> None:
        self._pack = _packing_of(path)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._file = os.fdopen(fd, "wb")
        self._lines: list[bytes] = []
        self._pending = 0
        self.exchanges = 0

    def add(self, recorded: Recorded) -> None:
        """Append an exchange."""
        line = line_of(recorded)
        self._lines.append(line)
        self._pending += len(line)
        self.exchanges += 1
        if self._pending >= _PART_BYTES:
            self._write()

    def _write(self) -> None:
        lines, self._lines, self._pending = self._lines, [], 0
        self._file.write(self._pack(b"".join(lines)))

    def __enter__(self) -> SingleFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if self._lines:
                self._write()
        finally:
            self._file.close()

    def __repr__(self) -> str:
        return f"<SingleFile {self._file.name} [{self.exchanges} exchanges]>"


def _packing_of(path: Path) -> Callable[[bytes], bytes]:
    if path.suffix == ".jsonl":
        return bytes
    return packing_for("zstd" if path.suffix == ".zst" else "gzip").pack
