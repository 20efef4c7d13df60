"""How a connection goes on after an answer."""

from __future__ import annotations

import socket
import struct
from enum import Enum


class Ending(Enum):
    """What follows an answer."""

    KEEP = "keep"  # the next request
    CLOSE = "close"  # nothing is unread: a plain close
    LINGER = "linger"  # the client may still be sending
    RESET = "reset"  # the answer broke off where its end could not be told otherwise


def reset_on_close(sock: socket.socket) -> None:
    """Let closing send a reset, which nobody takes for the clean end of an answer."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    except OSError:
        pass  # the client was faster
