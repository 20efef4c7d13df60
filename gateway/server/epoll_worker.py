"""The default gunicorn worker: one event loop, and who answers what comes from it.

Stock gthread gives a client a thread while it waits for its bytes, and hands
every connection over twice.  Here whoever waits on the epoll set reads what has
come, refuses what is too much, and when a request is complete and let in answers
that itself: one thread does it all in turns where the application lets others run
while it waits, as the gateway does (``rounds.py``), else threads that lead and
follow (``leaders.py``).  A client that is slow to send, to read or to ask again is
an entry in the set and holds no thread.

Not here: TLS, the PROXY protocol and HTTP/2.  ``GatewayThreadWorker`` has them.
"""

from __future__ import annotations

import logging
import os
import select
import socket
import time
from collections.abc import Callable
from enum import Enum
from heapq import nsmallest
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from gateway.errors import Refusal
from gateway.nowait import rearm
from gateway.throttle import ThrottledLog
from gateway.waiting import give_way

from .acceptor import Acceptor
from .application import ApplicationCall
from .balance import alone
from .connection import Connection, Phase
from .ending import Ending
from .environ import Environs
from .leaders import Leaders
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

if TYPE_CHECKING:
    from .rounds import Rounds

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

    Of the application, ``lets_others_run``: whether it waits by ``gateway.waiting`` alone;
    ``give_up``: ends what it waits for, when there is no more time.

    Threads: the main thread accepts, watches deadlines and obeys signals; one other, or
    ``cfg.threads`` + 3, read, answer and write. A connection belongs to whoever has taken it out
    of ``_parked``: removing a key from a dict is atomic. Only where there are many do they block,
    in the application or for a client to take what the application goes on producing.
    """

    lets_others_run = False
    give_up: Callable[[], None] | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._plain_cfg = frozen(self.cfg)
        self._environs = Environs(self._plain_cfg)
        self._readers = SlowReaders(self.max_waiting_writers or max(1, self.cfg.threads // 2))
        self._throttled = ThrottledLog(logging.getLogger("gunicorn.error"))
        self._connections: set[Connection] = set()
        self._parked: dict[int, Connection] = {}
        self._requests: Leaders | Rounds | None = None
        self.turnstile = turnstile_for(self.admission, self.cfg.threads)
        self.shed = ShedCounts()
        self.seat = alone()
        self._stopped = False
        self._next_sweep = 0.0
        self._idle_until = float("inf")

    def __repr__(self) -> str:
        return f"<EpollWorker {self.pid} {self.snapshot()}>"

    def snapshot(self) -> dict[str, int]:
        """How many connections there are, and how many of them wait for something."""
        return {
            "connections": len(self._connections),
            "waiting": len(self._parked),
            "threads": len(self._requests or ()),
            "requests": self.nr,
        }

    @classmethod
    def check_config(cls, cfg: Any, log: Any) -> None:
        """Refuse settings that would silently do nothing."""
        refuse_unsupported(cfg)

    # -- the main thread ---------------------------------------------------------------

    def run(self) -> None:
        """Serve until told to stop, then finish what is in progress."""
        self.epoll = select.epoll()
        self._stop_signal, self._stop_read = stop_pipe(self.epoll)
        self._acceptor = Acceptor(
            self.sockets,
            wake=self.PIPE[0],
            adopt=self._adopt,
            make_room=self._make_room,
            seat=self.seat,
            write_timeout=self.write_timeout,
            log=self.log,
        )
        self._requests = requests = self._answering()
        if isinstance(requests, Leaders):
            # Only threads have to wait for each other, and their number to be watched.
            self.turnstile.start()
        requests.start()
        # Threads that failed leave clients without an answer: another worker has some.
        while self.alive and self.ppid == os.getppid() and requests.alive:
            self._tick()
        self._drain()
        os.close(self._stop_signal)
        if self._connections and self.give_up is not None:
            # So that their requests have an end, and are told of, before all is closed.
            self.give_up()
        requests.join(_STOP_SECONDS)
        self.turnstile.stop()

    def _answering(self) -> Leaders | Rounds:
        """Who answers: one thread, if the application lets others run where it waits."""
        if self.lets_others_run:
            try:
                return cast("Rounds", import_module("gateway.server.rounds").Rounds(self))
            except ImportError as error:
                told = "Each request takes a thread; it need not: pip install greenlet (%s)"
                self.log.warning(told, error)
        return Leaders(self, self.cfg.threads)

    def _tick(self) -> None:
        self.notify()
        if self._acceptor.wait(_TICK_SECONDS):
            empty_pipe(self.PIPE[0])
        now = time.monotonic()
        if now >= self._next_sweep:
            self._next_sweep = now + _TICK_SECONDS
            self._sweep(now)
            self.seat.tell(len(self._connections))
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
        self.epoll.register(conn.fd, conn.events)
        self.seat.tell(len(self._connections))

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

    # -- what the threads of ``Leaders`` or ``Rounds`` call ----------------------------------

    @property
    def stopped(self) -> bool:
        """Whether those threads are to end."""
        return self._stopped

    def heard(self) -> None:
        """All of them have seen that."""
        # Level-triggered, so that each of many threads sees it.
        self.epoll.unregister(self._stop_read)

    def most(self) -> int:
        """Events to be fetched at once."""
        return _LARGE_BATCH if self.turnstile.standing() else _BATCH

    def turn(self, fd: int) -> Connection | None:
        """Do what this socket is ready for; its connection, if a request is to be answered."""
        conn = self._parked.pop(fd, None)
        if conn is None:
            if fd == self._stop_read:
                self._stopped = True
            return None
        return conn if self._work_on(conn, self._turn) is Next.RUN else None

    def answer(self, conn: Connection) -> None:
        """Answer its request, and those behind it that are let in."""
        while self._work_on(conn, self._run) is Next.RUN:
            # A client that sends many at once is one of many.
            give_way()

    def let_in(self) -> Connection | None:
        """The next of those who waited; who has waited too long is refused on the way."""
        for conn, admitted in self.turnstile.released():
            if admitted or self._work_on(conn, self._refuse_late) is Next.RUN:
                return conn
        return None

    # -- steps of a connection ---------------------------------------------------------------

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
        call = ApplicationCall(self, self._plain_cfg, request, conn.outbox, self._environs)
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
            self.seat.tell(len(self._connections))
            return
        self._parked[conn.fd] = conn
        self._rearm(conn)

    def _rearm(self, conn: Connection) -> None:
        try:
            rearm(self.epoll, conn.fd, conn.events)
        except OSError:
            pass  # its deadline passed this very moment and the main thread closed it
