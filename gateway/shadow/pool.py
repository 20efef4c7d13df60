"""The bounded pool on which all shadow work runs.

``ThreadPoolExecutor`` has an unbounded queue, so the bounds are here: a permit
is taken without waiting, or the copy is dropped at once. Running or cancelled,
whoever claims a permit first ends it, and it is given back in one place.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Condition
from typing import NamedTuple

from gateway.shadow.outcome import Outcome
from gateway.throttle import ThrottledLog

Work = Callable[[], Outcome]
Done = Callable[[Outcome], None]


class PoolSnapshot(NamedTuple):
    """The pool at one moment. ``oldest_seconds``: age of the oldest unfinished copy."""

    active: int
    queued: int
    queued_bytes: int
    oldest_seconds: float
    done: int
    dropped: int


class _Permit:
    """One accepted copy. Whoever claims it first, to run or to end it, has it."""

    __slots__ = ("accepted", "claimed", "done", "size", "work")

    def __init__(self, work: Work, size: int, done: Done, accepted: float) -> None:
        self.work = work
        self.size = size
        self.done = done
        self.accepted = accepted
        self.claimed = False


class ShadowPool:
    """At most ``threads`` calls at once, ``max_queue`` waiting, ``max_queue_bytes`` held.

    Threads: request threads offer, pool threads run, one thread closes. The
    condition's lock guards the counters and is held for a few additions; no
    work, callback, logging or I/O happens under it. Only ``close`` waits.
    """

    def __init__(
        self,
        *,
        threads: int,
        max_queue: int,
        max_queue_bytes: int,
        clock: Callable[[], float] = time.monotonic,
        log: ThrottledLog | None = None,
    ) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="gateway-shadow")
        self._threads = threads
        self._max_permits = threads + max_queue
        self._max_bytes = max_queue_bytes
        self._clock = clock
        self._log = log or ThrottledLog(logging.getLogger(__name__))
        self._changed = Condition()
        # Insertion order is order of acceptance: the first is the oldest.
        self._permits: dict[_Permit, None] = {}
        self._bytes = 0
        self._active = 0
        self._done = 0
        self._dropped = 0
        self._draining = False

    def offer(self, work: Work, size: int, done: Done) -> Outcome | None:
        """Take a copy of ``size`` bytes, or say at once why it is dropped.

        When taken (None), ``done`` is called exactly once with the outcome:
        what ``work`` returned, an internal failure if it raised anything at
        all, or draining if it was cancelled before it began.
        """
        permit = _Permit(work, size, done, self._clock())
        refusal = self._take(permit)
        if refusal is not None:
            return refusal
        try:
            future = self._executor.submit(self._run, permit)
        except BaseException as error:
            # It may have been queued all the same, and even be running already.
            if not self._claim(permit):
                return None
            self._give_back(permit)
            if not isinstance(error, RuntimeError):
                raise
            # Shut down meanwhile, or no thread to be had.
            return Outcome.DROPPED_DRAINING if self._draining else Outcome.DROPPED_QUEUE_FULL
        future.add_done_callback(lambda future: self._cancelled(permit, future))
        return None

    def _take(self, permit: _Permit) -> Outcome | None:
        with self._changed:
            refusal = None
            if self._draining:
                refusal = Outcome.DROPPED_DRAINING
            elif len(self._permits) >= self._max_permits:
                refusal = Outcome.DROPPED_QUEUE_FULL
            elif self._bytes + permit.size > self._max_bytes:
                refusal = Outcome.DROPPED_BYTES_FULL
            if refusal is not None:
                self._dropped += 1
                return refusal
            self._permits[permit] = None
            self._bytes += permit.size
            return None

    def _claim(self, permit: _Permit, active: int = 0) -> bool:
        with self._changed:
            if permit.claimed:
                return False
            permit.claimed = True
            self._active += active
            return True

    def _run(self, permit: _Permit) -> None:
        """On a pool thread: the copy's work, whatever comes of it."""
        if not self._claim(permit, active=1):
            return
        try:
            outcome = permit.work()
        except BaseException as error:  # noqa: BLE001 - the boundary of shadow work
            self._log.log(logging.ERROR, "A shadow call failed inside the gateway", exc_info=error)
            outcome = Outcome.FAILED_INTERNAL
        with self._changed:
            self._active -= 1
        self._end(permit, outcome)

    def _cancelled(self, permit: _Permit, future: Future[None]) -> None:
        """A future is done: only one that never ran is still to be ended."""
        if future.cancelled() and self._claim(permit):
            self._end(permit, Outcome.DROPPED_DRAINING)

    def _end(self, permit: _Permit, outcome: Outcome) -> None:
        """The one place where a permit that was run or cancelled ends."""
        try:
            permit.done(outcome)
        except BaseException as error:  # noqa: BLE001 - the boundary of shadow work
            self._log.log(logging.ERROR, "Recording a shadow call failed", exc_info=error)
        finally:
            self._give_back(permit)

    def _give_back(self, permit: _Permit) -> None:
        with self._changed:
            del self._permits[permit]
            self._bytes -= permit.size
            self._done += 1
            if not self._permits:
                self._changed.notify_all()

    def close(self, timeout: float) -> bool:
        """Take no more work, cancel what waits, and wait for what runs.

        Returns whether all calls ended within ``timeout`` seconds; then no
        thread is left. If not, end them (abort their sockets) and call again.
        """
        with self._changed:
            self._draining = True
        self._executor.shutdown(wait=False, cancel_futures=True)
        with self._changed:
            idle = self._changed.wait_for(lambda: not self._permits, timeout)
        if idle:
            self._executor.shutdown(wait=True)
        return idle

    def snapshot(self) -> PoolSnapshot:
        """The counters at one moment."""
        now = self._clock()
        with self._changed:
            oldest = next(iter(self._permits), None)
            return PoolSnapshot(
                active=self._active,
                queued=len(self._permits) - self._active,
                queued_bytes=self._bytes,
                oldest_seconds=now - oldest.accepted if oldest else 0.0,
                done=self._done,
                dropped=self._dropped,
            )

    def __repr__(self) -> str:
        s = self.snapshot()
        return (
            f"<ShadowPool [{s.active} active, {s.queued} queued"
            f" | {s.done} done, {s.dropped} dropped]>"
        )
