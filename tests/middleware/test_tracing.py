"""The server's span, around any application."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import flask
import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode, get_current_span
from werkzeug.test import Client, EnvironBuilder

from gateway.exchange import Exchange, LiveOutcome
from gateway.middleware.tracing import Tracing

App = Any


class Spans:
    """A provider and what ended in it."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracer = provider.get_tracer("test")

    def all(self) -> tuple[ReadableSpan, ...]:
        return self._exporter.get_finished_spans()

    def only(self) -> ReadableSpan:
        (span,) = self.all()
        return span


@pytest.fixture
def spans() -> Spans:
    return Spans()


def environ(**more: Any) -> dict[str, Any]:
    return {**EnvironBuilder("/a").get_environ(), "RAW_URI": "/a?x=1", **more}


def status_of(span: ReadableSpan) -> object:
    return dict(span.attributes or {})["http.response.status_code"]


def test_around_a_flask_application(spans: Spans) -> None:
    """With nothing else of the gateway; the application's own spans are children."""
    app = flask.Flask("shop")

    @app.get("/tea")
    def tea() -> str:
        with spans.tracer.start_as_current_span("brew"):
            return "tea"

    client = Client(Tracing(app.wsgi_app, spans.tracer))
    assert client.get("/tea", buffered=True).data == b"tea"
    inner, outer = spans.all()
    assert (inner.name, outer.name) == ("brew", "GET")
    assert inner.parent is not None
    assert inner.parent.span_id == outer.get_span_context().span_id
    assert status_of(outer) == 200


def test_a_span_begins_when_the_request_arrived(spans: Spans) -> None:
    """The time it waited for a thread is the server's."""

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])
        return [b""]

    tracing = Tracing(app, spans.tracer, clock=lambda: 12.5, wall_clock_ns=lambda: 10**18)
    tracing(environ(**{"gateway.received": 12.0}), lambda *a: None).close()  # type: ignore[attr-defined]
    assert spans.only().start_time == 10**18 - 500_000_000


class Answer:
    """Breaks off, and notes when it is closed."""

    def __init__(self) -> None:
        self.closed = 0

    def __iter__(self) -> Iterator[bytes]:
        yield b"part"
        raise ValueError("answer")

    def close(self) -> None:
        self.closed += 1
        raise ValueError("close")


def test_a_span_ends_when_the_answer_is_closed_once_whatever_happens(spans: Spans) -> None:
    """Also when iterating and closing raise; not before."""
    inner = Answer()

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])
        Exchange.of(environ).live = LiveOutcome.FAILED
        return inner

    answer = Tracing(app, spans.tracer)(environ(), lambda *a: None)
    with pytest.raises(ValueError, match="answer"):
        list(answer)
    assert spans.all() == ()
    for _ in range(2):
        with pytest.raises(ValueError, match="close"):
            answer.close()  # type: ignore[attr-defined]
    assert spans.only().status.status_code is StatusCode.ERROR


def test_a_client_that_leaves_early_ends_the_span(spans: Spans) -> None:
    """With the status it got."""
    parts = iter([b"a", b"b"])

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("206 Partial Content", [])
        return parts

    answer = Tracing(app, spans.tracer)(environ(), lambda *a: None)
    assert next(iter(answer)) == b"a"
    answer.close()  # type: ignore[attr-defined]
    assert status_of(spans.only()) == 206


def test_an_application_that_raises_ends_the_span(spans: Spans) -> None:
    """As an error, which goes on its way; nothing stays current."""

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        raise ValueError("app")

    with pytest.raises(ValueError, match="app"):
        Tracing(app, spans.tracer)(environ(), lambda *a: None)
    assert (status_of(spans.only()), spans.only().status.status_code) == (500, StatusCode.ERROR)
    assert not get_current_span().get_span_context().is_valid


def test_the_context_goes_along_with_the_request(spans: Spans) -> None:
    """For whoever makes copies of it."""
    seen: list[object] = []

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        seen.append(Exchange.of(environ).trace)
        start_response("200 OK", [])
        return [b""]

    Tracing(app, spans.tracer)(environ(), lambda *a: None).close()  # type: ignore[attr-defined]
    assert seen == [spans.only().get_span_context()]
