"""gunicorn's gthread with exact answers and our limits: for TLS, HTTP/2, PROXY, and off Linux.

A thread waits for each client that is sending: as many slow ones as there are
threads, and nobody else is served until their time is up.
"""

from __future__ import annotations

import logging
import selectors
import time
from functools import partial
from types import SimpleNamespace
from typing import Any

from gateway.throttle import ThrottledLog

from .acceptor import EXHAUSTED, PASSING, prepare
from .application import ApplicationCall
from .daemon_pool import DaemonPool
from .direct_sink import DirectSink
from .ending import Ending, reset_on_close
from .limits import Limits
from .patient import PatientConnection, needs_gunicorn, secured
from .slow_readers import SlowReaders
from .stock import ThreadConnection, ThreadWorker, Unreader, close_socket, frozen, tls_context


class GatewayThreadWorker(Limits, ThreadWorker):  # type: ignore[misc]
    """Threads: as ``ThreadWorker``; ``handle`` runs on its pool, all else in the main thread."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._plain_cfg = frozen(self.cfg)
        self._readers = SlowReaders(self.max_waiting_writers or max(1, self.cfg.threads // 2))
        self._throttled = ThrottledLog(logging.getLogger("gunicorn.error"))
        self._stopped_listening = False

    def get_thread_pool(self) -> DaemonPool:
        """gunicorn's threads would keep a process that was told to leave."""
        # One more than may be in progress: somebody has to refuse.
        return DaemonPool(self.cfg.threads + 1)

    def run(self) -> None:
        """gunicorn's; see ``set_accept_enabled`` for the end."""
        self._tls = tls_context(self.cfg) if self.cfg.is_ssl else None
        for listener in self.sockets:
            prepare(listener, self.write_timeout)
        super().run()

    def accept(self, listener: Any) -> None:
        """Take a new connection."""
        self._accepted(listener)

    def _accepted(self, listener: Any) -> bool:
        """Take a new connection, and wait for its first bytes without a thread."""
        try:
            sock, peer = listener.accept()
        except OSError as error:
            self._not_accepted(error)
            return False
        conn = _Connection(self.cfg, sock, peer, listener.getsockname())
        conn.timeout = time.monotonic() + self.header_timeout
        self.nr_conns += 1
        self.pending_conns.append(conn)
        readable = partial(self.on_pending_socket_readable, conn)
        self.poller.register(sock, selectors.EVENT_READ, readable)
        return True

    def _not_accepted(self, error: OSError) -> None:
        if error.errno in PASSING:
            return
        if error.errno not in EXHAUSTED:
            raise error
        self.set_accept_enabled(False)  # until run() comes round
        self._throttled.log(logging.WARNING, "Cannot accept connections for now: %s", error)

    def set_accept_enabled(self, enabled: bool) -> None:
        """Called at the end, too, and both times by a worker that is told to stop as it starts."""
        super().set_accept_enabled(enabled and self.alive)
        if not self.alive and not self._stopped_listening:
            self._stopped_listening = True
            self._stop_listening()

    def _stop_listening(self) -> None:
        """Take what is in the backlog, then refuse; what waits for something has a last moment."""
        for listener in self.sockets:
            while self._accepted(listener):
                pass
            listener.close()
        last = time.monotonic() + self.drain_linger
        for conn in (*self.keepalived_conns, *self.pending_conns):
            conn.timeout = min(conn.timeout, last)

    def handle(self, conn: Any) -> Any:
        """Answer what a connection asks for now. True when it is kept."""
        if needs_gunicorn(self._plain_cfg):
            return super().handle(conn)
        try:
            patient = conn.patient or self._opened(conn)
        except OSError as error:
            self.log.debug("No TLS with %s: %s", conn.client, error)
            return False
        kept = patient.serve(keep=self._may_keep())
        while kept and patient.ahead:
            kept = patient.serve(keep=self._may_keep())
        return kept

    def _may_keep(self) -> bool:
        return bool(len(self.keepalived_conns) < self.max_keepalived)

    def _opened(self, conn: Any) -> PatientConnection:
        if self._tls is not None:
            conn.sock = secured(conn.sock, self._tls, self)
        # gunicorn asks its parser for bytes that were read ahead; ``handle`` leaves none.
        conn.initialized, conn.parser = True, SimpleNamespace(unreader=Unreader())
        patient = PatientConnection(
            self, self._plain_cfg, conn.sock, conn.client, conn.server, self._readers
        )
        conn.patient = patient
        return patient

    def handle_request(self, req: Any, conn: Any) -> bool:
        """Answer one request that gunicorn's parser has read."""
        keep = self._may_keep() and not req.should_close()
        sink = DirectSink(conn.sock, self, self._readers)
        call = ApplicationCall(self, self.cfg, req, sink)
        ending = call.run(conn.client, conn.server, {"gunicorn.socket": conn.sock}, keep=keep)
        if ending is Ending.RESET:
            reset_on_close(conn.sock)
        return ending is Ending.KEEP


class _Connection(ThreadConnection):  # type: ignore[misc]
    """gunicorn's, with what serves it."""

    patient: PatientConnection | None = None

    def close(self, graceful: bool = False) -> None:
        """At once: gunicorn's waits for the client, in the main thread."""
        if self.patient is None:
            super().close(graceful)
        else:
            close_socket(self.sock)
