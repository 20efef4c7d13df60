"""Where lines go: a file of our own, or standard output.

Used by the writer's thread alone. Nothing here keeps a line: an output takes
bytes, takes none for now, or raises ``OSError``.
"""

from __future__ import annotations

import os
import select
import stat
from typing import Protocol

_STDOUT = 1
_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK
# Clients' addresses are not for everybody on the machine.
_MODE = 0o640


class Output(Protocol):
    """Takes bytes of lines. One thread."""

    def write(self, data: memoryview, wait: float) -> int:
        """How many bytes it took; 0 when it took none within ``wait`` seconds."""

    def reopen(self) -> None:
        """Write to whatever has the name now."""

    def close(self) -> None:
        """Let go of it."""


class _Descriptor:
    """An open file descriptor of unknown kind."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._regular = stat.S_ISREG(os.fstat(fd).st_mode)

    def write(self, data: memoryview, wait: float) -> int:
        if self._regular:
            return os.write(self._fd, data)
        if not self._writable(wait):
            return 0
        try:
            return os.write(self._fd, _in_one_piece(data))
        except BlockingIOError:
            return 0

    def _writable(self, wait: float) -> bool:
        poll = select.poll()
        poll.register(self._fd, select.POLLOUT)
        return bool(poll.poll(wait * 1000))

    def close(self) -> None:
        os.close(self._fd)


def _in_one_piece(data: memoryview) -> memoryview:
    """Whole lines, as many as a pipe takes at once (pipe(7), PIPE_BUF).

    Several workers write to one pipe, and their lines must not be mixed. A regular
    file opened for appending takes any size in one piece.
    """
    if len(data) <= select.PIPE_BUF:
        return data
    last = bytes(data[: select.PIPE_BUF]).rfind(b"\n")
    return data[: last + 1 or select.PIPE_BUF]


class FileOutput:
    """A file by its name; made when there is none. A FIFO needs a reader."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._open: _Descriptor | None = None

    def write(self, data: memoryview, wait: float) -> int:
        if self._open is None:
            # Non-blocking: a FIFO nobody reads must not stop the writer for good.
            self._open = _Descriptor(os.open(self._path, _FLAGS | os.O_CREAT, _MODE))
        return self._open.write(data, wait)

    def reopen(self) -> None:
        """After a rotation: the next line goes to a file that has the name then."""
        self.close()

    def close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None

    def __repr__(self) -> str:
        return self._path


class StdoutOutput:
    """This process's standard output, whatever that is. Opened at the first write."""

    def __init__(self) -> None:
        self._open: _Descriptor | None = None

    def write(self, data: memoryview, wait: float) -> int:
        if self._open is None:
            self._open = _Descriptor(_own_stdout())
        return self._open.write(data, wait)

    def reopen(self) -> None:
        """It has no name: whoever redirected it rotates it."""

    def close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None

    def __repr__(self) -> str:
        return "standard output"


def _own_stdout() -> int:
    """A descriptor of ours for what standard output is.

    ``O_NONBLOCK`` belongs to what is shared with every process of the terminal or
    pipeline: a pipe is opened once more to have it for ourselves (proc(5)). Where that
    is not possible a write may block, and with it the writer's thread, nobody else.
    """
    mode = os.fstat(_STDOUT).st_mode
    if stat.S_ISFIFO(mode) or stat.S_ISCHR(mode):
        try:
            return os.open(f"/proc/self/fd/{_STDOUT}", _FLAGS)
        except OSError:
            pass  # another system, or another user's
    return os.dup(_STDOUT)
