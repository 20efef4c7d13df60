"""The live call's span: from calling live to the head of its answer.

A session like any other, whose requests carry the span's context: live's own
spans become its children.
"""

from __future__ import annotations

import requests
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer
from requests.adapters import BaseAdapter

from gateway.target import path_of
from gateway.tracing.propagation import with_span
from gateway.transport import OutboundRequest, Timeouts, UpstreamSession
from gateway.transport.tls import Certificate, Verify


class TracedSession(UpstreamSession):
    """A session that makes a span of each ``forward``.

    Threads: any. The parent is whatever span is current on the calling thread.
    """

    def __init__(self, adapter: BaseAdapter, tracer: Tracer) -> None:
        super().__init__(adapter)
        self._tracer = tracer

    def forward(
        self,
        request: OutboundRequest,
        timeouts: Timeouts,
        verify: Verify = True,
        cert: Certificate = None,
    ) -> requests.Response:
        """As the base class, with the span's context in the request."""
        span = self._tracer.start_span(
            f"{request.method} live", kind=SpanKind.CLIENT, attributes=call_attributes(request)
        )
        try:
            answer = super().forward(_carrying(span, request), timeouts, verify, cert)
        except BaseException as error:
            # Not with its traceback: there may be thousands, and the log has some.
            span.set_attribute("error.type", type(error).__name__)
            span.set_status(StatusCode.ERROR)
            raise
        else:
            span.set_attribute("http.response.status_code", answer.status_code)
            if answer.status_code >= 400:
                span.set_status(StatusCode.ERROR)
            return answer
        finally:
            span.end()


def _carrying(span: Span, request: OutboundRequest) -> OutboundRequest:
    fields = with_span(request.fields, span)
    body = request.body or b""
    return OutboundRequest(request.method, request.origin, request.target, fields, body)


def call_attributes(request: OutboundRequest) -> dict[str, str | int]:
    """What OpenTelemetry's conventions want of a call; the query, which may hold secrets, not."""
    origin = request.origin
    return {
        "http.request.method": request.method,
        "server.address": origin.socket_path or origin.host,
        "server.port": origin.port,
        "url.full": origin.address + path_of(request.target),
    }
