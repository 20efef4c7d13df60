"""Makes spans and sends them: the SDK, set up for one worker.

Nothing global is set, so that an application that is traced itself keeps its
own provider. Spans wait in the SDK's bounded queue and are sent by its thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from threading import Thread
from typing import TYPE_CHECKING

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_OFF,
    ALWAYS_ON,
    ParentBased,
    Sampler,
    SamplingResult,
    TraceIdRatioBased,
)
from opentelemetry.trace import Link, SpanKind, TraceState

from gateway._version import __version__
from gateway.settings.tracing import Tracing

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.util.types import Attributes


class GatewaySampler(Sampler):
    """A client's flag decides, then the share; a copy goes by the request it is a copy of.

    So a sampled request has all its spans, those of its copies too, and no other has any.
    """

    def __init__(self, percent: float) -> None:
        self._share = percent
        self._own = ParentBased(TraceIdRatioBased(percent / 100))

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """The SDK's question before every span."""
        chosen: Sampler = self._own
        if links:
            chosen = ALWAYS_ON if links[0].context.trace_flags.sampled else ALWAYS_OFF
        return chosen.should_sample(
            parent_context, trace_id, name, kind, attributes, links, trace_state
        )

    def get_description(self) -> str:
        return f"GatewaySampler{{{self._share:g} %}}"


class Provider:
    """The tracer of one worker, and how it ends.

    ``processor``: what ended spans are given to, instead of the one that sends them.
    """

    def __init__(self, config: Tracing, processor: SpanProcessor | None = None) -> None:
        self._exporter: OTLPSpanExporter | None = None
        if processor is None:
            self._exporter = OTLPSpanExporter(endpoint=config.endpoint)
            processor = BatchSpanProcessor(self._exporter)
        named = {"service.name": config.service, "service.version": __version__}
        self._provider = TracerProvider(
            sampler=GatewaySampler(config.percent),
            resource=Resource.create(named),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(processor)
        self.tracer = self._provider.get_tracer("gateway", __version__)

    def close(self, timeout: float) -> bool:
        """Send what waits, for at most ``timeout`` seconds; the SDK alone would take 30.

        False when that was not enough; then no more is tried.
        """
        closing = Thread(target=self._provider.shutdown, name="gateway-tracing-close", daemon=True)
        closing.start()
        closing.join(timeout)
        if closing.is_alive() and self._exporter is not None:
            self._exporter.shutdown()  # type: ignore[no-untyped-call]
        return not closing.is_alive()
