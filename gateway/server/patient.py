"""A client's connection whose thread or greenlet waits for it: for gunicorn's own workers.

gunicorn's parser would read from the socket for as long as the client likes,
and hand out a request whose body is still to come. Here a request is read to
its end first, within the same limits and by the same ``RequestReader`` as in
the event loop, so that the application sees the same whichever worker it has.

A slow client holds its thread or greenlet meanwhile. Not here: the PROXY
protocol and HTTP/2, which need gunicorn's parser (``needs_gunicorn``).
"""

from __future__ import annotations

import logging
import select
import socket
import ssl
import time
from typing import Any

from gateway.errors import Refusal
from gateway.throttle import ThrottledLog

from .application import ApplicationCall
from .arrival import receive
from .direct_sink import DirectSink
from .ending import Ending, reset_on_close
from .limits import KIB, Limits
from .outbox import ClientGone
from .reader import RequestReader
from .refusal import Refused, as_answer, refusal_for
from .slow_readers import SlowReaders
from .stock import ParseException
from .unserved import note

_READ_BYTES = 64 * KIB
_NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


def needs_gunicorn(cfg: Any) -> bool:
    """Whether the settings ask for what only gunicorn's own loop around a connection does."""
    return bool(cfg.proxy_protocol != "off" or "h2" in cfg.http_protocols or cfg.protocol != "http")


def secured(sock: Any, context: ssl.SSLContext, limits: Limits) -> Any:
    """The same connection with TLS, once it is agreed on. ``OSError`` where it is not in time."""
    sock.setblocking(False)
    until = time.monotonic() + limits.header_timeout
    tls = context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
    while True:
        try:
            tls.do_handshake()
            return tls
        except ssl.SSLWantReadError:
            _wait(tls, select.POLLIN, until)
        except ssl.SSLWantWriteError:
            _wait(tls, select.POLLOUT, until)


def _wait(sock: Any, events: int, until: float) -> None:
    """Wait for a socket; ``TimeoutError`` at ``until``."""
    poll = select.poll()
    poll.register(sock, events)
    if not poll.poll(max(0.0, until - time.monotonic()) * 1000):
        raise TimeoutError


class PatientConnection:
    """One client's connection.

    Threads: used by one at a time, except ``hang_up``. ``serve`` blocks: for the client,
    within the limits, and in the application.
    """

    def __init__(
        self, worker: Any, cfg: Any, sock: Any, peer: Any, server: Any, readers: SlowReaders
    ) -> None:
        self._worker = worker
        self._cfg = cfg
        self._limits: Limits = worker
        sock.setblocking(False)
        self._sock = sock
        self._peer = peer
        self._server = server
        self._reader = RequestReader(cfg, worker, peer)
        self._sink = DirectSink(sock, worker, readers)
        self._log = ThrottledLog(logging.getLogger("gunicorn.error"))
        self._received = time.monotonic()
        self._silence = self._limits.header_timeout  # before the first request
        self.idle = False

    def __repr__(self) -> str:
        return f"<PatientConnection {self._peer} {self._reader} {self._sink}>"

    @property
    def ahead(self) -> bool:
        """Whether bytes of the next request are here, where no poll would see them."""
        pending = getattr(self._sock, "pending", None)  # TLS
        return not self._reader.idle or bool(pending is not None and pending())

    def serve(self, *, keep: bool) -> bool:
        """Read one request and answer it; ``keep``: the connection may be kept.

        True: it is kept. Else it is to be closed. Raises nothing.
        """
        try:
            request = self._next_request()
            if request is None:
                return False
            self._sink.pace.start()
            call = ApplicationCall(self._worker, self._cfg, request, self._sink)
            extra = {"gateway.received": self._received, "gunicorn.socket": self._sock}
            ending = call.run(self._peer, self._server, extra, keep=keep)
        except (Refusal, ParseException) as error:
            ending = self._refuse(error)
        except ClientGone:
            ending = Ending.RESET
        except Exception:  # ours: one connection's end, not the worker's
            self._worker.log.exception("Error on %r", self)
            ending = Ending.RESET
        return self._end(ending)

    def _end(self, ending: Ending) -> bool:
        self._reader.drop()
        if ending is Ending.LINGER:
            self._linger()
        elif ending is Ending.RESET:
            reset_on_close(self._sock)
        return ending is Ending.KEEP

    # -- reading ---------------------------------------------------------------------------

    def _next_request(self) -> Any:
        """The next request, complete; None where the client has no more to say."""
        reader, limits = self._reader, self._limits
        complete = reader.next()
        self._received = began = time.monotonic()
        until = began + (self._silence if reader.idle else limits.header_timeout)
        self._silence = self._cfg.keepalive
        while not complete:
            was_idle, had_head = reader.idle, reader.request is not None
            data = self._receive(until)
            if not data:
                return self._end_of_input()
            complete = reader.feed(data)
            if was_idle or (reader.request is not None and not had_head):
                began = time.monotonic()
            until = began + limits.header_timeout
            if reader.request is not None and not complete:
                until = self._body_deadline(began)
        reader.request.body = reader.content
        return reader.request

    def _body_deadline(self, began: float) -> float:
        """Until when the rest of the body has to come; a client may have to be asked for it."""
        reader, limits = self._reader, self._limits
        if reader.wants_continue:
            reader.wants_continue = False
            self._sink.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        return began + limits.body_timeout + reader.received / limits.body_min_rate

    def _end_of_input(self) -> None:
        if not self._reader.idle:
            raise Refused(400, "The request ended before it was complete.")

    def _receive(self, until: float) -> bytes:
        """What comes next; nothing at the end, or when an idle client has been waited for."""
        self.idle = self._reader.idle
        try:
            return self._read(until)
        except TimeoutError:
            if self._reader.idle:
                return b""
            raise Refused(408, "The request did not arrive in time.") from None
        except OSError as error:
            raise ClientGone(str(error)) from error
        finally:
            self.idle = False

    def _read(self, until: float) -> bytes:
        """The next bytes. Raises ``TimeoutError`` and what the socket does."""
        while True:
            try:
                if isinstance(self._sock, ssl.SSLSocket):
                    data: bytes = self._sock.recv(_READ_BYTES)
                    self._received = time.monotonic()
                else:
                    data, self._received = receive(self._sock)
                return data
            except _NOT_NOW:
                _wait(self._sock, select.POLLIN, until)

    def hang_up(self) -> None:
        """From another thread: let an idle connection end. A request just coming is answered."""
        try:
            # Not SSLSocket.shutdown, which would make the reader see ciphertext.
            socket.socket.shutdown(self._sock, socket.SHUT_RD)
        except OSError:
            pass  # gone already

    # -- ending ----------------------------------------------------------------------------

    def _refuse(self, error: Exception) -> Ending:
        """Answer in the application's stead."""
        if isinstance(error, ParseException):
            peer = self._peer or "unix socket"
            self._log.log(logging.WARNING, "Invalid request from %s: %s", peer, error)
        request, refusal = self._reader.request, refusal_for(error)
        request_id = note(
            self._worker, refusal, peer=self._peer, received=self._received, request=request
        )
        with_body = request is None or request.method != "HEAD"
        try:
            self._sink.sendall(as_answer(refusal, with_body=with_body, request_id=request_id))
        except ClientGone:
            return Ending.RESET
        return Ending.LINGER

    def _linger(self) -> None:
        """RFC 9112 section 9.6: a client still sending reads the answer before a reset."""
        limits = self._limits
        now = time.monotonic()
        ends = now + limits.linger_timeout
        left = limits.linger_max_bytes
        try:
            self._sock.shutdown(socket.SHUT_WR)
            while left > 0 and now < ends:
                data = self._read(min(ends, now + limits.linger_idle_timeout))
                if not data:
                    return
                left -= len(data)
                now = time.monotonic()
        except OSError:
            pass  # silent for too long, or gone
