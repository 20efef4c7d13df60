"""Settings of OpenTelemetry tracing, which the extra ``gateway[otel]`` brings."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from gateway.settings.types import Model, Percent


class Tracing(Model, frozen=True):
    """Spans of each request, of its live call and of its copies. Off without an endpoint.

    What the OpenTelemetry SDK reads from variables beginning with `OTEL_` (headers
    and certificates of the exporter, resource attributes, batch sizes) it reads here too.
    """

    endpoint: Annotated[
        str | None,
        Meta(
            description="where spans go: OTLP over HTTP, such as http://collector:4318/v1/traces; "
            "needs `pip install 'gateway[otel]'`",
            extra={"format": "document-url", "expected": "an http:// or https:// URL"},
        ),
    ] = None
    service: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=200,
            description="the service's name in traces",
            extra={"expected": "a name"},
        ),
    ] = "gateway"
    percent: Annotated[
        Percent,
        Meta(description="share of the traces begun here; one begun by a client goes by its flag"),
    ] = 100.0
