"""The default gunicorn worker: threads that wait together on one event loop.

Stock gthread gives a client a thread while it waits for its bytes, and hands
every connection over twice.  Here all threads wait on one epoll set; whoever is
woken reads what has come and, if a request is now complete, answers it itself
(leader/followers).  A client that is slow to send, to read or to ask again is
an entry in the set and holds no thread.

Not here: TLS, the PROXY protocol and HTTP/2.  ``GatewayThreadWorker`` has them.
"""

from __future__ import annotations

import logging
import os
import select
import socket
import threading
import time
from collections.abc import Callable
from heapq import nsmallest
from typing import Any

from gateway.errors import Refusal, SettingsError
from gateway.nowait import rearm
from gateway.throttle import ThrottledLog

from .acceptor import Acceptor
from .application import ApplicationCall
from .connection import Connection, Phase
from .ending import Ending
from .limits import Limits
from .outbox import ClientGone
from .refusal import refusal_for
from .slow_readers import SlowReaders
from .stock import ParseException, Worker, frozen

# How often deadlines are looked at; they are that much coarser than they say.
_TICK_SECONDS = 0.25
# Idle connections are only closed in favour of new ones after this long.
_LEAST_IDLE_SECONDS = 1.0
_STOP_SECONDS = 1.0


class UnsupportedByWorker(SettingsError, RuntimeError):
    """The settings ask for what this worker does not do (gunicorn prints RuntimeErrors)."""


class EpollWorker(Limits, Worker):  # type: ignore[misc]
    """One worker process.

    Threads: the main thread accepts, watches deadlines and obeys signals; ``cfg.threads``
    others read, answer and write. A connection belongs to whoever has taken it out of
    ``_parked``: removing a key from a dict is atomic, so no lock is held and nothing else
    is shared. Only request threads block, in the application or for a client to take what
    the application goes on producing.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._plain_cfg = frozen(self.cfg)
        self._readers = SlowReaders(self.max_waiting_writers or max(1, self.cfg.threads // 2))
        self._throttled = ThrottledLog(logging.getLogger("gunicorn.error"))
        self._connections: set[Connection] = set()
        self._parked: dict[int, Connection] = {}
        self._threads: list[threading.Thread] = []
        self._next_sweep = 0.0
        self._idle_until = float("inf")

    def __repr__(self) -> str:
        return f"<EpollWorker {self.pid} {self.snapshot()}>"

    def snapshot(self) -> dict[str, int]:
        """How many connections there are, and how many of them wait for something."""
        return {
            "connections": len(self._connections),
            "waiting": len(self._parked),
            "threads": len(self._threads),
            "requests": self.nr,
        }

    @classmethod
    def check_config(cls, cfg: Any, log: Any) -> None:
        """Refuse settings that would silently do nothing."""
        unsupported = {
            "TLS (certfile, keyfile)": cfg.is_ssl,
            "proxy_protocol": cfg.proxy_protocol != "off",
            "HTTP/2 (http_protocols)": "h2" in cfg.http_protocols,
            'protocol other than "http"': cfg.protocol != "http",
        }
        problems = [
            f"{what} needs worker_class = 'gateway.server.worker.GatewayThreadWorker'"
            for what, asked in unsupported.items()
            if asked
        ]
        if problems:
            raise UnsupportedByWorker(problems)

    # -- the main thread ---------------------------------------------------------------

    def run(self) -> None:
        """Serve until told to stop, then finish what is in progress."""
        self._epoll = select.epoll()
        self._stop_signal, self._stop_read = _stop_pipe(self._epoll)
        self._acceptor = Acceptor(
            self.sockets,
            wake=self.PIPE[0],
            adopt=self._adopt,
            make_room=self._make_room,
            write_timeout=self.write_timeout,
            log=self.log,
        )
        self._start_threads()
        while self.alive and self.ppid == os.getppid():
            self._tick()
        self._drain()
        self._stop_threads()

    def _start_threads(self) -> None:
        for number in range(self.cfg.threads):
            # Daemons: a thread stuck in the application must not outlive graceful_timeout.
            thread = threading.Thread(target=self._serve, name=f"request-{number}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def _tick(self) -> None:
        self.notify()
        if self._acceptor.wait(_TICK_SECONDS):
            _empty_pipe(self.PIPE[0])
        now = time.monotonic()
        if now >= self._next_sweep:
            self._next_sweep = now + _TICK_SECONDS
            self._sweep(now)

    def _sweep(self, now: float) -> None:
        """Expire what is overdue: one pass over all connections per tick, none per request."""
        for conn in list(self._parked.values()):
            if self._overdue(conn, now) and self._claim(conn):
                self._work_on(conn, lambda conn: self._expire(conn, now))

    def _overdue(self, conn: Connection, now: float) -> bool:
        return conn.deadline <= now or (now >= self._idle_until and conn.idle)

    def _expire(self, conn: Connection, now: float) -> None:
        if self._overdue(conn, now):  # a thread may have been faster than our claim
            conn.expire(now)

    def _claim(self, conn: Connection) -> bool:
        """Take a connection out of the event loop, unless a thread already has it."""
        claimed = self._parked.pop(conn.fd, None)
        if claimed is not None and claimed is not conn:
            self._settle(claimed)  # ours was closed, and its descriptor is another's now
        return claimed is conn

    def _adopt(self, sock: socket.socket, peer: Any, server: Any) -> None:
        conn = Connection(
            sock, peer, server, cfg=self._plain_cfg, limits=self, readers=self._readers
        )
        self._connections.add(conn)
        self._parked[conn.fd] = conn
        self._epoll.register(conn.fd, conn.events)

    def _make_room(self) -> int:
        """How many connections may be accepted, at the cost of the longest idle if need be."""
        limit: int = self.cfg.worker_connections
        if len(self._connections) >= limit:
            since = time.monotonic() - _LEAST_IDLE_SECONDS
            idle = [conn for conn in list(self._parked.values()) if conn.idle_since(since)]
            for conn in nsmallest(1 + len(idle) // 20, idle, key=lambda conn: conn.received):
                if self._claim(conn):
                    self._work_on(conn, lambda conn: conn.close_if_idle_since(since))
        return max(0, limit - len(self._connections))

    def _drain(self) -> None:
        """Stop accepting, answer what is in progress, leave by ``graceful_timeout``."""
        self.alive = False
        self._acceptor.close()
        began = time.monotonic()
        self._idle_until = began + self.drain_linger
        while self._connections and time.monotonic() < began + self.cfg.graceful_timeout:
            self._tick()

    def _stop_threads(self) -> None:
        os.close(self._stop_signal)
        until = time.monotonic() + _STOP_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    # -- request threads -----------------------------------------------------------------

    def _serve(self) -> None:
        """Wait for any connection; do what it needs; again."""
        poll, parked = self._epoll.poll, self._parked
        conn: Connection | None
        while True:
            for fd, _ in poll(-1, 1):
                conn = parked.pop(fd, None)
                if conn is not None:
                    self._work_on(conn, self._turn)
                    conn = None  # a waiting thread keeps nobody's body alive
                elif fd == self._stop_read:
                    return

    def _turn(self, conn: Connection) -> None:
        ready = conn.step()
        while ready:
            ready = conn.answered(self._answer(conn))

    def _answer(self, conn: Connection) -> Ending:
        request = conn.reader.request
        request.body = conn.reader.content
        extra = {"gateway.received": conn.received, "gunicorn.socket": conn.sock}
        call = ApplicationCall(self, self._plain_cfg, request, conn.outbox)
        return call.run(conn.peer, conn.server, extra, keep=True)

    # -- whoever owns the connection -------------------------------------------------------

    def _work_on(self, conn: Connection, action: Callable[[Connection], object]) -> None:
        """Do something with a connection this thread owns, then give it back."""
        try:
            try:
                action(conn)
            except (Refusal, ParseException) as error:
                self._refuse(conn, error)
        except ClientGone:
            conn.reset()
        except Exception:  # ours: one connection's end, not the worker's
            self.log.exception("Error on %r", conn)
            conn.reset()
        self._settle(conn)

    def _refuse(self, conn: Connection, error: Exception) -> None:
        if isinstance(error, ParseException):
            self._throttled.log(
                logging.WARNING, "Invalid request from %s: %s", conn.peer or "unix socket", error
            )
        conn.refuse(refusal_for(error))

    def _settle(self, conn: Connection) -> None:
        """Let the connection wait again, or forget it. It is not this thread's any more."""
        if conn.phase is Phase.CLOSED:
            self._connections.discard(conn)
            return
        self._parked[conn.fd] = conn
        try:
            rearm(self._epoll, conn.fd, conn.events)
        except OSError:
            pass  # its deadline passed this very moment and the main thread closed it


def _stop_pipe(epoll: select.epoll) -> tuple[int, int]:
    """A pipe whose write end, closed, wakes every waiting thread for good."""
    read, write = os.pipe()
    epoll.register(read, select.EPOLLIN)
    return write, read


def _empty_pipe(fd: int) -> None:
    try:
        os.read(fd, 4096)
    except BlockingIOError:
        pass
