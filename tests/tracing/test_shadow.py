"""The span around one copy's call, step by step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode, get_current_span

from gateway.settings.model import Shadow
from gateway.shadow.call import ShadowCall
from gateway.shadow.copy import Copy
from gateway.shadow.outcome import Outcome
from gateway.shadow.switch import Switch
from gateway.tracing.shadow import TracedCall, TracedShadow
from gateway.transport import UpstreamSession


class Steps:
    """``Work`` that does as it is told, and notes the span it is done in."""

    def __init__(self, *acts: Outcome | Exception | None) -> None:
        self.acts = list(acts)
        self.spans: list[object] = []
        self.ends = 0.0

    def _step(self) -> Any:
        self.ends += 1.0
        self.spans.append(get_current_span())
        act = self.acts.pop(0)
        if isinstance(act, Exception):
            raise act
        return act

    begin = advance = finish = _step

    def fileno(self) -> int:
        return 7


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


Made = tuple[TracedCall, list[Copy]]
Make = Callable[[Steps], Made]


@pytest.fixture
def traced(exporter: InMemorySpanExporter) -> Make:
    """Makes a call around steps; with it comes what copy the steps were made for."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("test")
    request = tracer.start_span("request").get_span_context()
    copy = Copy("id", "GET", "/a", (("Traceparent", "theirs"), ("Host", "h")), b"", False)

    def make(steps: Steps) -> Made:
        made: list[Copy] = []

        def work(copy: Copy) -> Steps:
            made.append(copy)
            return steps

        return TracedCall(tracer, "rewrite", copy, request, work), made

    return make


def test_a_span_is_open_from_the_first_step_to_the_outcome(
    traced: Make, exporter: InMemorySpanExporter
) -> None:
    """Current during each step, on whichever thread that is, and between them nowhere."""
    steps = Steps(None, None, Outcome.ANSWERED)
    call, made = traced(steps)
    assert (call.fileno(), call.ends, made) == (-1, 0.0, [])
    somebody_elses = TracerProvider(shutdown_on_exit=False).get_tracer("other")
    with somebody_elses.start_as_current_span("around"):
        assert call.begin() is None
    assert (call.fileno(), call.ends) == (7, 1.0)
    assert call.advance() is None
    assert exporter.get_finished_spans() == ()
    assert call.finish() is Outcome.ANSWERED
    (span,) = exporter.get_finished_spans()
    assert span.parent is None
    contexts = {each.get_span_context().span_id for each in steps.spans}  # type: ignore[attr-defined]
    assert contexts == {span.get_span_context().span_id}
    assert not get_current_span().get_span_context().is_valid
    assert len(made) == 1
    assert [name for name, _ in made[0].fields] == ["Host", "traceparent"]


def test_a_call_that_was_never_begun_is_begun_to_be_finished(
    traced: Make, exporter: InMemorySpanExporter
) -> None:
    """As ``Work`` has it."""
    call, _ = traced(Steps(Outcome.FAILED_CONNECT))
    assert call.finish() is Outcome.FAILED_CONNECT
    (span,) = exporter.get_finished_spans()
    assert dict(span.attributes or {})["gateway.reason"] == "connect"
    assert span.status.status_code is StatusCode.ERROR


def test_an_error_of_our_own_ends_the_span_and_goes_on(
    traced: Make, exporter: InMemorySpanExporter
) -> None:
    """To the boundary of shadow work, which counts it."""
    call, _ = traced(Steps(None, ValueError("ours")))
    call.begin()
    with pytest.raises(ValueError, match="ours"):
        call.finish()
    (span,) = exporter.get_finished_spans()
    assert span.status.status_code is StatusCode.ERROR


def test_a_copy_that_is_never_sent_has_no_span(
    traced: Make, exporter: InMemorySpanExporter
) -> None:
    """Dropped while it waited."""
    traced(Steps())
    assert exporter.get_finished_spans() == ()


def test_a_copy_of_a_request_without_a_trace_is_called_plainly(
    exporter: InMemorySpanExporter,
) -> None:
    """From before tracing was on, or from somebody else's mirror."""
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("test")
    with UpstreamSession() as session:
        settings = Shadow(url="http://127.0.0.1:1", name="s")
        shadow = TracedShadow(tracer, settings, session, lambda name: Switch())
        work = shadow.call(Copy("id", "GET", "/a", (), b"", False))
    assert isinstance(work, ShadowCall)
