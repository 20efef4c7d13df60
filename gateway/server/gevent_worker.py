"""gunicorn's gevent worker with exact answers and our limits. Needs ``gateway[gevent]``.

A greenlet waits for each connection, which costs a slow client some kilobytes.
What runs is one greenlet at a time, until it waits: shadow calls, housekeeping
and requests take turns where the other workers' threads are interrupted.
"""

from __future__ import annotations

import time
import warnings
from functools import partial
from typing import Any

import gevent  # type: ignore[import-untyped]
from gevent.event import Event  # type: ignore[import-untyped]
from gevent.monkey import MonkeyPatchWarning  # type: ignore[import-untyped]
from gevent.pool import Pool  # type: ignore[import-untyped]
from gevent.server import StreamServer  # type: ignore[import-untyped]
from gunicorn.workers.ggevent import GeventWorker  # type: ignore[import-untyped]

from .acceptor import prepare
from .application import ApplicationCall
from .direct_sink import DirectSink
from .ending import Ending, reset_on_close
from .late_patch import replace_captured
from .limits import Limits
from .patient import PatientConnection, needs_gunicorn, secured
from .slow_readers import SlowReaders
from .stock import close_socket, frozen, tls_context

_TICK_SECONDS = 0.25


class GatewayGeventWorker(Limits, GeventWorker):  # type: ignore[misc]
    """Threads: none but gevent's own; a greenlet for each connection, this one watches."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._plain_cfg = frozen(self.cfg)
        # A greenlet that waits is no loss: as many as there are connections.
        self._readers = SlowReaders(self.max_waiting_writers or self.worker_connections)
        self._connections: set[PatientConnection] = set()
        self._stopping: Any = None  # made when gevent has taken over
        self._quick = False

    def patch(self) -> None:
        """gevent in the place of what blocks; the master has imported most of it already."""
        with warnings.catch_warnings():
            # It names what has captured something: that is replaced here.
            warnings.simplefilter("ignore", MonkeyPatchWarning)
            super().patch()
        replace_captured()

    def run(self) -> None:
        """Serve until told to stop, then finish what is in progress."""
        self._stopping = Event()
        self._tls = tls_context(self.cfg) if self.cfg.is_ssl else None
        servers = [self._server(listener) for listener in self.sockets]
        for server in servers:
            server.start()
        while self.alive:
            self.notify()
            self._stopping.wait(_TICK_SECONDS)
        for server in servers:
            server.close()
        if not self._quick:
            self._drain(servers)

    def _server(self, listener: Any) -> StreamServer:
        listener.setblocking(1)
        prepare(listener, self.write_timeout)
        # gunicorn's own loop wants TLS to be there already; ours gives it a deadline.
        own = not needs_gunicorn(self._plain_cfg)
        tls = {"ssl_context": self._tls} if self._tls is not None and not own else {}
        name = listener.getsockname()
        serve = partial(self._serve, name) if own else partial(self.handle, listener)
        server = StreamServer(listener, serve, spawn=Pool(self.worker_connections), **tls)
        if self.cfg.workers > 1:
            server.max_accept = 1  # the next connection is another worker's
        return server

    def handle_exit(self, sig: int, frame: Any) -> None:
        """SIGTERM: begin to stop at once, not at the next tick."""
        super().handle_exit(sig, frame)
        if self._stopping is not None:
            self._stopping.set()

    def handle_quit(self, sig: int, frame: Any) -> None:
        """SIGQUIT: leave what is in progress. gunicorn's would interrupt the leaving itself."""
        self._quick = True
        gevent.spawn(self.cfg.worker_int, self)
        self.handle_exit(sig, frame)

    def _drain(self, servers: list[StreamServer]) -> None:
        began = time.monotonic()
        while any(len(server.pool) for server in servers):
            spent = time.monotonic() - began
            if spent > self.cfg.graceful_timeout:
                break
            if spent > self.drain_linger:
                for connection in [each for each in self._connections if each.idle]:
                    connection.hang_up()
            self.notify()
            gevent.sleep(_TICK_SECONDS)
        for server in servers:
            server.stop(timeout=1)

    def _serve(self, name: Any, client: Any, addr: Any) -> None:
        """Answer all that one connection asks for."""
        try:
            if self._tls is not None:
                client = secured(client, self._tls, self)
        except OSError as error:
            self.log.debug("No TLS with %s: %s", addr, error)
            close_socket(client)
            return
        connection = PatientConnection(self, self._plain_cfg, client, addr, name, self._readers)
        self._connections.add(connection)
        try:
            while connection.serve(keep=True):
                pass
        finally:
            self._connections.discard(connection)
            close_socket(client)
            if not self.alive:  # it was one request too many (max_requests)
                self._stopping.set()

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> bool:
        """One request that gunicorn's parser has read; ``StopIteration`` tells it of a close."""
        call = ApplicationCall(self, self.cfg, req, DirectSink(sock, self, self._readers))
        # gunicorn reads a list of connection options more strictly than we do, and closes.
        keep = not req.should_close()
        ending = call.run(addr, listener_name, {"gunicorn.socket": sock}, keep=keep)
        if ending is Ending.RESET:
            reset_on_close(sock)
        if ending is not Ending.KEEP:
            raise StopIteration
        return True
