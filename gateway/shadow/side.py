"""All of one process's shadow side, put together: what a gateway and an embedded mirror share.

It stands behind ``Fanout``, the mirror's only door. Whoever assembles a gateway
makes one, starts it, lets a housekeeper run its ``tasks``, and closes it. Of settings it
takes the parts it is given; it reads no files and starts no thread by itself.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.compare.wanted import compares
from gateway.control import Control
from gateway.forwarded import Tell
from gateway.hooks import NO_HOOKS, Hooks
from gateway.metrics import Metrics
from gateway.routes import RouteTable
from gateway.settings.model import Settings
from gateway.settings.store import OFF
from gateway.shadow.fanout import Fanout
from gateway.shadow.holdout import Holdout
from gateway.shadow.ledger import Ledger
from gateway.shadow.pool import ShadowPool
from gateway.shadow.upstream import ShadowUpstream
from gateway.shadow.vetting import Vetting
from gateway.transport import UpstreamSession, adapter_for

if TYPE_CHECKING:
    from gateway.compare.side import ComparisonSide
    from gateway.isolation.guard import Guard
    from gateway.store.side import StoreSide

# After the drain time-out calls are aborted; their threads need a moment to notice.
_ABORT_SECONDS = 1.0

_log = logging.getLogger(__name__)


class ShadowSide:
    """The pool, the connections, the shadows, their ledger, and the fan-out to them.

    ``make``: makes each shadow; takes what ``ShadowUpstream`` takes. ``hooks``: the host's.
    ``shared``: a folder for what the processes have together. ``has_live``: live is the
    upstream of the settings, which may be read twice.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        control: Control,
        metrics: Metrics,
        make: Callable[..., ShadowUpstream] | None = None,
        hooks: Hooks = NO_HOOKS,
        shared: Path | None = None,
        has_live: bool = False,
    ) -> None:
        bounds = settings.mirror
        self._control = control
        self._metrics = metrics
        self._drain_timeout = bounds.drain_timeout
        self.pool = ShadowPool(
            threads=bounds.threads,
            max_queue=bounds.max_queue,
            max_queue_bytes=bounds.max_queue_bytes,
        )
        self.comparison: ComparisonSide | None = None
        if compares(settings):
            # Not at the top: much of a host's time, where nothing is compared.
            self.comparison = import_module("gateway.compare.side").ComparisonSide(
                settings, hooks=hooks, metrics=metrics, hold=self._live_needs_all
            )
        # Not live's: what a shadow does to its connections cannot touch them.
        self._adapter = adapter_for(settings.transport, pool_size=bounds.threads, retry_stale=False)
        session = UpstreamSession(self._adapter)
        tell = Tell(settings.request.forwarded, settings.request.forwarded_mode)
        shared_parts = (session, control.switch, tell, metrics.shadow_answered)
        made_by = make or ShadowUpstream
        self.shadows = [made_by(shadow, *shared_parts) for shadow in settings.shadows]
        if settings.floor.enabled and has_live and self.comparison is not None:
            self.shadows.append(_floor(settings, *shared_parts))
        self.ledger = Ledger((shadow.name for shadow in self.shadows), metrics.shadow_outcome)
        self.guard = _guard(settings, control, metrics, shared)
        self.keeping = self._keeping(settings, shared)
        # Told of every request that was answered, where figures are kept.
        self.note_request = self.keeping.note_request if self.keeping is not None else None
        self._vetting = _vetting(settings, hooks)
        self.fanout = Fanout(
            self.shadows,
            self.pool,
            self.ledger,
            routes=RouteTable([(r.path, r.methods, r.mirror) for r in settings.routes], True),
            comparing=self.comparison.comparisons if self.comparison is not None else None,
            holdout=Holdout(settings.isolation.holdout) if self.guard is not None else None,
            vetting=self._vetting,
            watchers=[each.watch for each in (self.guard, self.keeping) if each is not None],
        )

    def _keeping(self, settings: Settings, shared: Path | None) -> StoreSide | None:
        url = _stored(settings)
        if url is None or self.comparison is None:
            return None
        make = import_module("gateway.store.side").StoreSide
        keeping: StoreSide = make(settings, url, self.ledger, self._metrics, shared)
        self.comparison.sinks.append(keeping.put)
        return keeping

    def _live_needs_all(self) -> bool:
        return self.fanout.overloaded()

    @property
    def tasks(self) -> tuple[Callable[[], None], ...]:
        """What a housekeeper is to do at every tick."""
        return (self._control.refresh, self._publish, self._adapter.expire)

    def _publish(self) -> None:
        self._metrics.pool(self.pool.snapshot())
        for shadow in self.shadows:
            self._metrics.shadow_state(shadow.name, shadow.percent, shadow.breaker.is_open)
        if self.comparison is not None:
            self.comparison.publish()
        if self.guard is not None:
            self.guard.tick()

    def start(self) -> None:
        """Start what has a thread from the beginning: by whoever closes it, not by a tick.

        Else a process that ends with its first requests would lose their figures.
        """
        if self.keeping is not None:
            self.keeping.start()

    def close(self, drain_timeout: float | None = None) -> None:
        """Take no new copies, wait a bounded time for running calls, leave nothing behind."""
        timeout = self._drain_timeout if drain_timeout is None else drain_timeout
        deadline = time.monotonic() + timeout
        if self._vetting is not None:
            self._vetting.close(timeout)
        if not self.pool.close(max(0.0, deadline - time.monotonic())):
            self._adapter.abort()
            if not self.pool.close(_ABORT_SECONDS):
                _log.warning("Shadow calls did not end in time: %r", self.pool)
        self._adapter.abort()
        if self.comparison is not None:
            self.comparison.close()
        if self.keeping is not None:
            self.keeping.close()
        if self.guard is not None:
            self.guard.close()

    def __repr__(self) -> str:
        return f"<ShadowSide {self.fanout!r}, {self.pool!r}>"


def load_parts(settings: Settings) -> None:
    """Import what only some settings need, before a request would wait for it."""
    if compares(settings):
        import_module("gateway.compare.side")
        if _stored(settings) is not None:
            import_module("gateway.store.side")
    if _has_guard(settings):
        import_module("gateway.isolation.guard")


def _stored(settings: Settings) -> str | None:
    """Where figures are kept."""
    url = settings.store.url
    return None if url == OFF else url


def _has_guard(settings: Settings) -> bool:
    config = settings.isolation
    return bool(config.action != "off" and config.holdout and settings.shadows)


def _floor(settings: Settings, *shared_parts: Any) -> ShadowUpstream:
    lives = [(r.path, r.methods, r.live or settings.live) for r in settings.routes]
    floor: ShadowUpstream = import_module("gateway.shadow.floor").FloorShadow(
        settings.floor,
        RouteTable(lives, settings.live),
        *shared_parts,
        workers=settings.server.workers,
        id_field=settings.request.forward_id,
    )
    return floor


def _guard(
    settings: Settings, control: Control, metrics: Metrics, shared: Path | None
) -> Guard | None:
    if not _has_guard(settings):
        return None
    names = [shadow.name for shadow in settings.shadows]
    make = import_module("gateway.isolation.guard").Guard
    guard: Guard = make(settings.isolation, names, control=control, metrics=metrics, shared=shared)
    return guard


def _vetting(settings: Settings, hooks: Hooks) -> Vetting | None:
    if hooks.should_mirror is None and hooks.rewrite is None:
        return None
    bounds = settings.mirror
    return Vetting(hooks, max_copies=bounds.max_queue or 1, max_bytes=bounds.max_queue_bytes)
