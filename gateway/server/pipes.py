"""The pipes through which a worker's threads wake each other."""

from __future__ import annotations

import os
import select


def stop_pipe(epoll: select.epoll) -> tuple[int, int]:
    """A pipe whose write end, closed, wakes every waiting thread for good."""
    read, write = os.pipe()
    epoll.register(read, select.EPOLLIN)
    return write, read


def empty_pipe(fd: int) -> None:
    """Take what was written to wake us."""
    try:
        os.read(fd, 4096)
    except BlockingIOError:
        pass
