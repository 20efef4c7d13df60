"""What the pool runs: one copy's call, in steps that one thread can interleave with others'."""

from __future__ import annotations

from typing import Protocol

from gateway.shadow.outcome import Outcome


class Work(Protocol):
    """A call to a shadow.

    Threads: used by one pool thread at a time. ``finish`` alone may wait.
    """

    ends: float

    def begin(self) -> Outcome | None:
        """Start without waiting. An outcome if that ended it.

        Else: if ``fileno`` is not negative, call ``advance`` when it is readable, or
        ``finish`` at ``ends`` (monotonic); if it is, ``finish`` on a thread of its own.
        """

    def fileno(self) -> int:
        """The descriptor to wait for, or -1."""

    def advance(self) -> Outcome | None:
        """Take what has come. None: ``finish`` it on a thread of its own."""

    def finish(self) -> Outcome:
        """Do what is left, waiting where it must."""
