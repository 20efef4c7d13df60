"""Refusals under overload: the cheapest answer there is, and how many there were.

Made of bytes that are ready but for the request id: under overload this is what
most requests cost. The connection is kept, since a new one would cost more.
"""

from __future__ import annotations

import logging
from collections import Counter
from threading import Lock

from gateway.errors import Refusal
from gateway.ids import new_request_id
from gateway.problem import problem_body

# Long enough for a client to notice, short enough for a queue to be gone by then.
RETRY_AFTER_SECONDS = 1


class Unavailable(Refusal):
    """More than can be done now; nothing of the request was."""

    status, title = 503, "Service Unavailable"


class Shed:
    """One reason to refuse. ``name``: its label in ``gateway_shed_total``.

    ``closes``: the client is to open a new connection, which another process may get.
    """

    def __init__(self, name: str, detail: str, *, closes: bool = False) -> None:
        self.name = name
        self.closes = closes
        mark = new_request_id()
        self._before, self._after = problem_body(Unavailable(detail), mark).split(mark.encode())
        length = len(self._before) + len(mark) + len(self._after)
        self._head = (
            "HTTP/1.1 503 Service Unavailable\r\n"
            "Content-Type: application/problem+json\r\n"
            f"Content-Length: {length}\r\n"
            "Cache-Control: no-store\r\n"
            f"Retry-After: {RETRY_AFTER_SECONDS}\r\n"
        ).encode()

    def answer(self, *, with_body: bool, close: bool) -> bytes:
        """The whole answer."""
        end = b"Connection: close\r\n\r\n" if close else b"\r\n"
        if not with_body:  # HEAD (RFC 9110 section 9.3.2)
            return self._head + end
        return b"".join((self._head, end, self._before, new_request_id().encode(), self._after))

    def __repr__(self) -> str:
        return f"<Shed {self.name}>"


OVERLOADED = Shed("overloaded", "The gateway is overloaded; try again after Retry-After seconds.")
# For the main thread, which must not run what may be behind it on the connection.
LATE = Shed(OVERLOADED.name, "The gateway is overloaded; try again later.", closes=True)
DRAINING = Shed("draining", "The gateway is stopping; try again on a new connection.", closes=True)


class ShedCounts:
    """How many were refused, by reason.

    Threads: any may count. The lock guards the counter, for one addition.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._counts: Counter[str] = Counter()

    def count(self, reason: Shed) -> None:
        """One more."""
        with self._lock:
            self._counts[reason.name] += 1

    def taken(self) -> Counter[str]:
        """What was counted since the last time."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
        return counts


class ShedLog:
    """Says how many were refused, while any are, and no more often than every ``interval`` seconds.

    Threads: one calls it.
    """

    def __init__(self, log: logging.Logger, interval: float = 10.0) -> None:
        self._log = log
        self._interval = interval
        self._untold = 0
        self._next = 0.0

    def add(self, count: int, limit: int, now: float) -> None:
        """So many more; ``limit``: requests that may be in progress. ``now``: monotonic."""
        self._untold += count
        if self._untold and now >= self._next:
            self._log.warning(
                "%d requests were refused with 503: more than this worker can do, or it is "
                "stopping (%d may be in progress). See docs/deploying.md, Overload.",
                self._untold,
                limit,
            )
            self._untold, self._next = 0, now + self._interval
