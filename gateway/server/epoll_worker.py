"""The default gunicorn worker: threads that wait together on one event loop.

Stock gthread gives a client a thread while it waits for its bytes, and hands
every connection over twice.  Here one thread at a time leads: it waits on an
epoll set, reads what has come, refuses what is too much, and when a request is
complete and let in it answers that itself, while another thread leads
(leader/followers).  So those who answer compete with one thread for the
interpreter lock, however much comes in.  A client that is slow to send, to read
or to ask again is an entry in the set and holds no thread.

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
from enum import Enum
from heapq import nsmallest
from typing import Any

from gateway.errors import Refusal
from gateway.nowait import ready, rearm
from gateway.throttle import ThrottledLog

from .acceptor import Acceptor
from .application import ApplicationCall
from .connection import Connection, Phase
from .ending import Ending
from .front import LEADERS, Front
from .limits import Limits
from .outbox import ClientGone
from .pipes import empty_pipe, stop_pipe
from .refusal import refusal_for
from .shedding import DRAINING, LATE, OVERLOADED, Shed, ShedCounts
from .slow_readers import SlowReaders
from .stock import ParseException, Worker, frozen
from .turnstile import turnstile_for
from .unserved import note
from .unsupported import refuse_unsupported

# How often deadlines are looked at; they are that much coarser than they say.
_TICK_SECONDS = 0.25
# Idle connections are only closed in favour of new ones after this long.
_LEAST_IDLE_SECONDS = 1.0
_STOP_SECONDS = 1.0
# Events fetched at once. Refusing many takes milliseconds in which those who answer cannot
# run; but while requests queue it is those who refuse that must not fall behind.
_BATCH = 8
_LARGE_BATCH = 64


class Next(Enum):
    """What is next for a connection that a thread has worked on."""

    WAIT = "wait"  # for the socket, in the event loop, or it is closed
    RUN = "run"  # its request is let in, and the thread is to answer it
    AWAY = "away"  # it is the turnstile's, or already another thread's


class EpollWorker(Limits, Worker):  # type: ignore[misc]
    """One worker process.

    Threads: the main thread accepts, watches deadlines and obeys signals; ``cfg.threads`` + 3
    others read, answer and write. A connection belongs to whoever has taken it out of ``_parked``:
    removing a key from a dict is atomic. Only request threads block, in the application or
    for a client to take what the application goes on producing.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._plain_cfg = frozen(self.cfg)
        self._readers = SlowReaders(self.max_waiting_writers or max(1, self.cfg.threads // 2))
        self._throttled = ThrottledLog(logging.getLogger("gunicorn.error"))
        self._connections: set[Connection] = set()
        self._parked: dict[int, Connection] = {}
        self._threads: list[threading.Thread] = []
        self.turnstile = turnstile_for(self.admission, self.cfg.threads)
        self.shed = ShedCounts()
        self._stopped = False
        self._front = Front()
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
        refuse_unsupported(cfg)

    # -- the main thread ---------------------------------------------------------------

    def run(self) -> None:
        """Serve until told to stop, then finish what is in progress."""
        self._epoll = select.epoll()
        self._stop_signal, self._stop_read = stop_pipe(self._epoll)
        self._acceptor = Acceptor(
            self.sockets,
            wake=self.PIPE[0],
            adopt=self._adopt,
            make_room=self._make_room,
            write_timeout=self.write_timeout,
            log=self.log,
        )
        self.turnstile.start()
        self._start_threads()
        while self.alive and self.ppid == os.getppid():
            self._tick()
        self._drain()
        self._stop_threads()
        self.turnstile.stop()

    def _start_threads(self) -> None:
        # More than may be in progress, by those who may wait for events meanwhile: so
        # there is a thread for each request that is let in.
        for number in range(self.cfg.threads + LEADERS):
            # Daemons: a thread stuck in the application must not outlive graceful_timeout.
            thread = threading.Thread(target=self._serve, name=f"request-{number}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def _tick(self) -> None:
        self.notify()
        if self._acceptor.wait(_TICK_SECONDS):
            empty_pipe(self.PIPE[0])
        now = time.monotonic()
        if now >= self._next_sweep:
            self._next_sweep = now + _TICK_SECONDS
            self._sweep(now)
            self._refuse_forgotten()

    def _sweep(self, now: float) -> None:
        """Expire what is overdue: one pass over all connections per tick, none per request."""
        for conn in list(self._parked.values()):
            if self._overdue(conn, now) and self._claim(conn):
                self._work_on(conn, lambda conn: self._expire(conn, now))

    def _overdue(self, conn: Connection, now: float) -> bool:
        return conn.deadline <= now or (now >= self._idle_until and conn.idle)

    def _expire(self, conn: Connection, now: float) -> Next:
        if self._overdue(conn, now):  # a thread may have been faster than our claim
            conn.expire(now)
        return Next.WAIT

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
        conn.too_late, conn.refuses = self.turnstile.too_late, self._refuses
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
                    self._work_on(conn, lambda conn: self._close_idle(conn, since))
        return max(0, limit - len(self._connections))

    def _close_idle(self, conn: Connection, since: float) -> Next:
        conn.close_if_idle_since(since)
        return Next.WAIT

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
        """Lead until there is a request to answer; answer it while another thread leads."""
        while True:
            conn = self._next()
            if conn is None:
                return
            self._serve_all(conn)

    def _next(self) -> Connection | None:
        """What is here already, or else what comes first; None when the worker stops.

        First those who waited, then those let in with others: whoever comes only now is
        looked at without giving up the interpreter, so that requests are refused as fast
        as they come however many threads want to run.
        """
        conn = self._let_in() or self._front.waiting()
        if conn is None and not self._front.leads():
            conn = self._look_at(ready(self._epoll, self._most())) or self._front.wait()
        if conn is not None:
            return conn
        try:
            return self._look_at(ready(self._epoll, self._most())) or self._lead()
        finally:
            self._front.follows(stopped=self._stopped)

    def _most(self) -> int:
        return _LARGE_BATCH if self.turnstile.standing() else _BATCH

    def _lead(self) -> Connection | None:
        """Wait for events; read, refuse and put off, until there is a request to answer.

        None when the worker stops.
        """
        while True:
            conn = self._let_in()
            if conn is not None:
                return conn
            found = self._look_at([fd for fd, _ in self._epoll.poll(-1, self._most())])
            if found is not None or self._stopped:
                return found

    def _look_at(self, fds: list[int]) -> Connection | None:
        """The first of these connections with a request to answer; further ones are for
        other threads, of which there is one for each that was let in.
        """
        run: Connection | None = None
        for fd in fds:
            conn = self._parked.pop(fd, None)
            if conn is not None:
                if self._work_on(conn, self._turn) is Next.RUN:
                    if run is None:
                        run = conn
                    else:
                        self._front.add(conn)
            elif fd == self._stop_read:
                self._stopped = True
        return run

    def _serve_all(self, conn: Connection) -> None:
        """Answer its request, and those behind it that are let in."""
        while self._work_on(conn, self._run) is Next.RUN:
            pass

    def _let_in(self) -> Connection | None:
        """The next of those who waited; who has waited too long is refused on the way."""
        for conn, admitted in self.turnstile.released():
            if admitted or self._work_on(conn, self._refuse_late) is Next.RUN:
                return conn
        return None

    def _turn(self, conn: Connection) -> Next:
        return self._admit(conn, conn.step())

    def _run(self, conn: Connection) -> Next:
        try:
            ending = self._answer(conn)
        finally:
            self.turnstile.leave()
        return self._admit(conn, conn.answered(ending))

    def _refuse_late(self, conn: Connection) -> Next:
        return self._admit(conn, self._shed(conn, OVERLOADED))

    def _admit(self, conn: Connection, ready: bool) -> Next:
        """Let a request in, put it off, or refuse it and see to the one behind it."""
        while ready:
            if conn.received > self._idle_until:
                ready = self._shed(conn, DRAINING)
                continue
            admitted = self.turnstile.enter(conn)
            if admitted is not False:
                return Next.RUN if admitted else Next.AWAY
            ready = self._shed(conn, OVERLOADED)
        return Next.WAIT

    def _shed(self, conn: Connection, reason: Shed) -> bool:
        self.shed.count(reason)
        return conn.shed(reason)

    def _refuse_forgotten(self) -> None:
        """On the main thread, for when all others are taken: so nothing is run here."""
        for conn in self.turnstile.late():
            self._work_on(conn, self._close_late)

    def _refuses(self, received: float, method: str, target: str) -> bool:
        refused = self.turnstile.refuses(received, method, target)
        if refused:
            self.shed.count(OVERLOADED)
        return refused

    def _close_late(self, conn: Connection) -> Next:
        self._shed(conn, LATE)
        return Next.WAIT

    def _answer(self, conn: Connection) -> Ending:
        request = conn.reader.request
        request.body = conn.reader.content
        extra = {
            "gateway.received": conn.received,
            "gateway.admitted": True,
            "gunicorn.socket": conn.sock,
        }
        call = ApplicationCall(self, self._plain_cfg, request, conn.outbox)
        return call.run(conn.peer, conn.server, extra, keep=True)

    # -- whoever owns the connection -------------------------------------------------------

    def _work_on(self, conn: Connection, action: Callable[[Connection], Next]) -> Next:
        """Do something with a connection this thread owns; unless it still does, give it back."""
        try:
            try:
                what = action(conn)
                if what is not Next.WAIT:
                    return what
            except (Refusal, ParseException) as error:
                self._refuse(conn, error)
        except ClientGone:
            conn.reset()
        except Exception:  # ours: one connection's end, not the worker's
            self.log.exception("Error on %r", conn)
            conn.reset()
        self._settle(conn)
        return Next.WAIT

    def _refuse(self, conn: Connection, error: Exception) -> None:
        if isinstance(error, ParseException):
            self._throttled.log(
                logging.WARNING, "Invalid request from %s: %s", conn.peer or "unix socket", error
            )
        refusal = refusal_for(error)
        request = conn.reader.request
        conn.refuse(
            refusal, note(self, refusal, peer=conn.peer, received=conn.received, request=request)
        )

    def _settle(self, conn: Connection) -> None:
        """Let the connection wait again, or forget it. It is not this thread's any more."""
        if conn.phase is Phase.CLOSED:
            self._connections.discard(conn)
            return
        self._parked[conn.fd] = conn
        self._rearm(conn)

    def _rearm(self, conn: Connection) -> None:
        try:
            rearm(self._epoll, conn.fd, conn.events)
        except OSError:
            pass  # its deadline passed this very moment and the main thread closed it
