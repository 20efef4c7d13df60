"""Where the workers of one gateway add up: a folder with a small file for each of them.

A hundredth of one worker's requests is few; of all workers' it is more, and the sooner
something can be said. Files are replaced whole, every two seconds, in memory where
the system has such a place. Workers that have not written for a while are gone.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from gateway.isolation.sums import Groups, Sums
from gateway.runtime import replace_file

# Several times as long as a worker takes to write again.
_STALE_SECONDS = 15.0


class Board:
    """``folder``: shared by the workers; None for a process that is alone.

    Threads: the housekeeper's alone. File operations may block on a slow disk.
    """

    def __init__(self, folder: Path | None, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._clock = clock

    def exchange(self, own: Groups) -> Groups:
        """Tell the others what this worker has, and learn what all have together."""
        if self._folder is None:
            return own
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_file(self._folder / str(os.getpid()), json.dumps(own).encode())
        each = [own, *self._others(self._folder)]
        return Groups(Sums.of(g.mirrored for g in each), Sums.of(g.held_out for g in each))

    def _others(self, folder: Path) -> Iterator[Groups]:
        for file in folder.glob("[0-9]*"):
            if file.name == str(os.getpid()):
                continue
            try:
                if file.stat().st_mtime < self._clock() - _STALE_SECONDS:
                    file.unlink()
                else:
                    mirrored, held_out = json.loads(file.read_bytes())
                    yield Groups(Sums(*mirrored), Sums(*held_out))
            except FileNotFoundError:
                continue  # another worker has removed it

    def leave(self) -> None:
        """This worker ends: what it has counted goes with it."""
        if self._folder is not None:
            (self._folder / str(os.getpid())).unlink(missing_ok=True)

    def __repr__(self) -> str:
        return f"<Board in {self._folder or 'this process alone'}>"
