"""urllib3's connections, made to send exactly what they are given.

urllib3 and ``http.client`` encode targets again, group repeated fields and add
Host, User-Agent, Accept-Encoding and Content-Length. What they have made of the
head is thrown away in ``send``, and the request's own bytes go out in its place.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from functools import partial
from typing import Any, NamedTuple
from weakref import WeakSet

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import NewConnectionError

from gateway.transport.stock.call import Call
from gateway.transport.stock.reading import FinalAnswer


class Registry:
    """All connections of one adapter, to end what waits on them.

    *Threads*: any. The lock guards the set; nothing blocks under it.
    """

    def __init__(self) -> None:
        self.aborted = False
        self._lock = threading.Lock()
        self._open: WeakSet[ExactConnection] = WeakSet()

    def add(self, connection: ExactConnection) -> None:
        with self._lock:
            self._open.add(connection)

    def abort(self) -> None:
        """End every call that waits on a socket, and let no new one begin."""
        with self._lock:
            self.aborted = True
            connections = list(self._open)
        for connection in connections:
            connection.abort()

    def __repr__(self) -> str:
        return f"<Registry {len(self._open)} connections{', aborted' if self.aborted else ''}>"


class Rules(NamedTuple):
    """``max_age``: seconds after which a connection is not used again, so that its
    name is resolved again. ``head_bytes``: how large an answer's head may be."""

    max_age: float
    head_bytes: int


class ExactConnection(HTTPConnection):
    """A connection to an upstream.

    *Threads*: used by the one that has it from urllib3's pool, except ``abort``.
    """

    def __init__(self, registry: Registry, rules: Rules, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._registry = registry
        self._rules = rules
        self._call: Call | None = None
        self._unsent = False
        self._opened_at = 0.0
        # The socket, also after ``close``: a body that ends with it is still being read.
        self._wire: socket.socket | None = None
        self._spoiled = False

    def connect(self) -> None:
        if self._registry.aborted:
            raise NewConnectionError(self, "the transport is closed")
        super().connect()
        self._wire, self._opened_at, self._spoiled = self.sock, time.monotonic(), False
        if isinstance(self.sock, ssl.SSLSocket):
            # As in ``Connection.secure``: an end without close_notify is none.
            self.sock.suppress_ragged_eofs = False  # type: ignore[attr-defined]
        self._registry.add(self)

    @property
    def is_connected(self) -> bool:
        """Whether urllib3 may use it again."""
        if self._spoiled or time.monotonic() - self._opened_at > self._rules.max_age:
            return False
        return super().is_connected

    def is_aborted(self) -> bool:
        """For ``FinalAnswer``: whether ``abort`` was called."""
        return self._registry.aborted

    def spoil(self) -> None:
        """For ``FinalAnswer``: bytes came that belong to no answer."""
        self._spoiled = True

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> None:
        call = kwargs.pop("headers")
        if not isinstance(call, Call):
            raise TypeError("only StockAdapter sends over these connections")
        self._call, self._unsent = call, True
        call.phase = "connect"
        # http.client makes the answer when it is time for it.
        self.response_class = partial(  # type: ignore[assignment]
            FinalAnswer,
            call=call,
            wire=self,
            head_bytes=self._rules.head_bytes,
        )
        super().request(method, url, *args, **kwargs)

    def send(self, data: Any) -> None:
        """Called by ``http.client`` with the head it has made."""
        call = self._call
        if call is None or not self._unsent:
            super().send(data)
            return
        self._unsent = False
        if self.sock is None:
            self.connect()
        call.phase = "send"
        for piece in call.pieces():
            self.sock.settimeout(call.left(call.budget.silence()))
            self.sock.sendall(piece)
        call.phase = "head"

    def abort(self) -> None:
        """Ends whatever waits on it, from another thread."""
        wire = self._wire
        if wire is not None:
            try:
                # Not SSLSocket.shutdown: it would make the reader see ciphertext.
                socket.socket.shutdown(wire, socket.SHUT_RDWR)
            except OSError:
                pass  # gone already


class ExactTlsConnection(ExactConnection, HTTPSConnection):
    """The same over TLS, as urllib3 sets that up."""

    def connect(self) -> None:
        super().connect()
        # urllib3 warns of each request otherwise; `gateway check` has warned of the setting.
        self.is_verified = True


def pool_class(registry: Registry, rules: Rules, *, tls: bool) -> type[HTTPConnectionPool]:
    """urllib3's pool with connections of ours."""

    class Pool(HTTPSConnectionPool if tls else HTTPConnectionPool):  # type: ignore[misc]
        ConnectionCls = partial(ExactTlsConnection if tls else ExactConnection, registry, rules)

    return Pool
