"""Everything of tracing that a gateway is put together from.

Imported only where tracing is on: the SDK is an extra, and takes its time and
memory. Each part stands in for the plain one, so that nothing else of the
gateway knows about spans.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from requests.adapters import BaseAdapter

from gateway.middleware.tracing import Tracing
from gateway.settings.tracing import Tracing as Settings
from gateway.tracing.live import TracedSession
from gateway.tracing.provider import Provider
from gateway.tracing.shadow import TracedShadow

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication
    from opentelemetry.sdk.trace import SpanProcessor

# A worker that ends gives a slow collector no more than this.
_CLOSE_SECONDS = 1.0


class Telemetry:
    """Makes the traced parts. Make it after fork; ``close`` it at exit.

    ``processor``: what ended spans are given to, instead of the one that sends them.
    """

    def __init__(self, config: Settings, processor: SpanProcessor | None = None) -> None:
        self._config = config
        self._provider = Provider(config, processor)
        self._tracer = self._provider.tracer

    def middleware(self, app: WSGIApplication) -> Tracing:
        """The server's spans."""
        return Tracing(app, self._tracer)

    def live_session(self, adapter: BaseAdapter) -> TracedSession:
        """Live's spans."""
        return TracedSession(adapter, self._tracer)

    def shadow(self, *args: Any, **kwargs: Any) -> TracedShadow:
        """A shadow's spans. Takes what ``ShadowUpstream`` takes."""
        return TracedShadow(self._tracer, *args, **kwargs)

    def close(self, timeout: float = _CLOSE_SECONDS) -> bool:
        """Send what waits, for a bounded time. False when that was not enough."""
        return self._provider.close(timeout)

    def __repr__(self) -> str:
        return f"<Telemetry of {self._config.service!r} to {self._config.endpoint}>"
