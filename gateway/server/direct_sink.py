"""An answer's way to its client where a thread or a greenlet waits for the socket itself.

For gunicorn's own workers: nothing waits in an event loop there, so every byte
is written before the next is asked for. A client that takes its answer too
slowly is cut off by the rules of ``slow_readers``, as with the outbox.
"""

from __future__ import annotations

import os
import ssl
from typing import IO

from .outbox import ClientGone, Outbox

_FILE_BYTES = 64 * 1024
_NOT_NOW = (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError)


class DirectSink(Outbox):
    """The sink over one socket, TLS or not, blocking or not.

    Threads: used by the one that has the connection, which waits here for the client.
    """

    def send(self, data: bytes) -> int:
        """gunicorn's, for ``100 Continue``."""
        self.sendall(data)
        return len(data)

    def sendall(self, data: bytes) -> None:
        """Write all of it; raises ``ClientGone``."""
        super().sendlast(data)
        self._wait_for_room(0)

    def sendlast(self, data: bytes) -> None:
        """The end of an answer is waited for as well: nobody else would send it."""
        self.sendall(data)

    def sendfile(self, file: IO[bytes], offset: int, count: int) -> None:
        """Write ``count`` bytes of ``file``; raises ``ClientGone``."""
        while count:
            part = os.pread(file.fileno(), min(count, _FILE_BYTES), offset)
            if not part:
                raise EOFError("the file is shorter than the answer's Content-Length")
            self.sendall(part)
            offset, count = offset + len(part), count - len(part)

    def _send(self, data: bytes | memoryview) -> int:
        sock = self._sock
        timeout = sock.gettimeout()
        try:
            if timeout == 0:
                return sock.send(data)
            sock.settimeout(0)
            try:
                return sock.send(data)
            finally:
                sock.settimeout(timeout)
        except _NOT_NOW:
            return 0
        except OSError as error:
            raise ClientGone from error
