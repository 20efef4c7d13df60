"""Writes exchanges to files that others may read meanwhile, in a folder of bounded size.

Used by one thread of one process; several processes may share the folder. Each file
has one writer, which holds a lock on it (flock(2)) for as long as it lives: whoever
makes a new file removes the oldest that are too many, and leaves out those.

What is written is in the file, whole, or it is not. Only the owner can read it. What
may be in it is the caller's business: nothing here looks for secrets.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from gateway.traffic.packing import Packing

try:
    import fcntl
except ImportError:  # not Unix
    fcntl = None  # type: ignore[assignment]

# Live traffic is for nobody but who runs the gateway.
_FILE_MODE, _FOLDER_MODE = 0o600, 0o700
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | getattr(os, "O_CLOEXEC", 0)
_PREFIX = "traffic-"


class Archive:
    """A series of files in ``folder``; made when there is something to write.

    ``max_file``: bytes of one file, unless a single part is larger. ``max_files``: of
    the folder, all writers together, but for those still being written. ``label``:
    what the files' names end in, to tell them from others of the folder.

    Threads: one thread. It blocks as the disk does.
    """

    def __init__(
        self,
        folder: Path,
        packing: Packing,
        *,
        max_file: int,
        max_files: int,
        label: str = "",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._folder = folder
        self._packing = packing
        self._max_file = max_file
        self._max_files = max_files
        self._label = f"-{label}" if label else ""
        self._clock = clock
        self._fd = -1
        self._size = 0
        self._made = 0
        self.path: Path | None = None

    def write(self, lines: Sequence[bytes]) -> int:
        """Append the lines as one part; how many bytes it took. ``OSError``: nothing was."""
        part = self._packing.pack(b"".join(lines))
        if self._fd >= 0 and (self._size + len(part) > self._max_file or self._is_gone()):
            self.close()
        if self._fd < 0:
            self._begin()
        try:
            _write_all(self._fd, part)
        except OSError:
            self._undo()
            raise
        self._size += len(part)
        return len(part)

    def _begin(self) -> None:
        self._folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        self._prune()
        while True:
            path = self._folder / self._next_name()
            with suppress(FileExistsError):
                self._fd = os.open(path, _FLAGS, _FILE_MODE)
                break
        _lock(self._fd)
        self.path, self._size = path, 0

    def _next_name(self) -> str:
        """Names in the order the files were begun, as far as the clock knows it."""
        now = self._clock()
        self._made += 1
        stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(now)) + f".{int(now * 1000) % 1000:03}Z"
        name = f"{_PREFIX}{stamp}-{os.getpid()}-{self._made}{self._label}"
        return name + self._packing.suffix

    def _prune(self) -> None:
        """Make room for one more file. Others may be doing the same."""
        files = archives_in(self._folder)
        too_many = len(files) - self._max_files + 1
        for path in files if too_many > 0 else ():
            with suppress(OSError):
                if not is_being_written(path):
                    path.unlink()
                    too_many -= 1
            if too_many <= 0:
                break

    def _is_gone(self) -> bool:
        """Whether somebody has removed or replaced the file that we write to."""
        if self.path is None:
            return True
        try:
            return os.stat(self.path).st_ino != os.fstat(self._fd).st_ino
        except FileNotFoundError:
            return True

    def _undo(self) -> None:
        """After a part that did not fit: the file ends where the last whole one does."""
        with suppress(OSError):
            os.ftruncate(self._fd, self._size)
        empty, path = not self._size, self.path
        self.close()
        if empty and path is not None:
            with suppress(OSError):
                path.unlink()

    def close(self) -> None:
        """Let go of the file. The next part goes into a new one."""
        if self._fd >= 0:
            fd, self._fd, self.path = self._fd, -1, None
            os.close(fd)

    def __repr__(self) -> str:
        return (
            f"<Archive {self.path or self._folder} [{self._size} bytes, {self._made} files made]>"
        )


def archives_in(folder: Path, label: str = "") -> list[Path]:
    """The archives of a folder, those begun first first; only those with a label, if given."""
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return []
    mark = f"-{label}.jsonl." if label else ".jsonl"
    return [folder / name for name in sorted(names) if name.startswith(_PREFIX) and mark in name]


def _write_all(fd: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(fd, left) :]


def _lock(fd: int) -> None:
    """Waits no longer than somebody looks whether it is locked."""
    if fcntl is not None:
        fcntl.flock(fd, fcntl.LOCK_EX)


def is_being_written(path: Path) -> bool:
    """Whether somebody still has it open to write. ``OSError`` where it cannot be read."""
    if fcntl is None:
        return False
    fd = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False
