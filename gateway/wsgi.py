"""``gateway.wsgi:application``: the gateway for any WSGI server.

Under the shipped gunicorn settings the master has checked the settings and
left them in the runtime folder; elsewhere they come from ``GATEWAY_CONFIG`` or
``GATEWAY_LIVE``, ``GATEWAY_SHADOW``, … directly. Import it after fork.
"""

from __future__ import annotations

import os

from gateway.app import Gateway
from gateway.control import Control
from gateway.runtime import Runtime
from gateway.settings import load

try:
    from gateway.prometheus import PrometheusMetrics
except ImportError:  # the core install has no prometheus-client: nothing is exported
    PrometheusMetrics = None  # type: ignore[assignment,misc]


def build() -> Gateway:
    """The gateway of this process."""
    runtime = Runtime.from_environment()
    if runtime is None:
        return Gateway(load(config=None, environ=os.environ, flags={}))
    metrics = PrometheusMetrics() if PrometheusMetrics is not None else None
    return Gateway(
        runtime.settings(),
        metrics=metrics,
        control=Control(runtime.control),
        shared=runtime.shared,
    )


application = build()
