"""Addresses, browsers' fields, CORS and compression in a running gateway, and what it counts."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator

import pytest

from tests.support.client import Answer, BrokenAnswer
from tests.support.gateway import GatewayProcess, gateway
from tests.support.upstream import Act, Received, Upstream, upstream

PAGE = "https://app.example.com"
TEXT = b'{"line": "much like the others"}\n' * 200
JSON = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nETag: "1"\r\n'


def api(request: Received) -> Act:
    """An API that answers as its path says."""
    if request.target == b"/stream":
        return [JSON + b"Transfer-Encoding: chunked\r\n\r\n", b"3\r\none\r\n", b"0\r\n\r\n"]
    if request.target == b"/broken":
        return lambda connection: connection.sendall(
            JSON + b"Content-Length: 6600\r\n\r\n" + TEXT[:3000]
        )
    if request.target == b"/reports/gone":
        return None
    head = JSON + b"Content-Length: %d\r\n\r\n" % len(TEXT)
    return head if request.method == "HEAD" else head + TEXT


@pytest.fixture(scope="module")
def live_upstream() -> Iterator[Upstream]:
    with upstream(api) as running:
        yield running


@pytest.fixture(scope="module")
def running(live_upstream: Upstream, shadow_upstream: Upstream) -> Iterator[GatewayProcess]:
    config = f"""
        [live]
        url = "{live_upstream.url}"
        [[shadows]]
        url = "{shadow_upstream.url}"
        [mirror]
        refused_by_gateway = true
        [[routes]]
        path = "/internal"
        addresses = {{ deny = ["127.0.0.0/8"] }}
        [[routes]]
        path = "/reports"
        name = "reports"
        [compression]
        [cors]
        origins = ["{PAGE}"]
        methods = ["PUT"]
        [security_headers]
        remove = ["X-Powered-By"]
    """
    with gateway("--workers", "1", config=config) as process:
        yield process


@pytest.fixture
def live(live_upstream: Upstream, running: GatewayProcess) -> Upstream:
    running.quiet()
    live_upstream.forget()
    return live_upstream


def test_answers_are_encoded_for_who_asks(running: GatewayProcess, live: Upstream) -> None:
    """On one connection with plain ones; live and its field are what they were."""
    with running.client() as client:
        for _ in range(2):
            encoded = client.request("GET", "/a", "Accept-Encoding: br;q=0, gzip")
            plain = client.request("GET", "/a")
            head = client.request("HEAD", "/a", "Accept-Encoding: gzip")
            assert gzip.decompress(encoded.body) == plain.body == TEXT
            assert len(encoded.body) < 400
            assert encoded.values("ETag") == head.values("ETag") == ['W/"1"']
            assert encoded.values("Content-Encoding") == head.values("Content-Encoding") == ["gzip"]
            assert plain.values("ETag") == ['"1"']
            for each in (encoded, plain, head):
                assert each.values("Vary") == ["Accept-Encoding, Origin"]
                assert each.values("X-Content-Type-Options") == ["nosniff"]
    assert [r.values("Accept-Encoding") for r in live.taken()][:2] == [["br;q=0, gzip"], []]


def test_a_stream_is_encoded_as_it_comes(running: GatewayProcess, live: Upstream) -> None:
    """In chunks, for there is no length."""
    with running.client() as client:
        got = client.request("GET", "/stream", "Accept-Encoding: gzip")
    assert got.values("Transfer-Encoding") == ["chunked"]
    assert gzip.decompress(got.body) == b"one"


def test_an_encoded_answer_that_breaks_off_does_not_look_whole(
    running: GatewayProcess, live: Upstream
) -> None:
    """Neither the connection nor the frame ends well."""
    with running.client() as client:
        client.send(b"GET /broken HTTP/1.1\r\nHost: g\r\nAccept-Encoding: gzip\r\n\r\n")
        answer = Answer(*client.head(), b"")
        assert (answer.status, answer.values("Content-Encoding")) == (200, ["gzip"])
        received = _until_it_breaks(client.parts(answer, "GET"))
    decode = zlib.decompressobj(31)
    assert TEXT.startswith(decode.decompress(received))
    assert not decode.eof


def _until_it_breaks(parts: Iterator[bytes]) -> bytes:
    received = b""
    try:
        for part in parts:
            received += part
    except (BrokenAnswer, OSError):
        return received
    raise AssertionError("a broken answer with a clean end")


def test_a_preflight_is_answered_by_the_gateway(
    running: GatewayProcess, live: Upstream, shadow: Upstream
) -> None:
    """Neither live nor a shadow sees it."""
    asks = (f"Origin: {PAGE}", "Access-Control-Request-Method: PUT")
    with running.client() as client:
        got = client.request("OPTIONS", "/a", *asks)
    assert (got.status, got.body) == (204, b"")
    assert got.values("Access-Control-Allow-Origin") == [PAGE]
    assert got.values("Access-Control-Allow-Methods") == ["PUT"]
    running.quiet()
    assert live.taken() == shadow.taken() == []


def test_a_page_can_read_why_live_did_not_answer(running: GatewayProcess, live: Upstream) -> None:
    """Refusals that are raised have the fields too, and are counted."""
    before = running.metric("gateway_refusals_total", middleware="boundary")
    with running.client() as client:
        got = client.request("GET", "/reports/gone", f"Origin: {PAGE}")
    assert got.status == 502
    assert got.values("Access-Control-Allow-Origin") == [PAGE]
    assert got.values("X-Frame-Options") == ["DENY"]
    assert got.values("Content-Type") == ["application/problem+json"]
    running.quiet()
    after = running.metric(
        "gateway_refusals_total", middleware="boundary", reason="live_unreachable"
    )
    assert after == before + 1


def test_who_is_not_let_in_is_refused_counted_and_mirrored(
    running: GatewayProcess, live: Upstream, shadow: Upstream
) -> None:
    """The setting says so: the shadow gets it with its body, and the ledger is whole."""
    with running.client() as client:
        got = client.request("POST", "/internal/x", body=b"abc")
        assert got.status == 403
        assert json.loads(got.body)["title"] == "Forbidden"
        assert client.request("POST", "/a", body=b"d").status == 200
    running.quiet()
    assert [r.target for r in live.taken()] == [b"/a"]
    assert sorted((r.target, r.body) for r in shadow.taken()) == [
        (b"/a", b"d"),
        (b"/internal/x", b"abc"),
    ]
    assert running.metric("gateway_refusals_total", middleware="addresses", reason="denied") == 1
    assert running.metric("gateway_shadow_live_total", live="not_asked") == 1


def test_figures_are_by_route_and_upstream(running: GatewayProcess, live: Upstream) -> None:
    """Routes, not paths: any number of paths makes no new series."""
    with running.client() as client:
        for number in range(20):
            assert client.request("GET", f"/reports/{number}").status == 200
    running.quiet()
    samples = running.metrics()
    requests = {labels for name, labels in samples if name == "gateway_requests_total"}
    assert {dict(labels)["route"] for labels in requests} <= {"default", "reports", "/internal"}
    counted = running.metric("gateway_requests_total", route="reports", method="GET", status="200")
    assert counted == 20
    duration = "gateway_request_duration_seconds_count"
    assert running.metric(duration, route="reports") >= 20
    by_upstream = running.metric("gateway_upstream_duration_seconds_count", upstream=live.url)
    assert by_upstream == running.metric("gateway_upstream_duration_seconds_count")


def test_every_worker_tells_what_it_takes(running: GatewayProcess) -> None:
    """By its slot."""
    assert running.metric("gateway_worker_resident_bytes", worker="0") > 10**7
    assert running.metric("gateway_worker_threads", worker="0") > 1
    assert running.metric("gateway_worker_open_fds", worker="0") > 5
    assert running.metric("gateway_worker_cpu_seconds_total", worker="0") > 0.01
    assert running.metric("gateway_workers", state="serving") == 1
