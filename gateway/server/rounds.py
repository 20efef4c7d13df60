"""One thread that does everything: what came in, who may go on, who is let in.

For an application that waits where it lets others run, as the gateway does
(``gateway/waiting.py``). In each round those go on whose upstream has answered, before
anybody new is let in: so the number of requests in progress is what the machine
sustains, and no more begin than can be gone on with.
"""

from __future__ import annotations

from threading import Thread

from gateway.nowait import ready

from .connection import Connection
from .hub import Hub
from .leaders import Work


class Rounds:
    """Answers ``work``'s requests on one thread, each in a greenlet.

    Threads: ``start`` and ``join`` are the main thread's.
    """

    def __init__(self, work: Work) -> None:
        self._work = work
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
        work = self._work
        while (conn := work.let_in()) is not None:
            hub.start(work.answer, conn)
        most = work.most()
        found = ready(work.epoll, most) or work.epoll.poll(hub.patience(), most)
        # First who was here before.
        new = [fd for fd, events in found if not hub.happened(fd, events)]
        hub.look_after()
        for fd in new:
            came: Connection | None = work.turn(fd)
            if came is not None:
                hub.start(work.answer, came)

    def __repr__(self) -> str:
        return f"<Rounds of {self._work!r}>"
