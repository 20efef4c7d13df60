"""Sends recorded requests again, each when it is due, whether or not earlier ones are answered.

An open loop: a slow target does not slow the requests down, as it would not have slowed
the clients they came from. How many may be in progress is bounded, and what is sent late
for that reason (or any other of ours) is told as lag: figures of a late client are no
figures of the target.

Not done here: reading files, building requests, comparing, counting.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from queue import Empty, Queue
from threading import Event, Lock, Thread
from typing import NamedTuple

from gateway.compare.answer import Answer
from gateway.shadow.copy import Copy
from gateway.traffic.pacing import Pace
from gateway.traffic.recorded import Recorded

Send = Callable[[Copy], Answer | str]


class Replayed(NamedTuple):
    """One request sent again. ``got``: the answer, or in one word why there is none.

    ``at``: when it was sent, seconds since the epoch. ``lag``: by how many seconds that
    was too late.
    """

    recorded: Recorded
    got: Answer | str
    at: float
    lag: float


class Replay:
    """One run over some exchanges, with ``concurrency`` requests in progress at most.

    *Threads*: ``concurrency`` senders, of which one at a time takes the next exchange and
    waits until it is due; they end when there are no more. One thread iterates, and
    stops. The lock makes the taking one after the other: whoever holds it may wait for
    the file and for the time. What was sent waits in a bounded queue to be looked at.
    """

    def __init__(
        self, exchanges: Iterable[Recorded], send: Send, pace: Pace, *, concurrency: int
    ) -> None:
        self._exchanges = iter(exchanges)
        self._send = send
        self._pace = pace
        self._lock = Lock()
        self._stop = Event()
        self._began = 0.0
        self._results: Queue[Replayed | None] = Queue(maxsize=2 * concurrency)
        self._left = concurrency
        self._fault: Exception | None = None
        # Daemons: after an interruption nobody waits for a target that does not answer.
        self._threads = [
            Thread(target=self._run, name=f"replay-{number}", daemon=True)
            for number in range(concurrency)
        ]

    def __iter__(self) -> Iterator[Replayed]:
        """Start, and give what was sent as it is answered. Raises what reading raised."""
        self._began = time.monotonic()
        for thread in self._threads:
            thread.start()
        while self._left:
            result = self._results.get()
            if result is None:
                self._left -= 1
            else:
                yield result
        if self._fault is not None:
            raise self._fault

    def stop(self, timeout: float = 0.0) -> Iterator[Replayed]:
        """Send no more; what is answered within ``timeout`` seconds."""
        self._stop.set()
        deadline = time.monotonic() + timeout
        while self._left and (remaining := deadline - time.monotonic()) > 0:
            try:
                result = self._results.get(timeout=remaining)
            except Empty:
                return
            if result is None:
                self._left -= 1
            else:
                yield result

    # -- the senders' threads ------------------------------------------------------------

    def _run(self) -> None:
        try:
            while (taken := self._next()) is not None:
                recorded, due = taken
                lag = max(0.0, time.monotonic() - due)
                at = time.time()
                got = self._send(recorded.request)
                self._results.put(Replayed(recorded, got, at, lag if self._pace.timed else 0.0))
        except Exception as error:  # noqa: BLE001 - raised again by whoever iterates
            self._fault = error
            self._stop.set()
        finally:
            self._results.put(None)

    def _next(self) -> tuple[Recorded, float] | None:
        """The next exchange, when it is due."""
        with self._lock:
            if self._stop.is_set():
                return None
            recorded = next(self._exchanges, None)
            if recorded is None:
                return None
            due = self._began + self._pace.due(recorded.at)
            wait = due - time.monotonic()
            if wait > 0 and self._stop.wait(wait):
                return None
            return recorded, due

    def __repr__(self) -> str:
        return f"<Replay {self._pace!r}, {self._left} of {len(self._threads)} senders>"
