"""How code waits that may run on a thread of its own, or in turns with others on one.

The default worker answers many requests on one thread: each has a greenlet, and gives
way to the others where it has to wait (``gateway/server/hub.py``). Such code must not
block its thread; so what waits on the way of a request waits here. On any other thread
these are the ordinary calls, and under gevent what gevent has made of them.

A leaf: it knows no greenlets, only the hub of this thread, if it has one.
"""

from __future__ import annotations

import os
import select
from collections.abc import Callable
from threading import TIMEOUT_MAX, Lock, local
from typing import Protocol, TypeVar

T = TypeVar("T")


class Hub(Protocol):
    """What lets others run on this thread while one waits.

    Called from its own thread alone, except ``opened``.
    """

    def wait(self, fd: int, events: int, seconds: float) -> int:
        """``wait_for``."""

    def park(self, gate: Gate, seconds: float) -> None:
        """Return when ``gate`` was opened, or after ``seconds``."""

    def opened(self, gate: Gate) -> None:
        """Let who is parked at ``gate`` run. From any thread."""

    def run_apart(self, work: Callable[[], T]) -> T:
        """Do it on another thread, and let others run until it is done."""


class _Here(local):
    hub: Hub | None = None


_here = _Here()


def use_hub(hub: Hub | None) -> None:
    """Whatever waits on this thread lets others run meanwhile, from now on."""
    _here.hub = hub


# A child has its parent's descriptors, and no greenlets: it waits as everybody does.
os.register_at_fork(after_in_child=lambda: use_hub(None))


def hub_here() -> Hub | None:
    """The hub of this thread."""
    return _here.hub


def wait_for(fd: int, events: int, seconds: float) -> int:
    """Wait until one of ``events`` (poll(2)) happens to ``fd``; what happened, 0 if nothing did."""
    hub = _here.hub
    if hub is not None:
        return hub.wait(fd, events, seconds)
    poll = select.poll()
    poll.register(fd, events)
    happened = poll.poll(seconds * 1000)
    return happened[0][1] if happened else 0


def pause(seconds: float) -> None:
    """Let others run for so long; with 0, until all have had their turn."""
    Gate().wait(seconds)


def give_way() -> None:
    """Let others run who have to share this thread with what need not wait."""
    if _here.hub is not None:
        pause(0.0)


def blocking(work: Callable[[], T]) -> T:
    """Do what would block a thread: not on one that others wait for."""
    hub = _here.hub
    return work() if hub is None else hub.run_apart(work)


class Gate:
    """One waits until another opens it; once.

    Threads: whoever waits makes it; any may open it, and not only once.
    """

    __slots__ = ("_hub", "_lock", "open")

    def __init__(self) -> None:
        self.open = False
        self._hub = _here.hub
        if self._hub is None:
            self._lock = Lock()
            self._lock.acquire()

    def wait(self, seconds: float) -> bool:
        """Wait until it is open; False if it is not after ``seconds``. By who made it."""
        if self._hub is None:
            # Less than no time would be for ever, and so would be refused.
            self._lock.acquire(timeout=min(max(seconds, 0.0), TIMEOUT_MAX))
        elif not self.open:
            self._hub.park(self, seconds)
        return self.open

    def let_pass(self) -> None:
        """Open it."""
        if self.open:
            return
        self.open = True
        if self._hub is None:
            try:
                self._lock.release()
            except RuntimeError:
                pass  # another opened it this very moment
        else:
            self._hub.opened(self)

    def __repr__(self) -> str:
        return f"<Gate [{'open' if self.open else 'closed'}]>"
