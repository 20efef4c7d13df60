"""Logging that a flood of errors cannot turn into a flood of log lines."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from threading import Lock


class ThrottledLog:
    """A logger that lets ``burst`` records pass in each ``interval`` seconds.

    The first record of the next interval says how many were left out.

    Threads: any thread may call it. The lock guards two counters and is never
    held while a record is written. Writing may block as the handler does.
    """

    def __init__(
        self,
        logger: logging.Logger,
        burst: int = 5,
        interval: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._logger = logger
        self._burst = burst
        self._interval = interval
        self._clock = clock
        self._lock = Lock()
        self._started = clock()
        self._passed = 0
        self._left_out = 0

    def log(
        self, level: int, message: str, *args: object, exc_info: BaseException | None = None
    ) -> None:
        """Log the record, or count it as left out."""
        left_out = self._admit()
        if left_out is None:
            return
        if left_out:
            message += f" ({left_out} more like it were not logged)"
        self._logger.log(level, message, *args, exc_info=exc_info)

    def _admit(self) -> int | None:
        """None: leave this one out. Else how many were left out before it."""
        now = self._clock()
        with self._lock:
            if now - self._started >= self._interval:
                self._started, self._passed = now, 0
            if self._passed >= self._burst:
                self._left_out += 1
                return None
            self._passed += 1
            left_out, self._left_out = self._left_out, 0
            return left_out
