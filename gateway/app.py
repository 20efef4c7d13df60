"""Puts a gateway together from its settings, and starts and closes it.

The only reader of settings: every part below is given plain values. The chain,
from outside in, with a reason for every position:

1. ``Accounting``  sees every request and every end, also of what is refused below.
2. ``AccessLog``   has a line for each of them, if it is on, with what was found out below.
3. ``Tracing``     has a span for each of them, if it is on.
4. ``Boundary``    turns every refusal and error below into an answer.
5. ``Addresses``   whose address is not let in costs nothing more.
6. ``SecurityHeaders``  are on all answers from below, refusals included.
7. ``Cors``        answers preflights, which have no credentials; its fields let a page
   read why it was refused.
8. ``Compression`` encodes whatever answer comes, and needs to know nobody.
9. ``Authentication``  lets in who proves an identity, before anybody reads a body.
10. ``RateLimit``   keeps clients to their rates, before anything costs more than counting.
11. ``Validation``  what does not fit reaches neither live nor a shadow; off if not set.
12. ``Mirror``      reads the body once, calls live, offers the copies.
13. ``LiveProxy``   forwards to the live upstream.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from gateway.admission.limit import limit_for
from gateway.admission.priority import priority_table
from gateway.control import Control
from gateway.forwarded import Tell
from gateway.housekeeping import Housekeeper
from gateway.introduction import Introduction
from gateway.live import LiveProxy, LiveUpstream
from gateway.metrics import Guarded, Metrics
from gateway.middleware.access_log import AccessLog, writer_for
from gateway.middleware.accounting import Accounting
from gateway.middleware.addresses import Addresses
from gateway.middleware.admission import Admission
from gateway.middleware.authentication import Authentication
from gateway.middleware.boundary import Boundary
from gateway.middleware.compression import Compression
from gateway.middleware.cors import Cors
from gateway.middleware.rate_limit import RateLimit
from gateway.middleware.security_headers import SecurityHeaders
from gateway.middleware.validation import Validation
from gateway.mirror import Mirror, RefusedMirror
from gateway.process import process_figures
from gateway.ratelimit.making import make_rules, make_store
from gateway.ratelimit.store import Store
from gateway.routes import RouteTable
from gateway.settings import Settings, validated
from gateway.settings.authentication import RouteAuthentication
from gateway.shadow.fanout import Fanout
from gateway.shadow.ledger import Ledger
from gateway.shadow.pool import ShadowPool
from gateway.shadow.upstream import ShadowUpstream
from gateway.transport import UpstreamSession, adapter_for
from gateway.unserved import Unserved

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from gateway.telemetry import Telemetry

# After the drain time-out calls are aborted; their threads need a moment to notice.
_ABORT_SECONDS = 1.0

# Where nobody can wait for a place, only threads that are this late are a reason to refuse.
_LATE_SECONDS = 0.05

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
        telemetry: Telemetry | None = None,
        shared: Path | None = None,
    ) -> None:
        """``shared``: a folder for what the gateway's processes have in memory together."""
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
        self._live_adapter = adapter_for(settings.transport, pool_size=settings.live.pool_size)
        self._shadow_adapter = adapter_for(
            settings.transport, pool_size=settings.mirror.threads, retry_stale=False
        )
        self._telemetry = telemetry or _telemetry_for(settings)
        make_session = self._telemetry.live_session if self._telemetry else UpstreamSession
        self._live_session = make_session(self._live_adapter)
        self._shadow_session = UpstreamSession(self._shadow_adapter)
        self._tell = Tell(settings.request.forwarded, settings.request.forwarded_mode)
        self.fanout = self._make_fanout()
        on = settings.access_log.to != "off"
        self.access_log = writer_for(settings.access_log) if on else None
        self._told_lost = 0
        self._authentication: Authentication | None = None
        self._shared = shared
        # Where rates are counted, if somebody is limited.
        self.limits: Store | None = None
        self.chain = self._make_chain()
        # For the server: tell it what was refused before the chain could be called.
        self.note_refusal = Unserved(self._booked, self.metrics.shed)
        self._started = False
        self._lock = Lock()

    def _make_fanout(self) -> Fanout:
        make = self._telemetry.shadow if self._telemetry else ShadowUpstream
        shadows = [
            make(
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
            id_field=request.forward_id,
        )
        app = Mirror(app, self.fanout, request.max_body)
        app = self._validated(app)
        app = self._limited(app)
        app = self._authenticated(app)
        app = self._by_route(app, "compression", Compression)
        app = self._by_route(app, "cors", Cors)
        app = self._by_route(app, "security_headers", SecurityHeaders)
        app = self._by_route(app, "addresses", Addresses)
        app = Boundary(app)
        app = self._admitted(app)
        if self._telemetry is not None:
            app = self._telemetry.middleware(app)
        return self._booked(app)

    def _booked(self, app: WSGIApplication) -> WSGIApplication:
        """The two that have every request, also what the server refuses by itself."""
        if self.access_log is not None:
            key_field = self.settings.authentication.key_field
            config, writer = self.settings.access_log, self.access_log
            routes = self.settings.routes
            logged = RouteTable([(r.path, r.methods, r.access_log) for r in routes], default=True)
            app = AccessLog(
                app,
                config,
                writer=writer,
                secret_fields=[key_field],
                logged=None if all(r.access_log for r in routes) else logged,
            )
        refused = RefusedMirror(self.fanout, self.settings.request.max_body)
        return Accounting(
            app,
            self.fanout,
            self.metrics,
            introduce=self._introduction(),
            not_mirrored=refused if self.settings.mirror.refused_by_gateway else None,
        )

    def _admitted(self, app: WSGIApplication) -> WSGIApplication:
        rules, threads = self.settings.admission, self.settings.server.threads
        if rules.mode == "off":
            return app
        limit = limit_for(rules.mode, rules.limit, threads, late=_LATE_SECONDS)
        admission = Admission(
            app, limit, priorities=priority_table(self.settings.routes), shed=self.metrics.shed
        )
        self.housekeeper.add(lambda: admission.observe(self.housekeeper.late))
        return admission

    def _by_route(
        self, app: WSGIApplication, name: str, middleware: Callable[..., WSGIApplication]
    ) -> WSGIApplication:
        """``app`` with a middleware around it, if a table of this name switches it on."""
        general = getattr(self.settings, name)
        routes = [(r.path, r.methods, getattr(r, name)) for r in self.settings.routes]
        own = [route for route in routes if route[2] is not None]
        configs = [general, *(config for _, _, config in own)]
        if not any(config is not None and getattr(config, "enabled", True) for config in configs):
            return app
        return middleware(app, RouteTable(own, general))

    def _validated(self, app: WSGIApplication) -> WSGIApplication:
        settings = self.settings
        own = [(r.path, r.methods, r.validation) for r in settings.routes if r.validation]
        every = [settings.validation, *(validation for _, _, validation in own)]
        if all(validation is None or validation.mode == "off" for validation in every):
            return app
        rules = RouteTable(own, settings.validation)
        return Validation(app, rules, max_body=settings.request.max_body, metrics=self.metrics)

    def _authenticated(self, app: WSGIApplication) -> WSGIApplication:
        config = self.settings.authentication
        routes = self.settings.routes
        own = [(r.path, r.methods, r.authentication) for r in routes if r.authentication]
        if not config.schemes and not any(rule and rule.schemes for _, _, rule in own):
            return app
        rules = RouteTable[RouteAuthentication | None](own, None) if own else None
        self._authentication = Authentication(app, config, rules=rules, metrics=self.metrics)
        return self._authentication

    def _limited(self, app: WSGIApplication) -> WSGIApplication:
        config = self.settings.rate_limit
        rules = make_rules(config, self.settings.routes)
        if rules is None:
            return app
        forgotten = self.metrics.rate_limit_forgotten
        self.limits = store = make_store(config, self._shared, forgotten)
        return RateLimit(
            app,
            rules,
            store=store,
            pass_unknown=config.when_down == "open",
            announce=config.headers,
            on_store_error=self.metrics.rate_limit_store_error,
        )

    def _introduction(self) -> Introduction:
        request = self.settings.request
        return Introduction(
            [(route.path, route.methods, route.name) for route in self.settings.routes],
            id_from=request.id_from,
            trusted_proxies=request.trusted_proxies,
        )

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
        if self.limits is not None:
            self.limits.start()
        self.housekeeper.add(self.control.refresh)
        self.housekeeper.add(self._publish)
        self.housekeeper.add(self._publish_process, every=4)
        self.housekeeper.add(self._live_adapter.expire)
        self.housekeeper.add(self._shadow_adapter.expire)
        if self._authentication is not None:
            self.housekeeper.add(self._authentication.refresh)
        self.housekeeper.start()

    def _publish(self) -> None:
        self.metrics.pool(self.pool.snapshot())
        for shadow in self.fanout.shadows:
            self.metrics.shadow_state(shadow.name, shadow.percent, shadow.breaker.is_open)
        if self.access_log is not None:
            lost = self.access_log.lost - self._told_lost
            if lost:
                self.metrics.access_log_lost(lost)
                self._told_lost += lost

    def _publish_process(self) -> None:
        figures = process_figures()
        if figures is not None:
            self.metrics.process(figures)

    def reopen_logs(self) -> None:
        """After a rotation: write to the files that have the names now. For signal handlers."""
        if self.access_log is not None:
            self.access_log.reopen()

    def close(self, drain_timeout: float | None = None) -> None:
        """Take no new copies, wait a bounded time for running calls, leave nothing behind."""
        timeout = self.settings.mirror.drain_timeout if drain_timeout is None else drain_timeout
        if not self.pool.close(timeout):
            self._shadow_adapter.abort()
            if not self.pool.close(_ABORT_SECONDS):
                _log.warning("Shadow calls did not end in time: %r", self.pool)
        for adapter in (self._shadow_adapter, self._live_adapter):
            adapter.abort()
        if self._telemetry is not None and not self._telemetry.close():
            _log.warning("Spans could not be sent in time: %r", self._telemetry)
        if self.access_log is not None:
            self.access_log.close()
        if self.limits is not None:
            self.limits.close()
        self.housekeeper.stop()
        # After the housekeeper, which would fetch keys once more.
        if self._authentication is not None:
            self._authentication.close()

    def __repr__(self) -> str:
        return f"<Gateway to {self.settings.live.url}, {self.fanout!r}, {self.pool!r}>"


def _telemetry_for(settings: Settings) -> Telemetry | None:
    """Tracing, where it is on; elsewhere it is not even imported: the SDK is a large extra."""
    if settings.tracing.endpoint is None:
        return None
    module = import_module("gateway.telemetry")
    telemetry: Telemetry = module.Telemetry(settings.tracing)
    return telemetry
