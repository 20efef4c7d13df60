"""``gateway.wsgi:application``: the gateway for any WSGI server.

Under the shipped gunicorn settings the master has checked the settings and
left them in the runtime folder; elsewhere they come from ``GATEWAY_CONFIG`` or
``GATEWAY_LIVE``, ``GATEWAY_SHADOW``, … directly. Import it after fork.
"""

from __future__ import annotations

import logging
import os

from msgspec.structs import replace

from gateway.app import Gateway
from gateway.control import Control
from gateway.runtime import Runtime
from gateway.settings import Settings, load
from gateway.settings.store import store_url
from gateway.store.url import missing_packages
from gateway.traffic.switch import RecordSwitch

try:
    from gateway.prometheus import PrometheusMetrics
except ImportError:  # the core install has no prometheus-client: nothing is exported
    PrometheusMetrics = None  # type: ignore[assignment,misc]


_log = logging.getLogger(__name__)


def build() -> Gateway:
    """The gateway of this process."""
    runtime = Runtime.from_environment()
    if runtime is None:
        return Gateway(keeping(load(config=None, environ=os.environ, flags={})))
    metrics = PrometheusMetrics() if PrometheusMetrics is not None else None
    return Gateway(
        keeping(runtime.settings()),
        metrics=metrics,
        control=Control(runtime.control),
        shared=runtime.shared,
        record_switch=RecordSwitch(runtime.record, runtime.recordings),
    )


def keeping(settings: Settings) -> Settings:
    """With a place for comparison figures, also where the settings name none.

    A gateway that runs by itself has one; whoever embeds a gateway asks for it.
    """
    url = store_url(settings.store)
    if url is None or settings.store.url is not None or not settings.shadows:
        return settings
    missing = missing_packages(url)
    if missing is not None:
        _log.warning("Comparison figures are not kept; for dashboard and report: %s", missing)
        return settings
    return replace(settings, store=replace(settings.store, url=url))


application = build()
