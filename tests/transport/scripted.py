"""Upstreams that do exactly what a test says, on real sockets.

``with scripted(script) as upstream:`` listens on a free port; ``script(peer)``
runs in a thread of its own for every connection. Leaving the block ends every
script, and raises what one of them raised.
"""

from __future__ import annotations

import select
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from gateway.transport import Origin, OutboundRequest

DEADLINE = 10.0

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Gone(Exception):
    """The other side closed before the script had what it waits for."""


class Peer:
    """One accepted connection. Nothing on it waits longer than the deadline."""

    def __init__(self, sock: socket.socket, number: int) -> None:
        self.sock = sock
        self.number = number
        self.received = bytearray()
        self._taken = 0

    def until(self, enough: Callable[[bytes], int]) -> bytes:
        """Reads until ``enough(bytes not taken yet)`` says how many to take (0: more)."""
        while not (size := enough(bytes(self.received[self._taken :]))):
            data = self.sock.recv(65536)
            if not data:
                raise Gone
            self.received += data
        taken = bytes(self.received[self._taken : self._taken + size])
        self._taken += size
        return taken

    def head(self) -> bytes:
        """One request head."""
        return self.until(lambda data: data.find(b"\r\n\r\n") + 4 if b"\r\n\r\n" in data else 0)

    def request(self) -> bytes:
        """One whole request whose body has a Content-Length, or none."""
        head = self.head()
        lengths = [
            int(line[15:])
            for line in head.lower().split(b"\r\n")
            if line[:15] == b"content-length:"
        ]
        length = lengths[0] if lengths else 0
        return head + (
            self.until(lambda data: length if len(data) >= length else 0) if length else b""
        )

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def answer(self, data: bytes = OK) -> bytes:
        """Reads one request and answers it; returns the request."""
        request = self.request()
        self.send(data)
        return request

    def body(self, size: int) -> None:
        """So many bytes after a head, counted but not kept."""
        for _ in self.pieces(size):
            pass

    def pieces(self, size: int) -> Iterator[bytes]:
        """So many bytes after a head, as they come, not kept."""
        piece = bytes(self.received[self._taken : self._taken + size])
        self._taken += len(piece)
        while True:
            if piece:
                yield piece
            size -= len(piece)
            if size <= 0:
                return
            piece = self.sock.recv(min(size, 1 << 20)) or self._gone()

    def small_buffers(self) -> None:
        """The kernel holds little for a side that does not read."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)

    def _gone(self) -> bytes:
        raise Gone

    def half_close(self) -> None:
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Closes so that the other side gets a reset, not an end."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def until_gone(self) -> None:
        """Waits until the other side closes, without reading a byte."""
        poller = select.poll()
        poller.register(self.sock, select.POLLHUP | select.POLLERR | select.POLLRDHUP)
        poller.poll(DEADLINE * 1000)

    def until_closed(self) -> None:
        """Waits until the other side closes."""
        try:
            while data := self.sock.recv(65536):
                self.received += data
        except ConnectionResetError:
            pass


Script = Callable[[Peer], None]


class Upstream:
    """A running scripted upstream. ``peers``: its connections so far, in order."""

    def __init__(self, listener: socket.socket, script: Script, tls: ssl.SSLContext | None) -> None:
        self.peers: list[Peer] = []
        self.errors: list[BaseException] = []
        self._listener = listener
        self._name = listener.getsockname()
        self._script = script
        self._tls = tls
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._stopping = False

    @property
    def port(self) -> int:
        return int(self._name[1])

    @property
    def origin(self) -> Origin:
        name = self._name
        if isinstance(name, str):
            return Origin.parse(f"http+unix://{name}")
        host = f"[{name[0]}]" if ":" in name[0] else name[0]
        return Origin.parse(f"{'https' if self._tls else 'http'}://{host}:{name[1]}")

    @property
    def url(self) -> str:
        return self.origin.url

    @property
    def received(self) -> bytes:
        """All bytes of all connections, in the order of the connections."""
        return b"".join(bytes(peer.received) for peer in self.peers)

    def start(self) -> None:
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.settimeout(DEADLINE)
            thread = threading.Thread(target=self._run, args=(sock,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _run(self, sock: socket.socket) -> None:
        try:
            if self._tls is not None:
                sock = self._tls.wrap_socket(sock, server_side=True)
            peer = Peer(sock, len(self.peers))
            self.peers.append(peer)
            self._script(peer)
        except (Gone, ConnectionError, ssl.SSLError):
            pass  # the client's doing, and the test's to judge
        except BaseException as error:  # noqa: BLE001 (raised again in the test's thread)
            if not self._stopping:
                self.errors.append(error)
        finally:
            sock.close()

    def refuse(self) -> None:
        """From now on connections are refused; those there are go on."""
        _shut(self._listener)

    def stop(self) -> None:
        self._stopping = True
        _shut(self._listener)
        for peer in self.peers:
            _shut(peer.sock)
        for thread in self._threads:
            thread.join(DEADLINE)
            assert not thread.is_alive(), "a script did not end"


def _shut(sock: socket.socket) -> None:
    try:
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
    except OSError:
        pass
    sock.close()


def serving(peer: Peer) -> None:
    """The script of an upstream that answers every request ``OK``."""
    while True:
        peer.answer()


@contextmanager
def scripted(
    script: Script = serving,
    *,
    host: str = "127.0.0.1",
    unix: str | None = None,
    tls: ssl.SSLContext | None = None,
) -> Iterator[Upstream]:
    """A listening upstream; without a script it answers every request ``OK``."""
    if unix is not None:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(unix)
        listener.listen()
    else:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, 0), family=family, backlog=128)
    upstream = Upstream(listener, script, tls)
    upstream.start()
    try:
        yield upstream
    finally:
        upstream.stop()
    if upstream.errors:
        raise upstream.errors[0]


def saying(answer: bytes, *, close: bool = False) -> Script:
    """A script that reads one request, says this, and closes or waits to be closed."""

    def script(peer: Peer) -> None:
        peer.answer(answer)
        if not close:
            peer.until_closed()

    return script


def outbound(
    upstream: Upstream,
    method: str = "GET",
    target: str = "/",
    body: bytes = b"",
    fields: tuple[tuple[str, str], ...] = (),
) -> OutboundRequest:
    """A request to this upstream, with Host, and Content-Length if it has a body."""
    framing = (("Content-Length", str(len(body))),) if body else ()
    host = ("Host", upstream.origin.authority)
    return OutboundRequest(method, upstream.origin, target, [host, *fields, *framing], body)
