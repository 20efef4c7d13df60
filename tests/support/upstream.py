"""An upstream on a raw socket: records the bytes it gets, answers the bytes it is told."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Event, Lock, Thread

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@dataclass
class Received:
    """One request exactly as it came: the head's bytes and the body's."""

    head: bytes
    body: bytes
    connection: int

    @property
    def line(self) -> bytes:
        return self.head.split(b"\r\n", 1)[0]

    @property
    def method(self) -> str:
        return self.line.split(b" ")[0].decode()

    @property
    def target(self) -> bytes:
        return self.line.split(b" ")[1]

    @property
    def fields(self) -> list[tuple[str, str]]:
        lines = self.head.decode("latin-1").split("\r\n")[1:]
        pairs = (line.split(":", 1) for line in lines if line)
        return [(name, value.strip(" \t")) for name, value in pairs]

    def values(self, name: str) -> list[str]:
        return [value for key, value in self.fields if key.lower() == name.lower()]


# What to do with a request: bytes or parts of bytes to send; None closes the
# connection without a word; a callable takes the socket and does what it likes.
Act = bytes | Iterable[bytes] | None | Callable[[socket.socket], None]
Script = Callable[[Received], Act]


@dataclass
class Upstream:
    """A running upstream. ``requests``: what it received, in order of completion.

    ``script`` may be replaced while it runs.
    """

    port: int
    script: Script
    tls: ssl.SSLContext | None = None
    requests: list[Received] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)
    arrived: Event = field(default_factory=Event)
    connections: int = 0
    stopping: Event = field(default_factory=Event)
    open: set[socket.socket] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def record(self, received: Received) -> None:
        with self.lock:
            self.requests.append(received)
        self.arrived.set()

    def forget(self) -> None:
        with self.lock:
            self.requests.clear()
        self.arrived.clear()

    def taken(self) -> list[Received]:
        with self.lock:
            return list(self.requests)


@contextmanager
def upstream(
    script: Script = lambda request: OK, *, port: int = 0, tls: ssl.SSLContext | None = None
) -> Iterator[Upstream]:
    """An upstream that answers each request by ``script``, on keep-alive connections."""
    with socket.create_server(("127.0.0.1", port), backlog=1024) as listener:
        running = Upstream(listener.getsockname()[1], script, tls)
        acceptor = Thread(target=_accept, args=(listener, running), daemon=True)
        acceptor.start()
        try:
            yield running
        finally:
            running.stopping.set()
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            with running.lock:
                left = list(running.open)
            for connection in left:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            acceptor.join(5)


def _accept(listener: socket.socket, running: Upstream) -> None:
    while not running.stopping.is_set():
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with running.lock:
            running.connections += 1
            running.open.add(connection)
            number = running.connections
        Thread(target=_serve, args=(connection, running, number), daemon=True).start()


def _serve(connection: socket.socket, running: Upstream, number: int) -> None:
    try:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if running.tls is not None:
            connection = running.tls.wrap_socket(connection, server_side=True)
        reader = connection.makefile("rb")
        while (received := _read(reader, number)) is not None:
            running.record(received)
            act = running.script(received)
            if act is None:
                return
            if callable(act):
                act(connection)
                return
            for part in [act] if isinstance(act, bytes) else act:
                connection.sendall(part)
    except OSError:
        pass
    finally:
        with running.lock:
            running.open.discard(connection)
        connection.close()


def _read(reader, number: int) -> Received | None:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        line = reader.readline()
        if not line:
            return None
        head += line
    received = Received(head, b"", number)
    length = received.values("content-length")
    if length:
        received.body = reader.read(int(length[0]))
    elif received.values("transfer-encoding"):
        received.body = _read_chunked(reader)
    return received


def _read_chunked(reader) -> bytes:
    body = b""
    while size := int(reader.readline().split(b";")[0], 16):
        body += reader.read(size)
        reader.readline()
    while reader.readline().strip():
        pass
    return body


def stalled(connection: socket.socket, until: Event, limit: float = 60.0) -> None:
    """Hold a connection open and say nothing until the event."""
    until.wait(limit)


def reset(connection: socket.socket) -> None:
    """End a connection with RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    connection.close()
