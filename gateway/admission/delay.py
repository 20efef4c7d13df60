"""How long a request may wait before work on it begins.

CoDel (RFC 8289) as servers use it: a burst may wait, a queue that never drains
may not. If even the shortest wait of an interval was above the target, there
is a standing queue, and everybody in it waits for nothing. Then copies for the
shadows are given up first; if the queue still grows in another interval, requests
that have waited for twice the target are refused, at once. A queue that gets
shorter is what a stall of the machine left behind: it drains by itself, and
refusals would only turn lateness into errors.

A pure value: it is told every wait and the time, and asks nobody.
"""

from __future__ import annotations

from gateway.admission.priority import Priority

INTERVAL_SECONDS = 0.05
# For so many intervals a queue may stand and grow before requests are refused.
_PATIENCE = 2
_STRICT_SECONDS = 0.5
# Fewer requests in an interval are no queue, however long the machine kept them waiting.
_CROWD = 8


class Delay:
    """``target``: the wait of a standing queue; ``longest``: nobody waits longer. Seconds.

    Threads: any may call; a lost update costs one sample. No lock, nothing blocks.
    """

    def __init__(self, target: float, longest: float, interval: float = INTERVAL_SECONDS) -> None:
        self.target = min(target, longest)
        self._longest = longest
        self._interval = interval
        self._ends = 0.0
        self._shortest = 0.0
        self._seen = 0
        # Intervals in a row that had a standing queue, and in which it was none the shorter.
        self._standing = 0
        self._growing = 0
        self._before = 0.0
        self._strict_until = 0.0

    def began(self, wait: float, now: float) -> None:
        """Work on a request begins, or it is refused, after this wait."""
        if now >= self._ends:
            self._turn(now)
        self._shortest = min(self._shortest, wait) if self._seen else wait
        self._seen += 1

    def _turn(self, now: float) -> None:
        seen, self._seen = self._seen, 0
        # Nothing for longer than an interval: whatever stood has drained.
        quiet = now >= self._ends + self._interval
        standing = seen >= _CROWD and self._shortest > self.target and not quiet
        self._standing = self._standing + 1 if standing else 0
        grows = standing and self._shortest >= self._before
        self._growing = self._growing + 1 if grows else 0
        self._before = self._shortest if standing else 0.0
        if self._growing >= _PATIENCE or (standing and self.strict(now)):
            self._strict_until = now + _STRICT_SECONDS
        self._ends = now + self._interval

    def standing(self, now: float) -> int:
        """For how many intervals there has been a standing queue; 0 when there is none."""
        return self._standing if now < self._ends + self._interval else 0

    def strict(self, now: float) -> bool:
        """Whether requests are refused early: also for a while after the queue was gone,
        since whatever made it would make it again.
        """
        return now < self._strict_until

    def longest(self, priority: Priority, now: float) -> float:
        """How long a request of this priority may wait now."""
        if priority is Priority.HIGH:
            return self._longest
        strict = self.strict(now)
        if priority is Priority.LOW and (strict or self.standing(now)):
            return self.target
        return min(2 * self.target, self._longest) if strict else self._longest

    def __repr__(self) -> str:
        return f"<Delay, queue standing for {self._standing} intervals>"
