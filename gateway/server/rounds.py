"""One thread that does everything: what came in, who may go on, who is let in.

For an application that waits where it lets others run, as the gateway does
(``gateway/waiting.py``). In each round those go on whose upstream has answered, before
anybody new is let in: so the number of requests in progress is what the machine
sustains, and no more begin than can be gone on with.
"""

from __future__ import annotations

from collections import deque
from threading import Thread

from gateway.nowait import ready

from .hub import Hub
from .leaders import Work

# Events fetched in a round. Fetching is cheap, and an answer may be the last of many.
_EVENTS = 256
# Requests begun in a round: answers that come meanwhile wait for so many at most.
_BEGUN = 4


class Rounds:
    """Answers ``work``'s requests on one thread, each in a greenlet.

    Threads: ``start`` and ``join`` are the main thread's.
    """

    def __init__(self, work: Work) -> None:
        self._work = work
        # Descriptors of clients that something has come from, and that were not looked at yet.
        self._came: deque[int] = deque()
        # Whether more could have been begun in the last round.
        self._more = False
        # A daemon: what is stuck in there must not outlive graceful_timeout.
        self._thread = Thread(target=self._run, name="requests", daemon=True)

    def __len__(self) -> int:
        return 1

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether the thread is there."""
        return self._thread.is_alive()

    def join(self, seconds: float) -> None:
        """Wait for the end of it, once the work is stopped."""
        self._thread.join(seconds)

    def _run(self) -> None:
        hub = Hub(self._work.epoll)
        try:
            while not self._work.stopped:
                self._round(hub)
            # Those who wait still have their end, if this process has the time for it.
            self._work.heard()
            while hub.waited_in:
                self._go_on(hub, self._work.epoll.poll(hub.patience(), _EVENTS))
        finally:
            hub.close()

    def _round(self, hub: Hub) -> None:
        work, came = self._work, self._came
        found = ready(work.epoll, _EVENTS)
        if not (found or came or self._more):
            found = work.epoll.poll(hub.patience(), _EVENTS)
        self._go_on(hub, found)
        self._more = self._begin(hub)

    def _go_on(self, hub: Hub, found: list[tuple[int, int]]) -> None:
        """With those who wait no more."""
        for fd, events in found:
            if not hub.happened(fd, events):
                self._came.append(fd)
        hub.look_after()

    def _begin(self, hub: Hub) -> bool:
        """Begin a few of those who are here; whether there may be more."""
        work, came = self._work, self._came
        begun = 0
        while begun < _BEGUN:
            conn = work.let_in()
            if conn is None:
                if not came:
                    return False
                conn = work.turn(came.popleft())
                if work.stopped:
                    return False
            if conn is not None:
                hub.start(work.answer, conn)
                begun += 1
        return True

    def __repr__(self) -> str:
        return f"<Rounds of {self._work!r}>"
