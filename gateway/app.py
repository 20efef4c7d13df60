"""Puts a gateway together from its settings, and starts and closes it.

The only reader of settings: every part below is given plain values. It
assembles the chain, whose order and the reasons for it stand in ``gateway.middleware``.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, cast

from gateway.admission.limit import THREADS, limit_for
from gateway.admission.priority import priority_table
from gateway.control import Control
from gateway.embedded.exits import close_at_exit
from gateway.forwarded import Tell
from gateway.hooks import Hooks
from gateway.housekeeping import Housekeeper
from gateway.introduction import Introduction
from gateway.live import LiveProxy, LiveUpstream
from gateway.metrics import Guarded, Metrics
from gateway.middleware.accounting import Accounting
from gateway.middleware.admission import Admission
from gateway.middleware.boundary import Boundary
from gateway.mirror import Mirror, RefusedMirror
from gateway.prefix import StripPrefix
from gateway.process import process_figures
from gateway.routes import RouteTable
from gateway.settings import Settings
from gateway.settings.authentication import RouteAuthentication
from gateway.settings.made import ShadowLike, settings_for
from gateway.settings.model import Live
from gateway.transport import UpstreamSession, adapter_for
from gateway.unserved import Unserved

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from gateway.accesslog.writer import LogWriter
    from gateway.compare.verdict import Judged
    from gateway.middleware.authentication import Authentication
    from gateway.ratelimit.store import Store
    from gateway.recording import RecordingSide
    from gateway.shadow.copy import Copy
    from gateway.shadow.side import ShadowSide
    from gateway.telemetry import Telemetry
    from gateway.traffic.switch import RecordSwitch

# Where nobody can wait for a place, only threads that are this late are a reason to refuse.
_LATE_SECONDS = 0.05

_log = logging.getLogger(__name__)


class Gateway:
    """A gateway as a WSGI application: what ``gateway run`` serves, or to mount under a prefix.

    ::

        Gateway(live="http://billing:8000", shadows=["http://billing-next:8000"])

    It starts with its first request, in the process that has it, and closes by itself
    when that process ends in an orderly way.

    Threads: any thread may call it. The lock makes the first request, or
    ``start``, start the housekeeper exactly once.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        live: str | Live | None = None,
        shadows: Sequence[ShadowLike] = (),
        config: Path | str | None = None,
        strip_prefix: bool = False,
        metrics: Metrics | None = None,
        control: Control | None = None,
        telemetry: Telemetry | None = None,
        shared: Path | None = None,
        record_switch: RecordSwitch | None = None,
        should_mirror: Callable[[Copy], bool] | None = None,
        rewrite: Callable[[Copy], Copy] | None = None,
        on_verdict: Callable[[Judged], None] | None = None,
    ) -> None:
        """One of ``settings``, ``config`` and ``live`` is needed.

        Args:
            settings: All settings of the gateway.
            live: The upstream that answers, in place of that of ``settings`` or ``config``.
            shadows: URLs of shadows, or ``Shadow`` values, likewise.
            config: A settings file in place of ``settings``.
            strip_prefix: Forward without the prefix that it is mounted under
                (``SCRIPT_NAME``), and tell it in ``X-Forwarded-Prefix``. By default the
                whole target is forwarded.
            metrics: What counts, such as ``gateway.prometheus.PrometheusMetrics()``.
            control: Switches that change a shadow's share while it runs.
            telemetry: Tracing, in place of what the settings say.
            shared: A folder for what the gateway's processes have in memory together.
            record_switch: What is to be recorded beside what the settings say.
            should_mirror: Asked about each request that would be mirrored. Runs on a
                thread of its own, as the other two.
            rewrite: Makes of each such request the one that shadows get.
            on_verdict: Told how each comparison came out.

        Raises:
            SettingsError: With every problem of the settings.
        """
        self.settings = settings_for(settings=settings, live=live, shadows=shadows, config=config)
        self.metrics = Guarded(metrics or Metrics())
        self.control = control or Control()
        self._given_telemetry = telemetry
        self._shared = shared
        self._record_switch = record_switch
        self._strip_prefix = strip_prefix
        self._hooks = Hooks(should_mirror, rewrite, on_verdict)
        self._lock = Lock()
        self._assemble()

    def _assemble(self) -> None:
        """Make everything that one process has of its own. Starts and opens nothing."""
        settings = self.settings
        self.housekeeper = Housekeeper()
        self._live_adapter = adapter_for(settings.transport, pool_size=settings.live.pool_size)
        self._telemetry = self._given_telemetry or _telemetry_for(settings)
        make_session = self._telemetry.live_session if self._telemetry else UpstreamSession
        self._live_session = make_session(self._live_adapter)
        self._tell = Tell(settings.request.forwarded, settings.request.forwarded_mode)
        # A module as large as all the rest, for whoever makes a gateway, not for an import.
        self.shadow_side: ShadowSide = import_module("gateway.shadow.side").ShadowSide(
            settings,
            control=self.control,
            metrics=self.metrics,
            make=self._telemetry.shadow if self._telemetry else None,
            hooks=self._hooks,
            shared=self._shared,
            has_live=True,
        )
        self.fanout = self.shadow_side.fanout
        self.ledger = self.shadow_side.ledger
        self.pool = self.shadow_side.pool
        self.access_log: LogWriter | None = None
        if settings.access_log.to != "off":
            self.access_log = _middleware("access_log", "writer_for")(settings.access_log)
        self._told_lost = 0
        self._authentication: Authentication | None = None
        # Where rates are counted, if somebody is limited.
        self.limits: Store | None = None
        chain = self._make_chain()
        self.chain = StripPrefix(chain) if self._strip_prefix else chain
        # For the server: tell it what was refused before the chain could be called.
        self.note_refusal = Unserved(self._booked, self.metrics.shed)
        # The process in which it was started; 0 for none.
        self._process = 0
        self._closed = False

    def _make_chain(self) -> WSGIApplication:
        """From the inside out."""
        request = self.settings.request
        app: WSGIApplication = LiveProxy(
            self._live_routes(),
            self._live_session,
            max_body=request.max_body,
            tell=self._tell,
            id_field=request.forward_id,
        )
        app = self._recorded(Mirror(app, self.fanout, request.max_body))
        app = self._validated(app)
        app = self._limited(app)
        app = self._authenticated(app)
        app = self._by_route(app, "compression", "Compression")
        app = self._by_route(app, "cors", "Cors")
        app = self._by_route(app, "security_headers", "SecurityHeaders")
        app = self._by_route(app, "addresses", "Addresses")
        app = Boundary(app)
        app = self._admitted(app)
        if self._telemetry is not None:
            app = self._telemetry.middleware(app)
        return self._booked(app)

    def _recorded(self, app: WSGIApplication) -> WSGIApplication:
        self._recording: RecordingSide | None = None
        if not (self._record_switch or self.settings.record.percent):
            return app
        make = import_module("gateway.recording").RecordingSide
        hold = lambda: self.fanout.overloaded()  # noqa: E731 - set later
        self._recording = recording = make(self.settings, self._record_switch, self.metrics, hold)
        self.housekeeper.add(recording.tick)
        return cast("WSGIApplication", recording.around(app))

    def _booked(self, app: WSGIApplication) -> WSGIApplication:
        """The two that have every request, also what the server refuses by itself."""
        if self.access_log is not None:
            key_field = self.settings.authentication.key_field
            config, writer = self.settings.access_log, self.access_log
            routes = self.settings.routes
            logged = RouteTable([(r.path, r.methods, r.access_log) for r in routes], default=True)
            app = _middleware("access_log", "AccessLog")(
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
            note=self.shadow_side.note_request,
        )

    def _admitted(self, app: WSGIApplication) -> WSGIApplication:
        rules, threads = self.settings.admission, self.settings.server.threads or THREADS
        if rules.mode == "off":
            return app
        limit = limit_for(rules.mode, rules.limit, threads, late=_LATE_SECONDS)
        admission = Admission(
            app, limit, priorities=priority_table(self.settings.routes), shed=self.metrics.shed
        )
        self.housekeeper.add(lambda: admission.observe(self.housekeeper.late))
        return admission

    def _by_route(self, app: WSGIApplication, name: str, middleware: str) -> WSGIApplication:
        """``app`` with a middleware around it, if a table of this name switches it on."""
        general = getattr(self.settings, name)
        routes = [(r.path, r.methods, getattr(r, name)) for r in self.settings.routes]
        own = [route for route in routes if route[2] is not None]
        configs = [general, *(config for _, _, config in own)]
        if not any(config is not None and getattr(config, "enabled", True) for config in configs):
            return app
        wrapped: WSGIApplication = _middleware(name, middleware)(app, RouteTable(own, general))
        return wrapped

    def _validated(self, app: WSGIApplication) -> WSGIApplication:
        settings = self.settings
        own = [(r.path, r.methods, r.validation) for r in settings.routes if r.validation]
        every = [settings.validation, *(validation for _, _, validation in own)]
        if all(validation is None or validation.mode == "off" for validation in every):
            return app
        rules = RouteTable(own, settings.validation)
        validation: WSGIApplication = _middleware("validation", "Validation")(
            app, rules, max_body=settings.request.max_body, metrics=self.metrics
        )
        return validation

    def _authenticated(self, app: WSGIApplication) -> WSGIApplication:
        config = self.settings.authentication
        routes = self.settings.routes
        own = [(r.path, r.methods, r.authentication) for r in routes if r.authentication]
        if not config.schemes and not any(rule and rule.schemes for _, _, rule in own):
            return app
        rules = RouteTable[RouteAuthentication | None](own, None) if own else None
        make = _middleware("authentication", "Authentication")
        self._authentication = authentication = make(app, config, rules=rules, metrics=self.metrics)
        return cast("WSGIApplication", authentication)

    def _limited(self, app: WSGIApplication) -> WSGIApplication:
        config = self.settings.rate_limit
        if not config.limits and not any(route.limits for route in self.settings.routes):
            return app
        making = import_module("gateway.ratelimit.making")
        rules = making.make_rules(config, self.settings.routes)
        forgotten = self.metrics.rate_limit_forgotten
        self.limits = store = making.make_store(config, self._shared, forgotten)
        limited: WSGIApplication = _middleware("rate_limit", "RateLimit")(
            app,
            rules,
            store=store,
            pass_unknown=config.when_down == "open",
            announce=config.headers,
            on_store_error=self.metrics.rate_limit_store_error,
        )
        return limited

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
        if self._process != os.getpid():
            self._start_by_itself()
        return self.chain(environ, start_response)

    def _start_by_itself(self) -> None:
        """At the first request of a process, where no server of ours looks after it."""
        with self._lock:
            inherited = self._process not in (0, os.getpid())
            if inherited:
                self._assemble()  # threads and connections are the parent's
        self.start()
        close_at_exit(self.close)

    def start(self) -> None:
        """Start housekeeping. The first request does it where nobody else does."""
        with self._lock:
            if self._process:
                return
            self._process = os.getpid()
        if self.limits is not None:
            self.limits.start()
        self.shadow_side.start()
        for task in self.shadow_side.tasks:
            self.housekeeper.add(task)
        if self.access_log is not None:
            self.housekeeper.add(self._publish_lost)
        self.housekeeper.add(self._publish_process, every=4)
        self.housekeeper.add(self._live_adapter.expire)
        if self._authentication is not None:
            self.housekeeper.add(self._authentication.refresh)
        self.housekeeper.start()

    def _publish_lost(self) -> None:
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

    def give_up(self) -> None:
        """End the calls to live that are in progress, whose clients are told; for a server
        that has no more time.
        """
        self._live_adapter.abort()

    def close(self, drain_timeout: float | None = None) -> None:
        """Take no new copies, wait a bounded time for running calls, leave nothing behind."""
        closed, self._closed = self._closed, True
        if closed:
            return
        self.shadow_side.close(drain_timeout)
        self._live_adapter.abort()
        if self._telemetry is not None and not self._telemetry.close():
            _log.warning("Spans could not be sent in time: %r", self._telemetry)
        if self.access_log is not None:
            self.access_log.close()
        if self.limits is not None:
            self.limits.close()
        self.housekeeper.stop()
        if self._recording is not None:
            self._recording.close()
        # After the housekeeper, which would fetch keys once more.
        if self._authentication is not None:
            self._authentication.close()

    def __repr__(self) -> str:
        return f"<Gateway to {self.settings.live.url}, {self.fanout!r}, {self.pool!r}>"


def _middleware(module: str, name: str) -> Any:
    """One that not every gateway has, and that not every host must load the libraries of."""
    return getattr(import_module(f"gateway.middleware.{module}"), name)


def _telemetry_for(settings: Settings) -> Telemetry | None:
    """Tracing, where it is on; elsewhere it is not even imported: the SDK is a large extra."""
    if settings.tracing.endpoint is None:
        return None
    module = import_module("gateway.telemetry")
    telemetry: Telemetry = module.Telemetry(settings.tracing)
    return telemetry
