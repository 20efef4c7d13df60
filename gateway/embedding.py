"""The mirror around an application that has a host of its own: one line in its wsgi.py.

It stands where the application stood: the server calls it, it calls the application,
which is the live side, and sends copies of its traffic to the shadows. Making it
imports what its settings need; nothing is started or opened until the first request,
and then in the process that has it: it may be made before a fork.

Not done here: answering, refusing or delaying anything. The gateway's other
middlewares (authentication, limits, …) wrap an application by themselves.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.embedded.host import warn_of_host
from gateway.embedded.settings import embedded_settings
from gateway.hooks import Hooks
from gateway.settings.made import ShadowLike
from gateway.settings.model import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from gateway.compare.verdict import Judged
    from gateway.control import Control
    from gateway.embedded.process import EmbeddedMirror
    from gateway.metrics import Metrics
    from gateway.shadow.copy import Copy

_log = logging.getLogger(__name__)


class MirrorMiddleware:
    """Mirrors what an application is asked; its answers stay its own.

    ::

        application = MirrorMiddleware(application, shadow="http://billing-next:8000")

    Threads: any thread of any process may call it. Each process that does has a pool,
    connections and a housekeeper of its own; ``dict.setdefault`` decides between threads
    that begin at once, so there is no lock that a fork could leave taken.
    """

    def __init__(
        self,
        application: WSGIApplication,
        shadow: ShadowLike | Sequence[ShadowLike] | None = None,
        *,
        percent: float | None = None,
        settings: Settings | None = None,
        config: Path | str | None = None,
        metrics: Metrics | None = None,
        control: Control | None = None,
        should_mirror: Callable[[Copy], bool] | None = None,
        rewrite: Callable[[Copy], Copy] | None = None,
        on_verdict: Callable[[Judged], None] | None = None,
    ) -> None:
        """Everything but ``application`` is optional.

        Args:
            application: The WSGI application to mirror.
            shadow: The URL of a shadow, a ``Shadow``, or several of them, in place of
                those of ``settings`` or ``config``. Without any the application is
                called directly.
            percent: The share of requests that is mirrored, for every shadow.
            settings: Settings as for a gateway. ``live`` is not used, ``server`` neither.
            config: A settings file in place of ``settings``. It needs no ``[live]``.
            metrics: What counts, such as ``gateway.prometheus.PrometheusMetrics()``.
            control: Switches that change a shadow's share while the host runs.
            should_mirror: Asked about each request that would be mirrored. Runs on a
                thread of its own, as the other two.
            rewrite: Makes of each such request the one that shadows get:
                ``lambda request: request._replace(target=…)``.
            on_verdict: Told how each comparison came out.

        Raises:
            SettingsError: With every problem of the settings.
        """
        self._application = application
        self.settings = embedded_settings(shadow, percent=percent, settings=settings, config=config)
        self._metrics = metrics
        self._control = control
        self._hooks = Hooks(should_mirror, rewrite, on_verdict)
        self._mirrors: dict[int, EmbeddedMirror | _Unmirrored] = {}
        self._mirror: EmbeddedMirror | _Unmirrored | None = None
        if self.settings.shadows:
            # Not at the top: without a shadow nothing of it is needed. And not by the
            # first request, which would wait for it.
            self._parts: Any = import_module("gateway.embedded.process")
            import_module("gateway.shadow.side").load_parts(self.settings)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        mirror = self._mirror
        if mirror is None or mirror.process != os.getpid():
            mirror = self._begin()
        return mirror(environ, start_response)

    def _begin(self) -> EmbeddedMirror | _Unmirrored:
        """The mirror of this process, by the first of its requests."""
        process, mirrors = os.getpid(), self._mirrors
        mirror = mirrors.setdefault(process, self._made())
        # Without those of a parent process: their connections are its own.
        self._mirrors = {process: mirror}
        try:
            mirror.start()
            warn_of_host()
        except Exception as error:  # noqa: BLE001 - the host's request must not notice
            _log.error("Requests are not mirrored in this process", exc_info=error)
            mirror = self._mirrors[process] = _Unmirrored(self._application)
        self._mirror = mirror
        return mirror

    def _made(self) -> EmbeddedMirror | _Unmirrored:
        if not self.settings.shadows:
            return _Unmirrored(self._application)
        try:
            mirror: EmbeddedMirror = self._parts.EmbeddedMirror(
                self._application,
                self.settings,
                metrics=self._metrics,
                control=self._control,
                hooks=self._hooks,
            )
        except Exception as error:  # noqa: BLE001 - the host's request must not notice
            _log.error("Requests are not mirrored in this process", exc_info=error)
            return _Unmirrored(self._application)
        return mirror

    def close(self) -> None:
        """Stop mirroring in this process; requests go on to the application as before.

        It happens by itself when a process ends in an orderly way. Waits for running
        copies, at most ``mirror.drain_timeout``.
        """
        mirror = self._mirror
        if mirror is not None and mirror.process == os.getpid():
            mirror.close()

    def __repr__(self) -> str:
        return f"<MirrorMiddleware {self._mirror or 'not started'}>"


class _Unmirrored:
    """A process without a mirror: the application alone."""

    def __init__(self, application: WSGIApplication) -> None:
        self.process = os.getpid()
        self._application = application

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return self._application(environ, start_response)

    def start(self) -> None:
        """Nothing is to be started."""

    def close(self) -> None:
        """Nothing is to be closed."""

    def __repr__(self) -> str:
        return "<_Unmirrored>"
