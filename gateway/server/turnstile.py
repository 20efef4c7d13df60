"""Who goes in next: requests in progress, requests waiting for a place, requests refused.

The mechanism of admission in the default worker, over the policies of
``gateway/admission``. A request that finds no place waits here, read to its end
and holding no thread; whoever leaves lets the next one in. One that has waited
too long, counted from its arrival in the kernel, is refused by whoever sees it.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from threading import Event, Lock, Thread
from typing import NamedTuple

from gateway.admission.delay import Delay
from gateway.admission.limit import FEW, FixedLimit, Limit, limit_for
from gateway.admission.priority import Priority
from gateway.settings.admission import Admission

from .connection import Connection

# How often the lateness of threads is looked at; seldom while there is no crowd
# that could have to wait for each other.
_SAMPLE_SECONDS = 0.02
_IDLE_SECONDS = 0.2
_CROWD = 4

PriorityOf = Callable[[str, str], Priority]


class Snapshot(NamedTuple):
    """The turnstile at one moment."""

    limit: int
    running: int
    waiting: int
    refused: int


class Turnstile:
    """``priority_of``: of a method and target, asked only when somebody has to wait.

    Threads: request threads enter and leave, one of its own, once started, watches how late
    threads wake. The lock guards the counts and queues, for a few steps. Nothing blocks.
    """

    def __init__(self, limit: Limit, delay: Delay, priority_of: PriorityOf | None = None) -> None:
        self._limit = limit
        self._delay = delay
        self._priority_of = priority_of or _normal
        self._lock = Lock()
        self._queues: dict[Priority, deque[Connection]] = {p: deque() for p in Priority}
        self._waiting = 0
        self._running = 0
        self._busiest = 0
        self._refused = 0
        self._stopped = Event()
        self._watch = Thread(target=self._sample, name="turnstile", daemon=True)

    def start(self) -> None:
        """Begin to watch how late threads wake; for where requests have threads."""
        self._watch.start()

    def stop(self) -> None:
        """Stop watching."""
        self._stopped.set()

    def standing(self) -> bool:
        """Whether requests queue: what can be left undone should be."""
        return self._delay.standing(time.monotonic()) > 0

    def too_late(self, received: float) -> bool:
        """Whether a request that arrived then may be refused unread."""
        now = time.monotonic()
        return now - received > self._delay.target and self._delay.strict(now)

    def refuses(self, received: float, method: str, target: str) -> bool:
        """Whether this one is."""
        now = time.monotonic()
        priority, wait = self._priority_of(method, target), now - received
        if wait <= self._delay.longest(priority, now):
            return False
        self._refuse(priority, wait, now)
        return True

    def enter(self, conn: Connection) -> bool | None:
        """A complete request: True, it is in; False, it is refused; None, it waits here."""
        now = time.monotonic()
        wait = now - conn.received
        short = wait < self._delay.target or (self._running < FEW and not self._delay.strict(now))
        if short and not self._waiting and self._taken_place():
            self._delay.began(wait, now)
            return True
        priority = self._priority_of(*conn.asked)
        if wait > self._delay.longest(priority, now):
            return self._refuse(priority, wait, now)
        if not self._waiting and self._taken_place():
            self._note(priority, wait, now)
            return True
        with self._lock:
            self._queues[priority].append(conn)
            self._waiting += 1
        return None

    def leave(self) -> None:
        """A request that was in has its answer."""
        with self._lock:
            self._running -= 1

    def released(self) -> Iterator[tuple[Connection, bool]]:
        """Who need not wait any more: connections, and whether they are in or refused.

        Each is the caller's from then on; one that is in is to ``leave``.
        """
        while self._waiting:
            found = self._next()
            if found is None:
                return
            yield found

    def late(self) -> Iterator[Connection]:
        """Who has waited too long; the caller's from then on, to be refused."""
        while self._waiting:
            found = self._next(late_only=True)
            if found is None:
                return
            yield found[0]

    def _next(self, late_only: bool = False) -> tuple[Connection, bool] | None:
        with self._lock:
            now = time.monotonic()
            for priority, queue in self._queues.items():
                if not queue:
                    continue
                wait = now - queue[0].received
                late = wait > self._delay.longest(priority, now)
                if not late and (late_only or self._running >= self._limit.value):
                    continue
                self._waiting -= 1
                self._note(priority, wait, now)
                if late:
                    self._refused += 1
                else:
                    self._go_in()
                return queue.popleft(), not late
        return None

    def _taken_place(self) -> bool:
        with self._lock:
            if self._running >= self._limit.value:
                return False
            self._go_in()
            return True

    def _go_in(self) -> None:
        self._running += 1
        if self._running > self._busiest:
            self._busiest = self._running

    def _refuse(self, priority: Priority, wait: float, now: float) -> bool:
        self._note(priority, wait, now)
        with self._lock:
            self._refused += 1
        return False

    def _note(self, priority: Priority, wait: float, now: float) -> None:
        # Those who overtake say nothing about the queue.
        if priority is not Priority.HIGH:
            self._delay.began(wait, now)

    def _sample(self) -> None:
        while not self._stopped.is_set():
            asked = _SAMPLE_SECONDS if self._busiest >= _CROWD else _IDLE_SECONDS
            began = time.monotonic()
            time.sleep(asked)
            late = time.monotonic() - began - asked
            with self._lock:
                busiest, self._busiest = self._busiest, self._running
            self._limit.observe(late, busiest)

    def snapshot(self) -> Snapshot:
        """The counters at one moment."""
        with self._lock:
            return Snapshot(self._limit.value, self._running, self._waiting, self._refused)

    def __repr__(self) -> str:
        s = self.snapshot()
        return (
            f"<Turnstile [{s.running} in of {s.limit}, {s.waiting} waiting | {s.refused} refused]>"
        )


def turnstile_for(
    rules: Admission,
    threads: int,
    priority_of: PriorityOf | None = None,
) -> Turnstile:
    """The turnstile of a worker with so many threads."""
    if rules.mode == "off":
        return Turnstile(FixedLimit(threads), Delay(math.inf, math.inf), priority_of)
    delay = Delay(rules.target_wait, rules.longest_wait)
    return Turnstile(limit_for(rules.mode, rules.limit, threads), delay, priority_of)


def _normal(method: str, target: str) -> Priority:
    return Priority.NORMAL
