"""When bytes arrived, not when a thread got round to reading them.

Under load a request waits in the kernel for a free thread and for the
interpreter; a clock read after ``recv`` knows nothing of that wait, and
admission would be blind to the very queue it is to bound.  The kernel stamps
what it receives (socket(7), SO_TIMESTAMPNS) for a microsecond a read.
"""

from __future__ import annotations

import socket
import struct
import time
from contextlib import suppress

# asm-generic/socket.h; not in Python's socket module. A struct timespec comes with it.
_SO_TIMESTAMPNS = 35
_TIMESPEC = struct.Struct("ll")
_ROOM = socket.CMSG_SPACE(_TIMESPEC.size)
# The stamp is wall time: a clock that was set meanwhile must not look like a day's wait.
_LONGEST_WAIT = 60.0


def stamp_arrivals(listener: socket.socket) -> None:
    """Have the kernel stamp what connections accepted from this listener receive."""
    with suppress(OSError):
        listener.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)


def receive(sock: socket.socket, size: int) -> tuple[bytes, float]:
    """What ``recv`` gives, and the monotonic time its last byte arrived."""
    data, ancillary, _, _ = sock.recvmsg(size, _ROOM)
    now = time.monotonic()
    for _, kind, stamp in ancillary:
        if kind == _SO_TIMESTAMPNS and len(stamp) == _TIMESPEC.size:
            seconds, nanoseconds = _TIMESPEC.unpack(stamp)
            waited = time.time() - (seconds + nanoseconds * 1e-9)
            return data, now - min(max(waited, 0.0), _LONGEST_WAIT)
    return data, now
