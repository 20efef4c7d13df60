"""The bounded pool on which all shadow work runs.

``ThreadPoolExecutor`` has an unbounded queue, so the bounds are here: a permit
is taken without waiting, or the copy is dropped at once. Whoever claims a
permit first, to run it or to cancel it, ends it, and it is given back in one
place.

Copies wait a moment for company: a pool thread takes what has gathered and runs
it as one batch (``batch.py`` says why). What would wait in there gets a thread
of its own.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Condition, Lock
from typing import NamedTuple

from gateway.shadow.batch import Batch
from gateway.shadow.outcome import Outcome
from gateway.shadow.permit import Done, Permit
from gateway.shadow.work import Work
from gateway.signals import leave_signals_to_host
from gateway.throttle import ThrottledLog

# How long the first copy waits for others. Nobody waits for its answer.
GATHER_SECONDS = 0.02
# A batch begins without giving up the interpreter lock: so many copies are two
# milliseconds in which nobody else runs.
_MAX_BATCH = 24


class PoolSnapshot(NamedTuple):
    """The pool at one moment. ``oldest_seconds``: age of the oldest unfinished copy."""

    active: int
    queued: int
    queued_bytes: int
    oldest_seconds: float
    done: int
    dropped: int


class ShadowPool:
    """At most ``threads`` calls at once, ``max_queue`` waiting, ``max_queue_bytes`` held.

    Threads: request threads offer, pool threads run, one thread closes. The
    lock guards the counters and queues and is held for a few additions;
    no work, callback, logging or I/O happens under it. Only ``close`` waits.
    """

    def __init__(
        self,
        *,
        threads: int,
        max_queue: int,
        max_queue_bytes: int,
        gather_seconds: float = GATHER_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        log: ThrottledLog | None = None,
    ) -> None:
        # One more than calls: who gathers the next batch has none yet.
        self._executor = ThreadPoolExecutor(
            threads + 1, thread_name_prefix="gateway-shadow", initializer=leave_signals_to_host
        )
        self._max_active = threads
        self._max_permits = threads + max_queue
        self._max_bytes = max_queue_bytes
        self._gather_seconds = gather_seconds
        self._clock = clock
        self._log = log or ThrottledLog(logging.getLogger(__name__))
        self._lock = Lock()
        self._changed = Condition(self._lock)
        # Insertion order is order of acceptance: the first is the oldest.
        self._permits: dict[Permit, None] = {}
        self._waiting: deque[Permit] = deque()
        self._gathering = False
        self._bytes = 0
        self._active = 0
        self._done = 0
        self._dropped = 0
        self._draining = False

    def offer(self, work: Work, size: int, done: Done) -> Outcome | None:
        """Take a copy of ``size`` bytes, or say at once why it is dropped.

        When taken (None), ``done`` is called exactly once with the outcome:
        what ``work`` came to, an internal failure if it raised anything at
        all, or draining if it was cancelled before it began.
        """
        permit = Permit(work, size, done, self._clock(), self._log)
        refusal = self._take(permit)
        if refusal is not None:
            return refusal
        try:
            self._gather()
        except BaseException as error:
            # It may have been queued all the same, and even be running already.
            if not self._claim(permit):
                return None
            self._give_back(permit)
            if not isinstance(error, RuntimeError):
                raise
            # Shut down meanwhile, or no thread to be had.
            return Outcome.DROPPED_DRAINING if self._draining else Outcome.DROPPED_QUEUE_FULL
        return None

    @property
    def full(self) -> Outcome | None:
        """Why no copy would be taken now, however small; None if one might be. No lock."""
        if len(self._permits) >= self._max_permits:
            return Outcome.DROPPED_QUEUE_FULL
        return Outcome.DROPPED_BYTES_FULL if self._bytes >= self._max_bytes else None

    def _take(self, permit: Permit) -> Outcome | None:
        with self._lock:
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
            self._waiting.append(permit)
            self._bytes += permit.size
            return None

    def _gather(self) -> None:
        """Have a thread gather a batch, if one is due and none is on its way."""
        with self._lock:
            if self._gathering or not self._waiting or self._active >= self._max_active:
                return
            self._gathering = True
        try:
            self._executor.submit(self._run_batch)
        except BaseException:
            self._gathering = False
            raise

    def _run_batch(self) -> None:
        """On a pool thread: wait for company, then run what there is."""
        time.sleep(self._gather_seconds)
        while permits := self._gathered():
            self._gather_more()
            if len(permits) == 1:
                self._finish(permits[0])
            else:
                Batch(self._end, self._hand_over).run(permits)
            if not self._draining:  # then nobody else comes for the rest
                return

    def _gather_more(self) -> None:
        try:
            self._gather()
        except (RuntimeError, MemoryError):
            pass  # no thread to be had, or shut down: whoever ends next tries again

    def _gathered(self) -> list[Permit]:
        with self._lock:
            self._gathering = False
            permits: list[Permit] = []
            while self._waiting and len(permits) < _MAX_BATCH and self._active < self._max_active:
                permit = self._waiting.popleft()
                permit.claimed = True
                permits.append(permit)
                self._active += 1
            return permits

    def _hand_over(self, permit: Permit) -> None:
        """A call that would wait gets a thread of its own."""
        try:
            future = self._executor.submit(self._finish, permit)
        except RuntimeError:  # shut down, or no thread to be had: then on this one
            self._finish(permit)
        else:
            future.add_done_callback(lambda future: self._cancelled(permit, future))

    def _finish(self, permit: Permit) -> None:
        self._end(permit, permit.guarded(permit.work.finish) or Outcome.FAILED_INTERNAL)

    def _cancelled(self, permit: Permit, future: Future[None]) -> None:
        """A future is done: only one that never ran is still to be ended."""
        if future.cancelled():
            self._end(permit, Outcome.DROPPED_DRAINING)

    def _end(self, permit: Permit, outcome: Outcome) -> None:
        """The one place where a permit that was run or cancelled ends."""
        try:
            permit.tell(outcome)
        finally:
            self._give_back(permit, active=1)
        self._gather_more()

    def _claim(self, permit: Permit) -> bool:
        with self._lock:
            if permit.claimed:
                return False
            permit.claimed = True
            if permit in self._waiting:
                self._waiting.remove(permit)
            return True

    def _give_back(self, permit: Permit, active: int = 0) -> None:
        with self._lock:
            del self._permits[permit]
            self._bytes -= permit.size
            self._active -= active
            self._done += 1
            if not self._permits:
                self._changed.notify_all()

    def close(self, timeout: float) -> bool:
        """Take no more work, cancel what waits for a call to end, and wait for what runs.

        Returns whether all calls ended within ``timeout`` seconds; then no
        thread is left. If not, end them (abort their sockets) and call again.
        """
        again = self._draining
        self._gather_more()
        with self._lock:
            self._draining = True
            room = 0 if again else self._max_active - self._active
            waiting = list(self._waiting)
            self._waiting = deque(waiting[:room])
        for permit in waiting[room:]:
            if self._claim(permit):
                permit.tell(Outcome.DROPPED_DRAINING)
                self._give_back(permit)
        self._executor.shutdown(wait=False, cancel_futures=again)
        with self._lock:
            idle = self._changed.wait_for(lambda: not self._permits, timeout)
        if idle:
            self._executor.shutdown(wait=True)
        return idle

    def snapshot(self) -> PoolSnapshot:
        """The counters at one moment."""
        now = self._clock()
        with self._lock:
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
