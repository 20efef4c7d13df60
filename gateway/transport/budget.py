"""How long one call may take: the three time-outs, as deadlines on one clock.

Made when ``send()`` begins and kept by the answer, so that ``total`` also covers
a body that is still streaming. Refuses to wait for anything itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from gateway.transport.errors import ConnectTimedOut, DeadlineExceeded, Phase, ReadTimedOut

Clock = Callable[[], float]


class Timeouts(NamedTuple):
    """Seconds; ``None`` is no limit.

    ``connect``: until connected, over all addresses, TLS handshake included.
    ``read``: silence while sending, for the *whole* head from the end of
    sending, then between two reads of the body. ``total``: the whole call,
    from the start of ``send()`` to the last byte of the body.
    """

    connect: float | None
    read: float | None
    total: float | None = None


# What ``requests`` passes as ``timeout``: also one number, or (connect, read).
TimeoutLike = Timeouts | tuple[float | None, float | None] | float | None


def timeouts_of(timeout: TimeoutLike) -> Timeouts:
    """Any accepted form as ``Timeouts``; ``ValueError`` for anything else."""
    if isinstance(timeout, Timeouts):
        return timeout
    if isinstance(timeout, tuple):
        return Timeouts(*timeout[:2]) if len(timeout) == 2 else _refuse(timeout)
    if timeout is None or isinstance(timeout, int | float):
        return Timeouts(timeout, timeout)
    return _refuse(timeout)


def _refuse(timeout: object) -> Timeouts:
    raise ValueError(f"timeout must be seconds, (connect, read) or Timeouts, not {timeout!r}")


class Budget:
    """The deadlines of one call. Used by the one thread that makes the call."""

    __slots__ = ("clock", "connect", "ends", "read", "total")

    def __init__(self, timeouts: Timeouts, clock: Clock) -> None:
        connect, read, total = timeouts
        self.clock = clock
        self.connect = math.inf if connect is None else connect
        self.read = math.inf if read is None else read
        self.total = total
        self.ends = math.inf if total is None else clock() + total

    def until(self, seconds: float) -> float:
        """The moment so many seconds from now, or the end of the call if that is sooner."""
        moment = self.clock() + seconds
        return moment if moment < self.ends else self.ends

    def silence(self) -> float:
        """Until when the upstream may be silent, from now."""
        return self.until(self.read)

    def expired(self, phase: Phase) -> ReadTimedOut | ConnectTimedOut:
        """The exception for a wait in ``phase`` that reached its deadline."""
        if self.clock() >= self.ends:
            return DeadlineExceeded(f"not done within {self.total} s in all ({phase})", phase)
        if phase == "connect":
            return ConnectTimedOut(f"not connected within {self.connect} s", phase)
        return ReadTimedOut(_SILENT[phase].format(self.read), phase)

    def __repr__(self) -> str:
        return f"<Budget connect {self.connect} s, read {self.read} s, total {self.total} s>"


_SILENT = {
    "checkout": "no connection free within {} s",
    "send": "the upstream took nothing of the request for {} s",
    "head": "no complete answer head within {} s",
    "body": "the answer's body paused for {} s",
}
