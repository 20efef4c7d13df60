"""How slowly clients take their answers, and how many may be waited for.

An application that goes on producing has to wait for its client, and holds a
place among the requests in progress meanwhile, or a thread.  A client that takes a
little now and then would hold it for as long as it likes: so each has to keep a
minimum rate, and when too many are waited for, the slowest are given up.  Nothing
here reads a clock, waits or touches a socket.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from heapq import nsmallest

from .limits import Limits

# A client is not judged before: any client is waited for a moment now and then.
GRACE_SECONDS = 0.25


class Pace:
    """What one client took of one answer, and for how long bytes waited for it meanwhile.

    Threads: one at a time, the connection's owner; see ``SlowReaders`` for who else reads.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._last = 0.0
        self._since = 0.0  # later by all the time when nothing waited
        self._handed = 0
        self.start()

    def __repr__(self) -> str:
        return f"<Pace {self.taken} bytes since {self._since:.3f}>"

    def start(self) -> None:
        """A new answer begins."""
        self._waited = 0.0
        self.taken = 0

    def fell_behind(self, now: float, queued: int) -> None:
        """From now on bytes wait for the client, ``queued`` of them in the kernel."""
        self._last = now
        self._since = now - self._waited
        self._handed = queued + self.taken

    def caught_up(self, now: float) -> None:
        """Nothing waits but in the kernel. What was waited until now stays counted."""
        self._waited = now - self._since

    def took(self, size: int, now: float) -> None:
        """The kernel had room again: the client has taken something."""
        self._handed += size
        self.taken += size
        self._last = now

    def seen(self, queued: int, now: float) -> None:
        """What waits in the kernel, which has room again only after some megabytes."""
        if self._handed - queued > self.taken:
            self.taken = self._handed - queued
            self._last = now

    @property
    def deadline(self) -> float:
        """When to give up, unless more is taken: each byte earns time, none at all ends it."""
        limits = self._limits
        earned = self.taken / limits.write_min_rate
        return min(self._last, self._since + earned) + limits.write_timeout

    def waited(self, now: float) -> float:
        """Seconds for which bytes of this answer have been waiting."""
        return now - self._since

    def rank(self, now: float) -> tuple[float, float]:
        """Sorts clients, the slowest first and of equals the longest waiting."""
        return self.taken / max(self.waited(now), GRACE_SECONDS), self._since


class SlowReaders:
    """The clients that are waited for, ``most`` of them for longer than a moment.

    Threads: called by request threads. The lock guards the set of paces; the paces' numbers
    are read while their threads may change them, which can only make a choice unfair.
    Nothing blocks.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._paces: set[Pace] = set()

    def __repr__(self) -> str:
        return f"<SlowReaders {len(self._paces)} waited for, {self._most} allowed>"

    @contextmanager
    def waiting_for(self, pace: Pace) -> Iterator[None]:
        """While this client is waited for."""
        with self._lock:
            self._paces.add(pace)
        try:
            yield
        finally:
            with self._lock:
                self._paces.discard(pace)

    def gives_up(self, pace: Pace, now: float) -> bool:
        """Whether this client is one of those too many. It is forgotten then."""
        with self._lock:
            if len(self._paces) <= self._most:
                return False
            slow = [other for other in self._paces if other.waited(now) >= GRACE_SECONDS]
            slowest = nsmallest(len(slow) - self._most, slow, key=lambda other: other.rank(now))
            if pace not in slowest:
                return False
            self._paces.discard(pace)
            return True
