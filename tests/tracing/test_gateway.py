"""Spans of requests that go through a whole gateway, as the SDK's own exporter gets them."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from threading import Event
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode, get_current_span

from gateway import Gateway, Live, Settings, Shadow
from gateway.settings.model import Route
from gateway.settings.tracing import Tracing
from gateway.telemetry import Telemetry
from tests.support.upstream import Upstream, stalled, upstream
from tests.support.waiting import wait_for
from tests.test_app import call

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"


class Traced:
    """A gateway with two upstreams and what it made of spans."""

    def __init__(self, live: Upstream, shadow: Upstream, **tracing: Any) -> None:
        self.live, self.shadow = live, shadow
        self.exporter = InMemorySpanExporter()
        settings = Settings(
            live=Live(url=live.url),
            shadows=(Shadow(url=shadow.url, name="rewrite"),),
            routes=(Route(path="/invoices", name="billing"),),
        )
        telemetry = Telemetry(Tracing(**tracing), SimpleSpanProcessor(self.exporter))
        self.gateway = Gateway(settings, telemetry=telemetry)

    def spans(self, number: int = 3) -> dict[str, ReadableSpan]:
        """The spans by what they are of, once there are so many."""
        wait_for(lambda: len(self.exporter.get_finished_spans()) >= number, f"{number} spans")
        wait_for(lambda: self.gateway.pool.snapshot().active == 0, "the copies to end")
        found = self.exporter.get_finished_spans()
        assert len(found) == number
        return {_role(span): span for span in found}

    def copies_done(self, number: int = 1) -> None:
        wait_for(lambda: self.gateway.pool.snapshot().done == number, "the copies")


def _role(span: ReadableSpan) -> str:
    return "server" if span.kind is SpanKind.SERVER else span.name.split(" ")[1]


@pytest.fixture
def upstreams() -> Iterator[tuple[Upstream, Upstream]]:
    with upstream() as live, upstream() as shadow:
        yield live, shadow


@pytest.fixture
def traced(upstreams: tuple[Upstream, Upstream]) -> Iterator[Traced]:
    made = Traced(*upstreams)
    yield made
    made.gateway.close()


def context(span: ReadableSpan) -> tuple[str, str]:
    return f"{span.get_span_context().trace_id:032x}", f"{span.get_span_context().span_id:016x}"


def sent_to(running: Upstream) -> list[str]:
    (received,) = running.taken()
    return received.values("traceparent")


def sampled(running: Upstream) -> bool:
    """The flag that is sent on. The bit beside it says that the id is random."""
    return bool(int(sent_to(running)[0].rpartition("-")[2], 16) & 1)


def test_a_request_has_a_server_a_live_and_a_linked_shadow_span(traced: Traced) -> None:
    """Live's is the server's child; the shadow's is a trace of its own that knows the server's."""
    call(traced.gateway, b"12", RAW_URI="/invoices/7?token=s3", REQUEST_METHOD="POST")
    spans = traced.spans()
    server, live, shadow = spans["server"], spans["live"], spans["shadow"]
    assert server.parent is None
    assert live.parent is not None
    assert live.parent.span_id == server.get_span_context().span_id
    assert context(live)[0] == context(server)[0]
    assert shadow.parent is None
    assert context(shadow)[0] != context(server)[0]
    (link,) = shadow.links
    assert (link.context.trace_id, link.context.span_id) == (
        server.get_span_context().trace_id,
        server.get_span_context().span_id,
    )
    assert (server.kind, live.kind, shadow.kind) == (
        SpanKind.SERVER,
        SpanKind.CLIENT,
        SpanKind.CLIENT,
    )


def test_each_upstream_is_sent_the_context_of_its_own_span(traced: Traced) -> None:
    """And nothing of the client's: W3C Trace Context, one field."""
    call(
        traced.gateway,
        HTTP_TRACEPARENT=f"00-{TRACE}-{PARENT}-01",
        HTTP_TRACESTATE="vendor=1",
    )
    spans = traced.spans()
    for running, role in ((traced.live, "live"), (traced.shadow, "shadow")):
        trace, span = context(spans[role])
        assert [sent.rpartition("-")[0] for sent in sent_to(running)] == [f"00-{trace}-{span}"]
        assert sampled(running)
    assert traced.live.taken()[0].values("tracestate") == ["vendor=1"]
    assert traced.shadow.taken()[0].values("tracestate") == []
    assert context(spans["live"])[0] == TRACE
    parent = spans["server"].parent
    assert parent is not None
    assert (f"{parent.span_id:016x}", parent.is_remote) == (PARENT, True)


def test_spans_say_what_was_asked_and_what_became_of_it(traced: Traced) -> None:
    """By OpenTelemetry's names where it has some; never the query."""
    answer = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
    traced.live.script = lambda request: answer
    call(
        traced.gateway,
        RAW_URI="/invoices/7?token=s3",
        HTTP_HOST="shop.test",
        HTTP_USER_AGENT="curl",
        HTTP_X_REQUEST_ID="abc",
        REMOTE_ADDR="192.0.2.1",
    )
    spans = traced.spans()
    server = dict(spans["server"].attributes or {})
    assert spans["server"].name == "GET billing"
    assert server == {
        "http.request.method": "GET",
        "url.path": "/invoices/7",
        "url.scheme": "http",
        "http.route": "billing",
        "client.address": "192.0.2.1",
        "server.address": "shop.test",
        "user_agent.original": "curl",
        "gateway.request_id": "abc",
        "http.response.status_code": 404,
        "gateway.live": "refused",
        "gateway.shadows": ("rewrite",),
    }
    live = dict(spans["live"].attributes or {})
    assert live["http.response.status_code"] == 404
    assert live["url.full"] == f"{traced.live.url}/invoices/7"
    shadow = dict(spans["shadow"].attributes or {})
    assert shadow == {
        "gateway.shadow": "rewrite",
        "gateway.request_id": "abc",
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "gateway.outcome": "answered",
    }
    # A client's fault is not an error of the server's span, but one of its caller's.
    assert spans["server"].status.status_code is StatusCode.UNSET
    assert spans["live"].status.status_code is StatusCode.ERROR
    assert spans["shadow"].status.status_code is StatusCode.UNSET
    for span in spans.values():
        assert "s3" not in span.to_json()


def test_failures_are_errors_of_the_spans_they_happened_in(traced: Traced) -> None:
    """A shadow that fails leaves no mark on the request's own trace."""
    traced.shadow.script = lambda request: None
    assert call(traced.gateway)[0] == "200 OK"
    spans = traced.spans()
    assert spans["shadow"].status.status_code is StatusCode.ERROR
    assert dict(spans["shadow"].attributes or {})["gateway.outcome"] == "failed"
    assert spans["server"].status.status_code is StatusCode.UNSET
    traced.exporter.clear()
    traced.live.script = lambda request: b"nonsense\r\n\r\n"
    assert call(traced.gateway)[0].startswith("502")
    wait_for(lambda: len(traced.exporter.get_finished_spans()) == 3, "the spans")
    failed = {_role(span): span for span in traced.exporter.get_finished_spans()}
    assert failed["server"].status.status_code is StatusCode.ERROR
    assert dict(failed["live"].attributes or {})["error.type"] == "BadAnswer"


def test_the_clients_flag_decides_whether_there_are_spans(
    upstreams: tuple[Upstream, Upstream],
) -> None:
    """Whatever the share is: all of a request's, or none, its copy's with them."""
    for percent, flag, number in ((100.0, "00", 0), (0.0, "01", 3)):
        traced = Traced(*upstreams, percent=percent)
        call(traced.gateway, HTTP_TRACEPARENT=f"00-{TRACE}-{PARENT}-{flag}")
        traced.copies_done()
        traced.gateway.close()
        assert len(traced.exporter.get_finished_spans()) == number
        assert sampled(traced.live) == sampled(traced.shadow) == (flag == "01")
        for running in upstreams:
            running.forget()


def test_no_share_means_no_spans_and_the_same_answers(upstreams: tuple[Upstream, Upstream]) -> None:
    """Copies go with their request."""
    traced = Traced(*upstreams, percent=0.0)
    assert call(traced.gateway)[2] == b"ok"
    traced.copies_done()
    traced.gateway.close()
    assert traced.exporter.get_finished_spans() == ()


def test_an_ill_formed_context_begins_a_new_trace(traced: Traced) -> None:
    """W3C Trace Context section 3.2."""
    call(traced.gateway, HTTP_TRACEPARENT=f"00-{'0' * 32}-{PARENT}-01")
    assert traced.spans()["server"].parent is None


def test_a_refused_request_has_a_server_span(traced: Traced) -> None:
    """And no others: neither upstream was called."""
    call(traced.gateway, REQUEST_METHOD="TRACE")
    server = traced.spans(1)["server"]
    assert server.name == "_OTHER default"
    assert dict(server.attributes or {})["http.response.status_code"] == 405


def test_nothing_of_a_span_stays_behind(traced: Traced) -> None:
    """The next request on the thread is nobody's child."""
    call(traced.gateway)
    assert not get_current_span().get_span_context().is_valid
    call(traced.gateway)
    traced.copies_done(2)
    servers = [s for s in traced.exporter.get_finished_spans() if s.kind is SpanKind.SERVER]
    assert len({span.get_span_context().trace_id for span in servers}) == 2


OFF = """
import sys
from gateway import Gateway, Live, Settings
Gateway(Settings(live=Live(url="http://127.0.0.1:1"))).close()
print(sorted(name for name in sys.modules if name.startswith("opentelemetry")))
"""


def test_it_is_not_imported_when_it_is_off() -> None:
    """The core does without the SDK."""
    done = subprocess.run([sys.executable, "-c", OFF], capture_output=True, timeout=30, check=True)
    assert done.stdout == b"[]\n"


def test_spans_arrive_at_a_collector(upstreams: tuple[Upstream, Upstream]) -> None:
    """OTLP over HTTP, as the settings say; what waits is sent when the gateway closes."""
    live, _ = upstreams
    with upstream() as collector:
        endpoint = f"{collector.url}/v1/traces"
        settings = Settings(
            live=Live(url=live.url), tracing=Tracing(endpoint=endpoint, service="shop-edge")
        )
        gateway = Gateway(settings)
        call(gateway, RAW_URI="/a")
        gateway.close()
        (received,) = collector.taken()
    assert (received.method, received.target) == ("POST", b"/v1/traces")
    assert b"shop-edge" in received.body
    assert b"GET default" in received.body


def test_a_collector_that_stalls_holds_up_nobody(upstreams: tuple[Upstream, Upstream]) -> None:
    """Requests are answered, and closing takes its bounded time."""
    live, _ = upstreams
    done = Event()
    with upstream(lambda request: lambda connection: stalled(connection, done)) as collector:
        before = set(threading.enumerate())
        config = Tracing(endpoint=f"{collector.url}/v1/traces")
        gateway = Gateway(Settings(live=Live(url=live.url), tracing=config))
        assert call(gateway)[2] == b"ok"
        began = time.monotonic()
        gateway.close()
        assert time.monotonic() - began < 5.0
        done.set()
        wait_for(lambda: not (set(threading.enumerate()) - before), "the SDK's threads to end")
