"""The thread that writes the access log.

A request leaves its line in a bounded buffer and goes: whether the disk is full
or nobody reads the pipe is this thread's business alone. While the output takes
nothing, lines wait; those that do not fit any more are lost, counted, and told
of in the gateway's own log at a bounded rate.

It is not woken for each line: a thread that is woken wants the interpreter, and
gets it from a request. The first line after a pause wakes it, and it lets a few
more come before it takes them all.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from threading import Event, Lock, Thread
from typing import NamedTuple

from gateway.accesslog.buffer import LineBuffer
from gateway.accesslog.output import Output
from gateway.signals import leave_signals_to_host

_log = logging.getLogger(__name__)

_BATCH_BYTES = 256 * 1024

# How long a stopping worker waits for the rest to be written.
FLUSH_SECONDS = 1.0


class Pauses(NamedTuple):
    """How long the writer waits, in seconds, and for what."""

    gather: float = 0.1  # for more lines to come, once there is one
    look: float = 0.25  # for a blocked output; and how soon a wish to reopen is seen
    retry: float = 1.0  # after an error: asking again does not empty a full disk
    breath: float = 0.01  # after an output said it was ready and then was not
    tell: float = 10.0  # between warnings


class LogWriter:
    """Lines in, bytes out.

    Threads: any may ``offer``; one starts and closes; ``reopen`` may be called by a
    signal handler, so it takes no lock. The lock makes whoever comes first start the
    thread once. Only that thread writes, logs and waits; ``close`` waits for it, a
    bounded time.
    """

    def __init__(
        self,
        output: Output,
        *,
        max_buffered: int,
        clock: Callable[[], float] = time.monotonic,
        pauses: Pauses = Pauses(),
    ) -> None:
        self._output = output
        self._clock = clock
        self._pauses = pauses
        self._buffer = LineBuffer(max_buffered)
        self._wake, self._stop = Event(), Event()
        self._give_up_at = 0.0
        self._reopen = False
        self._fault: str | None = None
        self._told = 0
        self._tell_at = float("-inf")
        self._lock = Lock()
        self._thread: Thread | None = None

    def offer(self, line: bytes) -> None:
        """Take a line, or count it as lost. Never waits."""
        if self._buffer.offer(line):
            self._wake.set()
            if self._thread is None:
                self.start()

    def lose(self) -> None:
        """Count a line that could not even be made."""
        self._buffer.lose()

    @property
    def lost(self) -> int:
        """Lines lost so far."""
        return self._buffer.lost

    @property
    def stopping(self) -> bool:
        """Whether it was told to come to an end."""
        return self._stop.is_set()

    def reopen(self) -> None:
        """Let go of the file, within a moment, and go on with what has its name then."""
        self._reopen = True

    def start(self) -> None:
        """Start the thread. The first line does it where nobody else does."""
        with self._lock:
            if self._thread is not None or self._stop.is_set():
                return
            # A daemon: stuck in a write, it must not keep the process.
            self._thread = Thread(target=self._run, name="gateway-access-log", daemon=True)
            self._thread.start()

    def close(self, timeout: float = FLUSH_SECONDS) -> None:
        """Write what is here, for at most about ``timeout`` seconds; the rest is lost."""
        self._buffer.close()
        self._give_up_at = self._clock() + timeout
        self._stop.set()
        self._wake.set()
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join(timeout + self._pauses.look)
        # Nothing, unless the thread is stuck or never was.
        left = self._buffer.take()
        self._buffer.settle(left, len(left))

    def __repr__(self) -> str:
        return f"<LogWriter to {self._output!r}, {self._buffer!r}>"

    # -- the writer's thread -------------------------------------------------------------

    def _run(self) -> None:
        leave_signals_to_host()
        while not self._stop.is_set():
            if self._wake.wait(self._pauses.look):
                self._stop.wait(self._pauses.gather)
                self._wake.clear()
            self._turn()
        self._turn()
        self._tell(last=True)
        self._output.close()

    def _turn(self) -> None:
        """Write all that waits, however long that takes."""
        self._obey()
        waiting = deque(self._buffer.take())
        while waiting:
            batch = _batch(waiting)
            lost = len(batch)
            try:
                lost = self._write(b"".join(batch))
            except Exception:  # noqa: BLE001 - the boundary: the next line is written again
                _log.exception("Writing the access log failed")
            self._buffer.settle(batch, lost)
        self._tell()

    def _write(self, data: bytes) -> int:
        """Write all of it, or what can be until it is time to go. How many lines were lost."""
        done = 0
        while done < len(data):
            try:
                taken = self._output.write(memoryview(data)[done:], self._pauses.look)
            except OSError as error:
                self._fault = error.strerror or str(error)
                self._output.reopen()
                data, done = _whole_lines(data, done), 0
                going_on = self._pause(self._pauses.retry, hopeless=True)
            else:
                done += taken
                going_on = bool(taken) or self._pause(self._pauses.breath)
            if not going_on:
                return data.count(b"\n", done) - (not done and data.startswith(b"\n"))
        return 0

    def _pause(self, seconds: float, *, hopeless: bool = False) -> bool:
        """Wait for the output, and do the rest meanwhile. False when it is time to go.

        ``hopeless``: what is wrong will not pass in what time is left after a stop.
        """
        self._tell()
        if self._stop.wait(seconds):
            return not hopeless and self._clock() < self._give_up_at
        self._obey()
        return True

    def _obey(self) -> None:
        if self._reopen:
            self._reopen = False
            self._output.reopen()

    def _tell(self, *, last: bool = False) -> None:
        """Say what was lost and why: at once, then every few seconds."""
        now, lost = self._clock(), self._buffer.lost - self._told
        if not (lost or self._fault) or (now < self._tell_at and not last):
            return
        self._tell_at, self._told = now + self._pauses.tell, self._told + lost
        why = self._fault or "it takes lines more slowly than they come"
        self._fault = None
        _log.warning("The access log (%r): %s; %d lines lost", self._output, why, lost)


def _batch(waiting: deque[bytes]) -> list[bytes]:
    """The first lines, about as many as one write takes."""
    batch, size = [], 0
    while waiting and size < _BATCH_BYTES:
        batch.append(waiting.popleft())
        size += len(batch[-1])
    return batch


def _whole_lines(data: bytes, done: int) -> bytes:
    """What is left after an error. A line that broke off is begun again, on a line of its own."""
    start = data.rfind(b"\n", 0, done) + 1
    return data[start:] if start == done else b"\n" + data[start:]
