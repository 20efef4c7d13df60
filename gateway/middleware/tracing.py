"""The server's span of each request: from its arrival until its answer is closed.

Stands inside of the access log and outside of everything that can refuse or
wait. While the rest of the chain works its span is current, so that live's is
its child, and its context goes along with the copies, for links.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer, use_span

from gateway.clients import peer_of
from gateway.exchange import Exchange, LiveOutcome
from gateway.target import path_for_rules
from gateway.tracing.propagation import context_of

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# Others may be anything a client thinks of; OpenTelemetry's word for them is _OTHER.
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Tracing:
    """Middleware that makes a span of each request.

    Threads: any may call it; spans are handed to the tracer's provider, which keeps
    them without waiting.
    """

    def __init__(
        self,
        app: WSGIApplication,
        tracer: Tracer,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall_clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._app = app
        self._tracer = tracer
        self._clock = clock
        self._wall_clock_ns = wall_clock_ns

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        exchange = Exchange.of(environ)
        span = self._start(environ, exchange)
        exchange.trace = span.get_span_context()
        answer = _TracedAnswer(span, exchange)
        try:
            with use_span(span, record_exception=True):
                answer.parts = self._app(environ, partial(answer.started, start_response))
        except BaseException:
            answer.close()
            raise
        return answer

    def _start(self, environ: WSGIEnvironment, exchange: Exchange) -> Span:
        method = environ["REQUEST_METHOD"]
        method = method if method in _METHODS else "_OTHER"
        waited = max(0.0, self._clock() - exchange.received)
        return self._tracer.start_span(
            f"{method} {exchange.route}" if exchange.route else method,
            context_of(environ),
            kind=SpanKind.SERVER,
            attributes=_attributes(environ, exchange, method),
            start_time=self._wall_clock_ns() - int(waited * 1e9),
        )

    def __repr__(self) -> str:
        return f"<Tracing {self._tracer!r}>"


def _attributes(environ: WSGIEnvironment, exchange: Exchange, method: str) -> dict[str, str]:
    """By OpenTelemetry's conventions for HTTP servers. Not the query: it may hold secrets."""
    known = {
        "http.request.method": method,
        "url.path": path_for_rules(environ),
        "url.scheme": environ["wsgi.url_scheme"],
        "http.route": exchange.route,
        "client.address": exchange.client or peer_of(environ),
        "server.address": environ.get("HTTP_HOST"),
        "user_agent.original": environ.get("HTTP_USER_AGENT"),
        "gateway.request_id": exchange.id,
    }
    return {name: value for name, value in known.items() if value}


class _TracedAnswer:
    """An answer whose close ends the span."""

    __slots__ = ("_exchange", "_span", "parts", "status")

    def __init__(self, span: Span, exchange: Exchange) -> None:
        self._span: Span | None = span
        self._exchange = exchange
        self.parts: Iterable[bytes] = ()
        self.status = 0

    def started(
        self,
        start_response: StartResponse,
        status: str,
        headers: list[tuple[str, str]],
        exc_info: Any = None,
    ) -> Callable[[bytes], object]:
        """The application's ``start_response``."""
        self.status = int(status[:3])
        return start_response(status, headers, exc_info)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.parts)

    def close(self) -> None:
        """Close the answer; whatever that does, the span is ended, once."""
        span, self._span = self._span, None
        try:
            close = getattr(self.parts, "close", None)
            if close is not None:
                close()
        finally:
            if span is not None:
                self._end(span)

    def _end(self, span: Span) -> None:
        exchange = self._exchange
        status = self.status or exchange.status or 500
        span.set_attribute("http.response.status_code", status)
        if status >= 500 or exchange.live is LiveOutcome.FAILED:
            span.set_status(StatusCode.ERROR)
        if exchange.live is not None:
            span.set_attribute("gateway.live", exchange.live.value)
        if exchange.refused is not None:
            span.set_attribute("gateway.refused", ": ".join(exchange.refused))
        if exchange.copies:
            span.set_attribute("gateway.shadows", exchange.copies)
        span.end()
