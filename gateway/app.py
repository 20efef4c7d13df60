"""Puts a gateway together from its settings, and starts and closes it.

The only reader of settings: every part below is given plain values. The chain,
from outside in, with a reason for every position:

1. ``Accounting``  sees every request and every end, also of what is refused below.
2. ``Boundary``    turns every refusal and error below into an answer.
3. ``Mirror``      reads the body once, calls live, offers the copies.
4. ``LiveProxy``   forwards to the live upstream.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from threading import Lock
from typing import TYPE_CHECKING

from gateway.control import Control
from gateway.forwarded import Tell
from gateway.housekeeping import Housekeeper
from gateway.live import LiveProxy, LiveUpstream
from gateway.metrics import Guarded, Metrics
from gateway.middleware.accounting import Accounting
from gateway.middleware.boundary import Boundary
from gateway.mirror import Mirror
from gateway.routes import RouteTable
from gateway.settings import Settings, validated
from gateway.shadow.fanout import Fanout
from gateway.shadow.ledger import Ledger
from gateway.shadow.pool import ShadowPool
from gateway.shadow.upstream import ShadowUpstream
from gateway.transport import Http1Adapter, UpstreamSession

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# After the drain time-out calls are aborted; their threads need a moment to notice.
_ABORT_SECONDS = 1.0

_log = logging.getLogger(__name__)


class Gateway:
    """A gateway as a WSGI application. Make it after fork; ``close`` it at exit.

    Threads: any thread may call it. The lock makes the first request, or
    ``start``, start the housekeeper exactly once.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        metrics: Metrics | None = None,
        control: Control | None = None,
    ) -> None:
        self.settings = settings = validated(settings)
        self.metrics = Guarded(metrics or Metrics())
        self.control = control or Control()
        self.housekeeper = Housekeeper()
        self.ledger = Ledger((s.name for s in settings.shadows), self.metrics.shadow_outcome)
        self.pool = ShadowPool(
            threads=settings.mirror.threads,
            max_queue=settings.mirror.max_queue,
            max_queue_bytes=settings.mirror.max_queue_bytes,
        )
        # Two sessions: what a shadow does to its connections cannot touch live's.
        self._live_adapter = Http1Adapter(pool_size=settings.live.pool_size)
        self._shadow_adapter = Http1Adapter(pool_size=settings.mirror.threads, retry_stale=False)
        self._live_session = UpstreamSession(self._live_adapter)
        self._shadow_session = UpstreamSession(self._shadow_adapter)
        self._tell = Tell(settings.request.forwarded, settings.request.forwarded_mode)
        self.fanout = self._make_fanout()
        self.chain = self._make_chain()
        self._started = False
        self._lock = Lock()

    def _make_fanout(self) -> Fanout:
        shadows = [
            ShadowUpstream(
                shadow,
                self._shadow_session,
                self.control.switch,
                self._tell,
                self.metrics.shadow_answered,
            )
            for shadow in self.settings.shadows
        ]
        routes = self.settings.routes
        return Fanout(
            shadows,
            self.pool,
            self.ledger,
            routes=RouteTable([(r.path, r.methods, r.mirror) for r in routes], default=True),
        )

    def _make_chain(self) -> WSGIApplication:
        request = self.settings.request
        app: WSGIApplication = LiveProxy(
            self._live_routes(),
            self._live_session,
            max_body=request.max_body,
            tell=self._tell,
        )
        app = Mirror(app, self.fanout, request.max_body)
        app = Boundary(app)
        return Accounting(app, self.fanout, self.metrics)

    def _live_routes(self) -> RouteTable[LiveUpstream]:
        default = LiveUpstream(self.settings.live)
        return RouteTable(
            [
                (route.path, route.methods, LiveUpstream(route.live) if route.live else default)
                for route in self.settings.routes
            ],
            default,
        )

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if not self._started:
            self.start()
        return self.chain(environ, start_response)

    def start(self) -> None:
        """Start housekeeping. The first request does it where nobody else does."""
        with self._lock:
            if self._started:
                return
            self._started = True
        self.housekeeper.add(self.control.refresh)
        self.housekeeper.add(self._publish)
        self.housekeeper.add(self._live_adapter.expire)
        self.housekeeper.add(self._shadow_adapter.expire)
        self.housekeeper.start()

    def _publish(self) -> None:
        self.metrics.pool(self.pool.snapshot())
        for shadow in self.fanout.shadows:
            self.metrics.shadow_state(shadow.name, shadow.percent, shadow.breaker.is_open)

    def close(self, drain_timeout: float | None = None) -> None:
        """Take no new copies, wait a bounded time for running calls, leave nothing behind."""
        timeout = self.settings.mirror.drain_timeout if drain_timeout is None else drain_timeout
        if not self.pool.close(timeout):
            self._shadow_adapter.abort()
            if not self.pool.close(_ABORT_SECONDS):
                _log.warning("Shadow calls did not end in time: %r", self.pool)
        for adapter in (self._shadow_adapter, self._live_adapter):
            adapter.abort()
        self.housekeeper.stop()

    def __repr__(self) -> str:
        return f"<Gateway to {self.settings.live.url}, {self.fanout!r}, {self.pool!r}>"
