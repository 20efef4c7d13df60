"""Brings the two halves of a mirrored exchange together: live's answer and each shadow's.

One ``Pairing`` for a request, one ``Half`` for each shadow whose pool was offered a copy.
When both halves have ended, whichever comes last, the half goes to the desk, exactly
once; one whose copy was dropped never does. What they hold of the budget is given back
when nobody can need it any more.

Not done here: comparing (``thread.py``), deciding who is mirrored.
"""

from __future__ import annotations

from collections.abc import Iterable
from threading import Lock
from typing import Protocol

from gateway.compare.capture import Bounds, Capture
from gateway.compare.verdict import NotCompared
from gateway.exchange import LiveOutcome
from gateway.headers import Field
from gateway.shadow.copy import Copy
from gateway.shadow.outcome import Outcome

# What a request takes beside its body: fields, objects.
_REQUEST_OVERHEAD = 2048

_NO_ANSWER = {
    LiveOutcome.FAILED: NotCompared.LIVE_FAILED,
    LiveOutcome.ABANDONED: NotCompared.ABANDONED,
    LiveOutcome.NOT_ASKED: NotCompared.LIVE_NOT_ASKED,
}


class Desk(Protocol):
    """Who takes what is complete."""

    def settle(self, half: Half) -> None:
        """Both halves have ended. Must not block; calls ``half.finish`` when it is done."""


class Pairing:
    """One request that is offered to shadows. ``live``: its answer, being captured.

    ``route``: the name of its route. ``received``: when it came, monotonic seconds.

    Threads: the request's thread captures and ends live, pool threads end the halves.
    The lock guards the count of users and who ended, for a few assignments; the desk
    is told, and bytes are given back, outside of it. Nothing blocks.
    """

    __slots__ = (
        "_budget",
        "_desk",
        "_lock",
        "_reserved",
        "_users",
        "_waiting",
        "bounds",
        "live",
        "no_answer",
        "received",
        "route",
    )

    def __init__(
        self, desk: Desk, bounds: Bounds, body_size: int, route: str, received: float
    ) -> None:
        self._desk = desk
        self._lock = Lock()
        # Users of what is captured: the offer, and live itself; halves join them.
        self._users = 2
        # Halves that wait for live to end; None once it has.
        self._waiting: list[Half] | None = []
        self.bounds = bounds
        self.route = route
        self.received = received
        # Why live has no answer to compare, once it has ended without.
        self.no_answer: NotCompared | None = None
        self.live = Capture(bounds)
        reserve = body_size + _REQUEST_OVERHEAD
        self._reserved = reserve if bounds.budget.reserve(reserve) else 0
        if not self._reserved:
            self.live.give_up()

    @property
    def has_room(self) -> bool:
        """Whether the request may be kept with its body."""
        return self._reserved > 0

    def half(self, shadow: str, request: Copy) -> Half:
        """The half of a shadow that is offered a copy: ``request`` as it will get it."""
        self.hold()
        return Half(self, shadow, request if self._reserved else request._replace(body=b""))

    def hold(self) -> None:
        """Somebody else will make halves, or let go."""
        with self._lock:
            self._users += 1

    def let_go(self) -> None:
        """A user is done: live, each half, and whoever called ``hold``."""
        with self._lock:
            self._users -= 1
            if self._users:
                return
            reserved, self._reserved = self._reserved, 0
        self.live.give_up()
        if reserved:
            self.bounds.budget.release(reserved)

    def offered(self) -> None:
        """The offer is over. On the thread that captures live: if nobody took a copy,
        there is nothing to capture for."""
        if self._users == 2:
            self.live.give_up()
        self.let_go()

    def live_ended(
        self,
        outcome: LiveOutcome,
        status: int = 0,
        fields: Iterable[Field] = (),
        seconds: float = 0.0,
    ) -> None:
        """Live came to its end, or will not answer. Only the first call counts."""
        with self._lock:
            waiting = self._waiting
            if waiting is None:
                return
            self.no_answer = _NO_ANSWER.get(outcome)
            self.live.ended(status, fields, seconds)
            self._waiting = None
        for half in waiting:
            self._desk.settle(half)
        self.let_go()

    def half_ended(self, half: Half) -> None:
        """A half came to its end; called once for each."""
        if half.outcome.outcome not in _JUDGED:
            half.finish()
            return
        with self._lock:
            if self._waiting is not None:
                self._waiting.append(half)
                return
        self._desk.settle(half)

    def __repr__(self) -> str:
        live = "waits for live" if self._waiting is not None else "live has ended"
        return f"<Pairing, {live}, {self._users} users>"


# Of a copy that was sent there is something to say; the ledger says the rest.
_JUDGED = frozenset({"answered", "failed"})


class Half(Capture):
    """A shadow's half: its answer, being captured, and how its call ended.

    Threads: used by one pool thread at a time, then by the desk's. ``claim`` may be
    called by several, and one of them has it.
    """

    __slots__ = ("_claimed", "_ended", "outcome", "pairing", "request", "shadow")

    def __init__(self, pairing: Pairing, shadow: str, request: Copy) -> None:
        super().__init__(pairing.bounds)
        if not pairing.has_room:
            self.give_up()
        self.pairing = pairing
        self.shadow = shadow
        self.request = request
        self.outcome = Outcome.FAILED_INTERNAL
        self._ended = False
        self._claimed = False

    def finish_call(self, outcome: Outcome) -> None:
        """The copy's call ended so, or there was none. Only the first time counts."""
        with self.pairing._lock:
            if self._ended:
                return
            self._ended = True
        self.outcome = outcome
        self.pairing.half_ended(self)

    def claim(self) -> bool:
        """For whoever gives the verdict: True for the first who asks."""
        with self.pairing._lock:
            claimed, self._claimed = self._claimed, True
        return not claimed

    def finish(self) -> None:
        """Nobody needs it any more: give back what it holds. Once, by whoever claimed it."""
        self.give_up()
        self.pairing.let_go()

    def __repr__(self) -> str:
        state = self.outcome.outcome if self._ended else "in progress"
        return f"<Half of {self.shadow}, {state}>"
