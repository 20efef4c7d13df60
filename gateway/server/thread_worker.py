"""gunicorn's gthread with exact answers: for TLS, HTTP/2, PROXY, and off Linux.

A slow client holds a thread here while it sends its body.  ``gateway.received``
is not set: gthread hands the application a request before it has its body.
"""

from __future__ import annotations

import socket
from typing import Any

from .application import ApplicationCall
from .ending import Ending, reset_on_close
from .outbox import DirectSink
from .stock import ThreadWorker


class GatewayThreadWorker(ThreadWorker):  # type: ignore[misc]
    """Threads: as ``ThreadWorker``; ``handle_request`` runs on its pool."""

    def handle_request(self, req: Any, conn: Any) -> bool:
        """Answer one request. True when the connection may be kept."""
        # gunicorn reads a list of connection options more strictly than we do, and closes.
        keep = len(self.keepalived_conns) < self.max_keepalived and not req.should_close()
        call = ApplicationCall(self, self.cfg, req, DirectSink(conn.sock))
        ending = call.run(conn.client, conn.server, {"gunicorn.socket": conn.sock}, keep=keep)
        if ending is Ending.RESET:
            _reset(conn)
        return ending is Ending.KEEP


def _reset(conn: Any) -> None:
    """Drop the client; the caller half-closes what it finds in ``conn.sock``, gracefully."""
    reset_on_close(conn.sock)
    conn.sock.close()
    conn.sock = socket.socket()
