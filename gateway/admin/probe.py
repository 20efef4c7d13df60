"""Whether an upstream can be connected to, asked at most once a second."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from threading import Lock

from gateway.transport import Origin

_MAX_AGE_SECONDS = 1.0
_CONNECT_SECONDS = 1.0


class Probe:
    """Connects to the upstream at this URL and remembers the result for a second.

    Threads: any thread may ask. The lock guards the remembered result; it is
    not held while connecting, so two threads may probe at once.
    """

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._origin = Origin.parse(url)
        self._clock = clock
        self._lock = Lock()
        self._result: tuple[float, str | None] | None = None

    def problem(self) -> str | None:
        """Why it cannot be reached; None when it can."""
        with self._lock:
            known = self._result
        if known is not None and self._clock() - known[0] < _MAX_AGE_SECONDS:
            return known[1]
        problem = self._connect()
        with self._lock:
            self._result = (self._clock(), problem)
        return problem

    def _connect(self) -> str | None:
        origin = self._origin
        try:
            if origin.socket_path is not None:
                with socket.socket(socket.AF_UNIX) as client:
                    client.settimeout(_CONNECT_SECONDS)
                    client.connect(origin.socket_path)
            else:
                address = (origin.host, origin.port)
                socket.create_connection(address, timeout=_CONNECT_SECONDS).close()
        except OSError as error:
            return f"no connection to {origin.url}: {error.strerror or error}"
        return None
