"""What an operator asks to be recorded while the gateway runs: for a while, a bounded lot.

Kept in one small file that the admin process replaces and every worker looks at several
times a second, as ``control`` is for shadows.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from gateway.runtime import replace_file


class Run(NamedTuple):
    """One recording. ``id``: in its files' names. ``until``: seconds since the epoch.

    ``max_bytes``: of each worker's files, compressed.
    """

    id: str
    percent: float
    until: float
    max_bytes: int


class RecordSwitch:
    """The recording that was asked for last, as this process last read it.

    ``folder``: for the files, where the settings name none.

    Threads: any may read; one at a time refreshes or sets. The lock is held while a
    small file is read or written, and no request waits for it.
    """

    def __init__(self, path: Path, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self.folder = folder
        self._clock = clock
        self._seen: tuple[int, int] | None = None
        self._run: Run | None = None
        self._lock = Lock()

    @property
    def run(self) -> Run | None:
        """The recording that goes on now, if one does."""
        run = self._run
        return run if run is not None and self._clock() < run.until else None

    @property
    def last(self) -> Run | None:
        """The recording that goes on now, or was the last to."""
        return self._run

    def refresh(self) -> None:
        """Read the file again if it was replaced."""
        with self._lock:
            try:
                status = self._path.stat()
                seen = (status.st_ino, status.st_mtime_ns)
                if seen != self._seen:
                    self._run, self._seen = Run(*json.loads(self._path.read_bytes())), seen
            except FileNotFoundError:
                self._run = None

    def set(self, run: Run) -> None:
        """Ask for a recording, in place of any other."""
        with self._lock:
            replace_file(self._path, json.dumps(run).encode())
        self.refresh()

    def stop(self) -> None:
        """End the recording that goes on, if one does."""
        self.refresh()
        if self.run is not None:
            self.set(self.run._replace(until=self._clock()))

    def __repr__(self) -> str:
        return f"<RecordSwitch {self.run or 'off'}>"
