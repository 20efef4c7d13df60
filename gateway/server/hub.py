"""Requests in turns on one thread: each has a greenlet, and gives way where it has to wait.

Threads that answer requests wait for each other more than for anything else: whoever
comes back from waiting for an upstream has to get the interpreter lock first, asleep
until somebody gives it up. A greenlet that comes back is just called. The way of a
request through the gateway waits in few places, all of them ours, and all of them wait
here when they run on this thread (``gateway/waiting.py``); what can only block runs apart,
on a thread.

Not here: where requests come from, and which are let in (``rounds.py``).
"""

from __future__ import annotations

import errno
import logging
import math
import os
import select
import time
from collections import deque
from collections.abc import Callable
from threading import get_ident
from typing import TypeVar

from greenlet import GreenletExit, getcurrent, greenlet  # type: ignore[import-untyped]

from gateway import nowait
from gateway.waiting import Gate, use_hub

from .daemon_pool import DaemonPool

T = TypeVar("T")

# Greenlets that wait for the next request rather than be made for it.
_SPARE = 64
# Threads for what can only block: looking up names, hashes that are dear on purpose.
_APART = 16

# epoll_wait(2) takes milliseconds in 31 bits.
_LONGEST = 86400.0

_log = logging.getLogger("gunicorn.error")


class Hub:
    """The greenlets of the thread that makes it, over that thread's ``epoll``.

    Threads: that one alone, which calls what is first here from outside of all greenlets
    and the rest from within one. ``opened`` may be called from any, also after ``close``.
    """

    def __init__(self, epoll: select.epoll) -> None:
        self._thread = get_ident()
        self._epoll = epoll
        self._outside = getcurrent()
        self._spare: list[greenlet] = []
        # Who waits, by what for: a descriptor or a gate; and until when (monotonic).
        self._waiting: dict[int | Gate, tuple[greenlet, float]] = {}
        self._soonest = math.inf
        self._opened: deque[Gate] = deque()
        self._bell = _Bell()
        epoll.register(self._bell.fd, select.EPOLLIN)
        self._apart = DaemonPool(_APART, "apart")
        use_hub(self)

    def close(self) -> None:
        """Wait for nothing any more. Who waits never goes on."""
        use_hub(None)
        while self._spare:
            self._spare.pop().throw()
        self._apart.shutdown(wait=False)
        self._epoll.unregister(self._bell.fd)

    @property
    def waited_in(self) -> bool:
        """Whether anybody waits here, and will go on."""
        return bool(self._waiting)

    # -- from outside of all greenlets -----------------------------------------------------

    def start(self, work: Callable[[T], object], item: T) -> None:
        """Do ``work(item)`` in a greenlet, until it waits for the first time."""
        if self._spare:
            ours = self._spare.pop()
        else:
            ours = greenlet(self._run)
            # Without the item: what a greenlet begins with it keeps to its end.
            ours.switch()
        ours.switch(work, item)

    def happened(self, fd: int, events: int) -> bool:
        """Let who waits for ``fd`` go on; False if nobody does."""
        if fd == self._bell.fd:
            self._bell.silence()
            return True
        waiting = self._waiting.pop(fd, None)
        if waiting is None:
            return False
        waiting[0].switch(events)
        return True

    def patience(self) -> float:
        """Seconds to wait for events at most; -1: for ever."""
        if self._opened:
            return 0.0
        if self._soonest == math.inf:
            return -1.0
        return min(_LONGEST, max(0.0, self._soonest - time.monotonic()))

    def look_after(self) -> None:
        """Let go on whose gate was opened, and who has waited for long enough."""
        while self._opened:
            waiting = self._waiting.pop(self._opened.popleft(), None)
            if waiting is not None:
                waiting[0].switch(0)
        now = time.monotonic()
        if now >= self._soonest:
            self._expire(now)

    def _expire(self, now: float) -> None:
        for key in [key for key, (_, until) in self._waiting.items() if until <= now]:
            waiting = self._waiting.get(key)
            # Those before may have ended its wait, and others have begun to wait for it.
            if waiting is not None and waiting[1] <= now:
                del self._waiting[key]
                waiting[0].switch(0)
        self._soonest = min((until for _, until in self._waiting.values()), default=math.inf)

    def _run(self) -> None:
        me = getcurrent()
        while True:
            work, item = self._outside.switch()
            try:
                work(item)
            except GreenletExit:
                return  # forgotten where it waited: nobody is left who would start it again
            except BaseException:  # noqa: BLE001 - the boundary: it is one of many on this thread
                _log.exception("A request's greenlet failed")
            if len(self._spare) >= _SPARE:
                return
            # Kept by nothing while it waits for the next one.
            del work, item
            self._spare.append(me)

    # -- from within a greenlet ------------------------------------------------------------

    def wait(self, fd: int, events: int, seconds: float) -> int:
        """Let others run until one of ``events`` happens to ``fd``; 0 if none did in time."""
        events |= select.EPOLLONESHOT
        try:
            nowait.rearm(self._epoll, fd, events)
        except OSError as error:
            if error.errno != errno.ENOENT:
                raise
            self._epoll.register(fd, events)
        happened: int = self._wait_at(fd, seconds)
        return happened

    def park(self, gate: Gate, seconds: float) -> None:
        """Let others run until ``gate`` is opened."""
        self._wait_at(gate, seconds)

    def _wait_at(self, key: int | Gate, seconds: float) -> int:
        until = time.monotonic() + seconds
        if key in self._waiting:
            self._oust(key)
        self._waiting[key] = (getcurrent(), until)
        if until < self._soonest:
            self._soonest = until
        happened: int = self._outside.switch()
        return happened

    def _oust(self, key: int | Gate) -> None:
        """Who waited for a descriptor that was closed, and is another's now, goes on."""
        gate = Gate()
        self._waiting[gate] = self._waiting.pop(key)
        gate.let_pass()

    def run_apart(self, work: Callable[[], T]) -> T:
        """Do it on a thread, and let others run until it is done. What it raises is raised here."""
        gate = Gate()
        future = self._apart.submit(work)
        future.add_done_callback(lambda done: gate.let_pass())
        gate.wait(math.inf)
        result: T = future.result()
        return result

    # -- from any thread -------------------------------------------------------------------

    def opened(self, gate: Gate) -> None:
        """Let who is parked at ``gate`` run."""
        self._opened.append(gate)
        if get_ident() != self._thread:
            self._bell.ring()

    def __repr__(self) -> str:
        return f"<Hub [{len(self._waiting)} waiting, {len(self._spare)} spare]>"


class _Bell:
    """What wakes the hub's thread.

    Threads: any may ring. There is no way to close it: its number would be another
    descriptor's, and whoever rings late would write there. It goes when nobody has it.
    """

    def __init__(self) -> None:
        self.fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def __del__(self) -> None:
        os.close(self.fd)

    def ring(self) -> None:
        """Wake it."""
        os.eventfd_write(self.fd, 1)

    def silence(self) -> None:
        """It is awake."""
        try:
            os.eventfd_read(self.fd)
        except BlockingIOError:
            pass
