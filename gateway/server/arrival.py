"""When bytes arrived, not when a thread got round to reading them.

Under load a request waits in the kernel for a free thread and for the
interpreter; a clock read after ``recv`` knows nothing of that wait, and
admission would be blind to the very queue it is to bound.  The kernel stamps
what it receives (socket(7), SO_TIMESTAMPNS) for a microsecond a read.
"""

from __future__ import annotations

import socket
import time
from contextlib import suppress

from gateway.nowait import SO_TIMESTAMPNS, recv_stamped

# The stamp is wall time: a clock that was set meanwhile must not look like a day's wait.
_LONGEST_WAIT = 60.0


def stamp_arrivals(listener: socket.socket) -> None:
    """Have the kernel stamp what connections accepted from this listener receive."""
    with suppress(OSError):
        listener.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)


def receive(sock: socket.socket) -> tuple[bytes, float]:
    """At most ``nowait.MAX_BYTES``, and the monotonic time the last of them arrived."""
    data, stamp = recv_stamped(sock)
    now = time.monotonic()
    if stamp is None:
        return data, now
    seconds, nanoseconds = stamp
    waited = time.time() - (seconds + nanoseconds * 1e-9)
    return data, now - min(max(waited, 0.0), _LONGEST_WAIT)
