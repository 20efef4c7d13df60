"""A bounded backlog and the one daemon thread that works it off: for what may wait.

Comparisons, hooks and whatever else no request may be kept waiting for end here.
A thread of a pool would be waited for at exit; this one is not, so that work that
never returns (somebody's hook) holds up nothing but its own backlog.

Not done here: retries, priorities, knowing what the work is.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from contextlib import nullcontext
from threading import Condition, Event, Lock, Thread, current_thread
from typing import Generic, NamedTuple, TypeVar

from gateway.signals import leave_signals_to_host
from gateway.throttle import ThrottledLog
from gateway.turns import short_turns

T = TypeVar("T")

# How long the first item waits for company: a wake-up is a struggle for the interpreter
# lock with the threads that answer clients, and serves all that came meanwhile.
GATHER_SECONDS = 0.02
# How much is done in one go before others get their turn, and the least that is left to them.
_PIECE_SECONDS = 0.001
_REST_SECONDS = 0.0005
# What is larger than this may take longer than others should wait for their turn.
_LARGE_BYTES = 16 * 1024
_AS_USUAL = nullcontext()


class BacklogSnapshot(NamedTuple):
    """A backlog at one moment. ``waiting`` and ``held`` (bytes) have the one in progress."""

    waiting: int
    held: int
    done: int
    refused: int


class Backlog(Generic[T]):
    """``work`` for each item, in order, on a thread that the first item starts.

    ``max_items`` and ``max_bytes``: what waits and is worked on; more is refused.
    ``share``: of one CPU, the most that the work takes. ``hold``: asked before each
    item whether there is something more important to do.

    *Threads*: any thread puts; ``work`` and ``hold`` run on the backlog's own; one
    thread closes. The lock guards the queue and the counters, for a few
    additions; nothing is called under it. Only ``close`` waits.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[T], None],
        *,
        max_items: int,
        max_bytes: int,
        share: float = 1.0,
        hold: Callable[[], bool] = lambda: False,
        gather_seconds: float = GATHER_SECONDS,
    ) -> None:
        self._name = name
        self._work = work
        self._max_items = max_items
        self._max_bytes = max_bytes
        self._rest = 1 / share - 1
        self._hold = hold
        self._gather_seconds = gather_seconds
        self._log = ThrottledLog(logging.getLogger(__name__))
        self._lock = Lock()
        self._changed = Condition(self._lock)
        self._closing = Event()
        # What waits, the one in progress first: (item, size).
        self._items: deque[tuple[T, int]] = deque()
        self._held = 0
        self._idle = True
        self._done = 0
        self._refused = 0
        self._spent = 0.0
        self._thread: Thread | None = None

    def put(self, item: T, size: int = 0) -> bool:
        """Take an item of ``size`` bytes; False when there is no room for it, or no more time."""
        with self._lock:
            full = len(self._items) >= self._max_items or self._held + size > self._max_bytes
            if full or self._closing.is_set():
                self._refused += 1
                return False
            self._items.append((item, size))
            self._held += size
            if not self._idle:
                return True
            self._idle = False
            self._changed.notify_all()
        if self._thread is None:
            self._start()
        return True

    def _start(self) -> None:
        """By whoever found it idle: one thread at a time."""
        thread = Thread(target=self._run, name=f"gateway-{self._name}", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # no thread to be had: the next item tries again
            self._idle = True

    def _run(self) -> None:
        # Not by who started it: that one may be late, and the first item done already.
        self._thread = current_thread()
        leave_signals_to_host()
        while self._awaited():
            self._closing.wait(self._gather_seconds)
            while (taken := self._first()) is not None:
                self._step(*taken)
                self._finished()

    def _first(self) -> tuple[T, int] | None:
        with self._lock:
            return self._items[0] if self._items else None

    def _awaited(self) -> bool:
        with self._lock:
            self._changed.wait_for(lambda: self._items or self._closing.is_set())
            return bool(self._items)

    def _step(self, item: T, size: int) -> None:
        while not self._closing.is_set() and self._hold():
            self._closing.wait(self._gather_seconds)
        began = time.thread_time()
        try:
            with short_turns() if size > _LARGE_BYTES else _AS_USUAL:
                self._work(item)
        except BaseException as error:  # noqa: BLE001 - the boundary of the work
            self._log.log(logging.ERROR, "%s failed", self._name, exc_info=error)
        self._spent += time.thread_time() - began
        if self._spent > _PIECE_SECONDS:
            # Really asleep, else the interpreter lock would be taken again at once.
            self._closing.wait(max(self._spent * self._rest, _REST_SECONDS))
            self._spent = 0.0

    def _finished(self) -> None:
        with self._lock:
            if self._items:  # unless close() took them
                _, size = self._items.popleft()
                self._held -= size
            self._done += 1
            self._idle = not self._items
            if self._idle:
                self._changed.notify_all()

    def close(self, timeout: float) -> list[T]:
        """Take no more, and wait so long for what there is.

        Returns what is not done by then, the one in progress first; that one may still end.
        """
        deadline = time.monotonic() + timeout
        with self._lock:
            self._closing.set()
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._items, timeout)
            left = [item for item, _ in self._items]
            self._items.clear()
            self._held = 0
        if self._thread is not None and not left:
            self._thread.join(max(0.0, deadline - time.monotonic()))
        return left

    def snapshot(self) -> BacklogSnapshot:
        """The counters at one moment."""
        with self._lock:
            return BacklogSnapshot(len(self._items), self._held, self._done, self._refused)

    def __repr__(self) -> str:
        s = self.snapshot()
        return (
            f"<Backlog {self._name} [{s.waiting} waiting, {s.held} bytes"
            f" | {s.done} done, {s.refused} refused]>"
        )
