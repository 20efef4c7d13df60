"""One socket to an upstream, with a deadline on everything that can wait.

The descriptor never blocks: every wait is one ``poll`` with the time that is
left. So time-outs cost no system call of their own, a deadline holds whatever
the peer trickles, and TLS, threads, gevent (which replaces ``poll``) and the hub of
a worker (``gateway/waiting.py``) need no second way.

Knows no HTTP, and never decides whether it may be used again (``pool.py``).
"""

from __future__ import annotations

import errno
import os
import select
import socket
import ssl

from gateway import nowait, waiting
from gateway.transport.addresses import Address
from gateway.transport.budget import Clock
from gateway.transport.errors import Expired

# As much as is read at once: a body streams in pieces of at most this size.
CHUNK = nowait.MAX_BYTES
# The longest single wait; a wait without limit is a row of these.
_DAY = 86400.0
_UNIX_RETRY_SECONDS = 0.005

_NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
_CONNECTED = select.POLLOUT | select.POLLHUP | select.POLLERR
_CONNECTING = {errno.EINPROGRESS, errno.EALREADY, errno.EWOULDBLOCK}


class Connection:
    """A connection, from before it is opened until after it is closed.

    ``opened_at``, ``checked_at`` (its address was last known to be current) and
    ``idle_since`` are for the pool. ``reused``: it has carried an answer before.

    *Threads*: used by the one thread that has it checked out, except ``abort``,
    which any thread may call: it shuts the socket down under that thread, whose
    wait then ends. No lock; nothing here blocks longer than ``until``.
    """

    __slots__ = (
        "_clock",
        "_readable",
        "_sock",
        "_tls",
        "aborted",
        "address",
        "checked_at",
        "idle_since",
        "opened_at",
        "reused",
    )

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sock: socket.socket | None = None
        self._tls: ssl.SSLSocket | None = None
        self.address: Address | None = None
        self.aborted = False
        self.reused = False
        self.opened_at = self.checked_at = self.idle_since = 0.0

    @property
    def opened(self) -> bool:
        return self._sock is not None

    def fileno(self) -> int:
        """To wait for many at once; -1 when it is closed."""
        return -1 if self._sock is None else self._sock.fileno()

    def open(self, address: Address, until: float) -> None:
        """Connects to one address. ``OSError`` or ``Expired``; then it is closed again."""
        sock = socket.socket(address.family, socket.SOCK_STREAM)
        try:
            self._sock = sock
            sock.setblocking(False)
            self._readable = select.poll()
            self._readable.register(sock.fileno(), select.POLLIN)
            self._connect(sock, address, until)
            if address.family != socket.AF_UNIX:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._check_abort()
        except BaseException:
            self.close()
            raise
        self.address = address
        self.opened_at = self.checked_at = self._clock()

    def _connect(self, sock: socket.socket, address: Address, until: float) -> None:
        code = sock.connect_ex(address.sockaddr)
        while code == errno.EAGAIN and address.family == socket.AF_UNIX:
            # unix(7): the listener's backlog is full, and nothing says when it is not.
            self._pause(until)
            code = sock.connect_ex(address.sockaddr)
        # Once it is connecting, a later abort() ends the wait; an earlier one did not.
        self._check_abort()
        if code in _CONNECTING:
            # A hub may tell of what another had this descriptor for.
            while not self._wait(select.POLLOUT, until) & _CONNECTED:
                pass
            code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise OSError(code, os.strerror(code))

    def _pause(self, until: float) -> None:
        self._check_abort()
        if self._clock() >= until:
            raise Expired
        waiting.pause(_UNIX_RETRY_SECONDS)

    def secure(self, context: ssl.SSLContext, host: str, until: float) -> None:
        """The TLS handshake. ``OSError`` (``ssl.SSLError``) or ``Expired``; then it is closed."""
        plain = self._open_socket()
        try:
            # Without a close_notify an answer that ends at the close may be cut
            # short by anybody on the way (RFC 8446 section 6.1): not suppressed.
            tls = context.wrap_socket(
                plain,
                server_hostname=host.rstrip("."),
                do_handshake_on_connect=False,
                suppress_ragged_eofs=False,
            )
            self._sock = self._tls = tls
            self._check_abort()
            self._shake_hands(tls, until)
            self._check_abort()
        except BaseException:
            self.close()
            raise

    def _shake_hands(self, tls: ssl.SSLSocket, until: float) -> None:
        while True:
            try:
                tls.do_handshake()
                return
            except ssl.SSLWantReadError:
                self._wait(select.POLLIN, until)
            except ssl.SSLWantWriteError:
                self._wait(select.POLLOUT, until)

    def send(self, data: bytes | memoryview) -> int:
        """Sends what the socket takes at once; says how much that was. ``OSError``."""
        sock = self._sock
        try:
            if sock is None:
                sock = self._open_socket()
            return nowait.send(sock, data) if self._tls is None else sock.send(data)
        except _NOT_NOW:
            return 0

    def wait_to_send(self, until: float) -> bool:
        """Waits until something can be sent or read; says whether it can be read.

        Raises ``Expired``.
        """
        happened = self._wait(select.POLLOUT | select.POLLIN, until)
        return bool(happened & (select.POLLIN | select.POLLHUP | select.POLLERR))

    def receive_now(self) -> bytes | None:
        """What has come, ``b""`` if the peer closed, ``None`` if nothing. ``OSError``."""
        sock = self._sock
        try:
            if sock is None:
                sock = self._open_socket()
            data = nowait.recv(sock) if self._tls is None else sock.recv(CHUNK)
        except _NOT_NOW:
            return None
        if not data:
            self._check_abort()
        return data

    def receive(self, until: float) -> bytes:
        """The next bytes, as soon as there are any; ``b""`` if the peer closed.

        Raises ``Expired``, or ``OSError`` if the connection broke.
        """
        if self._tls is None:
            self._wait(select.POLLIN, until)
        elif self._clock() >= until:
            raise Expired
        waited = self._tls is None
        while True:
            # TLS is asked first: what it has decrypted already, poll cannot see.
            data = self.receive_now()
            if data is not None:
                if not waited:
                    # What comes as fast as it is decrypted would be all that a hub does.
                    waiting.give_way()
                return data
            self._wait(select.POLLIN, until)
            waited = True

    def stale(self) -> bool:
        """Whether an idle connection is closed, broken, or has bytes nobody asked for."""
        if self._tls is None:
            return nowait.readable(self._sock or self._open_socket())
        try:
            # Session tickets and key updates come unasked and are no bytes of an answer.
            return bool(self._readable.poll(0) or self._tls.pending()) and (
                self.receive_now() is not None
            )
        except OSError:
            return True

    def abort(self) -> None:
        """Ends whatever waits on it, from another thread. Whoever uses it still closes it."""
        self.aborted = True
        sock = self._sock
        if sock is not None:
            try:
                # Not SSLSocket.shutdown: it would make the reader see ciphertext.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
            except OSError:
                pass  # never connected, or gone already

    def close(self) -> None:
        sock, self._sock, self._tls = self._sock, None, None
        if sock is not None:
            sock.close()

    def _open_socket(self) -> socket.socket:
        if self._sock is None:
            raise OSError(errno.EBADF, "the connection is closed")
        return self._sock

    def _check_abort(self) -> None:
        # A socket that was shut down reads as closed by the peer, which can be
        # the proper end of a body. It is not, here.
        if self.aborted:
            raise ConnectionAbortedError(errno.ECONNABORTED, "aborted: the transport is closing")

    def _wait(self, events: int, until: float) -> int:
        """The events that ended the wait; ``Expired`` at ``until``."""
        sock = self._sock or self._open_socket()
        while True:
            left = until - self._clock()
            if left <= 0:
                raise Expired
            if left > _DAY:
                left = _DAY
            hub = waiting.hub_here()
            if hub is not None:
                happened = hub.wait(sock.fileno(), events, left)
            elif events == select.POLLIN:
                # Most waits: not to be made anew for each.
                told = self._readable.poll(left * 1000)
                happened = told[0][1] if told else 0
            else:
                happened = waiting.wait_for(sock.fileno(), events, left)
            if happened:
                return happened

    def __repr__(self) -> str:
        place = self.address.sockaddr if self.address is not None else "-"
        state = "open" if self.opened else "closed"
        return f"<Connection to {place} [{state}{', reused' if self.reused else ''}]>"
