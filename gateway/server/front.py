"""Where threads come for work: requests that were let in, and leaves to lead.

Leading is waiting for the clients' events. One thread has to, when another has found
a request to answer; more would only compete with those who answer. Waking another for
every request would cost two switches of threads for each: so who has found a request
gives its leave back and wakes nobody while others lead. When there is little to do it is
back before they need help.
"""

from __future__ import annotations

from collections import deque
from queue import Empty, SimpleQueue

from .connection import Connection

# Threads that lead at once, and how many of their leaves may be left before somebody is woken.
LEADERS = 3
_LEFT = 1


class Front:
    """Requests and leaves for whoever is free.

    Threads: any. ``_leaves`` has the leaves that nobody holds, ``_queue`` what wakes one who
    waits: a connection, or None, such a leave. Only ``wait`` blocks.
    """

    def __init__(self) -> None:
        self._queue: SimpleQueue[Connection | None] = SimpleQueue()
        self._leaves = deque([None] * LEADERS)

    def add(self, conn: Connection) -> None:
        """A request that was let in; there is a thread for it."""
        self._queue.put(conn)

    def waiting(self) -> Connection | None:
        """A request that is here already."""
        try:
            conn = self._queue.get_nowait()
        except Empty:
            return None
        if conn is None:
            self._leaves.append(None)
        return conn

    def leads(self) -> bool:
        """Take leave to lead, if there is one."""
        try:
            self._leaves.pop()
        except IndexError:
            return False
        return True

    def wait(self) -> Connection | None:
        """The next request; None, a leave to lead, which the caller has then."""
        return self._queue.get()

    def follows(self, *, stopped: bool) -> None:
        """Give the leave back. ``stopped``: then all are to be woken, to see that and end."""
        self._leaves.append(None)
        if (stopped or len(self._leaves) > _LEFT) and self.leads():
            self._queue.put(None)

    def __repr__(self) -> str:
        return f"<Front [{self._queue.qsize()} waiting, {len(self._leaves)} leaves]>"
