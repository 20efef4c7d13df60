"""Lines that wait to be written: bounded in bytes, and exact about what was lost.

Between the threads of requests, which only ever add to it, and the one that
writes. Nothing here waits, writes or logs.
"""

from __future__ import annotations

from collections.abc import Iterable
from threading import Lock

# What a line takes beside its text: a bytes object and its place in a list.
_OVERHEAD = 48


class LineBuffer:
    """At most ``limit`` bytes of lines, those being written included.

    Threads: any may call any method. The lock guards the list and the counters,
    and is held for a few additions.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = Lock()
        self._lines: list[bytes] = []
        self._closed = False
        self.held = 0
        self.lost = 0

    def offer(self, line: bytes) -> bool:
        """Take the line, or count it as lost. True when it is the first that waits."""
        size = len(line) + _OVERHEAD
        with self._lock:
            if self._closed or self.held + size > self._limit:
                self.lost += 1
                return False
            self.held += size
            self._lines.append(line)
            return len(self._lines) == 1

    def take(self) -> list[bytes]:
        """All that wait, in order. They count as held until they are settled."""
        with self._lock:
            lines, self._lines = self._lines, []
        return lines

    def settle(self, lines: Iterable[bytes], lost: int) -> None:
        """These lines, once taken, were written, but for so many of them."""
        size = sum(len(line) + _OVERHEAD for line in lines)
        with self._lock:
            self.held -= size
            self.lost += lost

    def lose(self, lines: int = 1) -> None:
        """Count lines that never came to be here."""
        with self._lock:
            self.lost += lines

    def close(self) -> None:
        """Take no more."""
        with self._lock:
            self._closed = True

    def __repr__(self) -> str:
        return f"<LineBuffer {self.held} of {self._limit} bytes held | {self.lost} lines lost>"
