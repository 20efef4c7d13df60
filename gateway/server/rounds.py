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
        # A daemon: what is stuck in there must not outlive graceful_timeout.
        self._thread = Thread(target=self._run, name="requests", daemon=True)

    def __len__(self) -> int:
        return 1

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def join(self, seconds: float) -> None:
        """Wait for the end of it, once the work is stopped."""
        self._thread.join(seconds)

    def _run(self) -> None:
        hub = Hub(self._work.epoll)
        try:
            while not self._work.stopped:
                self._round(hub)
        finally:
            hub.close()

    def _round(self, hub: Hub) -> None:
        work, came = self._work, self._came
        found = ready(work.epoll, _EVENTS)
        if not found and not came:
            found = work.epoll.poll(hub.patience(), _EVENTS)
        for fd, events in found:
            if not hub.happened(fd, events):
                came.append(fd)
        hub.look_after()
        begun = 0
        while begun < _BEGUN:
            conn = work.let_in()
            if conn is None:
                if not came:
                    return
                conn = work.turn(came.popleft())
            if conn is not None:
                hub.start(work.answer, conn)
                begun += 1

    def __repr__(self) -> str:
        return f"<Rounds of {self._work!r}>"
