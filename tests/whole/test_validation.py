"""Validation in a running gateway: what reaches live, what the client is told, what is counted."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import brotli
import pytest

from tests.support.client import Answer
from tests.support.gateway import GatewayProcess, gateway
from tests.support.upstream import Upstream

SCHEMA = {"required": ["id"], "properties": {"id": {"type": "integer"}}}
API = {
    "openapi": "3.1.0",
    "servers": [{"url": "/api"}],
    "paths": {
        "/items/{id}": {
            "parameters": [{"name": "id", "in": "path", "schema": {"type": "integer"}}],
            "get": {},
        }
    },
}
JSON = "Content-Type: application/json"


@pytest.fixture(scope="module")
def running(
    live_upstream: Upstream, shadow_upstream: Upstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GatewayProcess]:
    folder: Path = tmp_path_factory.mktemp("schemas")
    (folder / "invoice.json").write_text(json.dumps(SCHEMA))
    (folder / "api.json").write_text(json.dumps(API))
    config = f"""
        [live]
        url = "{live_upstream.url}"
        [[shadows]]
        url = "{shadow_upstream.url}"
        [[routes]]
        path = "/invoices"
        validation = {{ methods = ["GET", "POST"], schema = "{folder}/invoice.json" }}
        [[routes]]
        path = "/api"
        validation = {{ openapi = "{folder}/api.json" }}
        [[routes]]
        path = "/watched"
        name = "watched"
        validation = {{ mode = "report", json = true }}
    """
    with gateway("--workers", "1", config=config) as process:
        yield process


def ask(
    running: GatewayProcess, method: str, target: str, *fields: str, body: bytes | None = None
) -> Answer:
    with running.client() as client:
        return client.request(method, target, *fields, body=body)


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        (None, b'{"id":  7}'),
        ("gzip", gzip.compress(b'{"id": 7}')),
        ("br", brotli.compress(b'{"id": 7}')),
    ],
    ids=["plain", "gzip", "br"],
)
def test_what_fits_reaches_live_and_shadow_as_it_was_sent(
    running: GatewayProcess, live: Upstream, shadow: Upstream, coding: str | None, body: bytes
) -> None:
    """Byte for byte, compressed if it was."""
    fields = [JSON, *([f"Content-Encoding: {coding}"] if coding else [])]
    assert ask(running, "POST", "/invoices", *fields, body=body).status == 200
    running.quiet()
    for upstream in (live, shadow):
        (received,) = upstream.taken()
        assert received.body == body
        assert received.values("content-encoding") == ([coding] if coding else [])


def test_what_does_not_fit_reaches_nobody(
    running: GatewayProcess, live: Upstream, shadow: Upstream
) -> None:
    """The client is told why; the ledger has it as refused."""
    before = running.ledger().get("skipped refused", 0)
    wrong = ask(running, "POST", "/invoices", JSON, body=b'{"id": "x"}')
    assert wrong.status == 422
    assert wrong.values("content-type") == ["application/problem+json"]
    problem = json.loads(wrong.body)
    assert problem["errors"] == [
        {"pointer": "/id", "detail": 'The value is not of type "integer".'}
    ]
    method = ask(running, "PUT", "/invoices", JSON, body=b"{}")
    assert (method.status, method.values("allow")) == (405, ["GET, POST, HEAD"])
    kind = ask(running, "POST", "/invoices", "Content-Type: text/plain", body=b'{"id": 7}')
    assert kind.status == 415
    assert kind.values("accept") == ["application/json, application/*+json"]
    assert ask(running, "POST", "/invoices", JSON, body=b'{"id": 7').status == 400
    running.quiet()
    assert live.taken() == shadow.taken() == []
    assert running.ledger()["skipped refused"] - before == 4
    for reason in ("schema", "method", "content_type", "malformed"):
        labels = {"middleware": "validation", "reason": reason}
        assert running.metric("gateway_refusals_total", **labels) == 1


def test_a_bomb_goes_off_nowhere(running: GatewayProcess, live: Upstream) -> None:
    """A quarter of a gigabyte in a few bytes, once and twice over; the worker serves on."""
    stream = brotli.Compressor(quality=1)
    bomb = b"".join(stream.process(bytes(2**20)) for _ in range(256)) + stream.finish()
    workers = running.workers()
    for codings, body in (("br", bomb), ("br, gzip", gzip.compress(bomb))):
        fields = (JSON, f"Content-Encoding: {codings}")
        assert ask(running, "POST", "/invoices", *fields, body=body).status == 413
    assert running.workers() == workers
    assert live.taken() == []


def test_an_api_is_what_its_description_says(running: GatewayProcess, live: Upstream) -> None:
    """Paths, methods and parameters."""
    assert ask(running, "GET", "/api/items/7").status == 200
    assert ask(running, "GET", "/api/items/x").status == 422
    assert ask(running, "GET", "/api/items/7/..%2F..").status == 404
    assert ask(running, "DELETE", "/api/items/7").status == 405
    assert [received.target for received in live.taken()] == [b"/api/items/7"]


def test_report_lets_pass_and_counts(running: GatewayProcess, live: Upstream) -> None:
    """By route and reason; the log has a line."""
    assert ask(running, "POST", "/watched", JSON, body=b"{").status == 200
    assert ask(running, "POST", "/watched", JSON, body=b"{}").status == 200
    assert [received.body for received in live.taken()] == [b"{", b"{}"]
    running.quiet()
    reports = {"route": "watched", "reason": "malformed"}
    assert running.metric("gateway_validation_reports_total", **reports) == 1
    assert running.metric("gateway_validation_reports_total") == 1
    assert "would be refused with 400: The body is not JSON" in running.output


def test_a_broken_schema_stops_the_start(tmp_path: Path) -> None:
    """With file, line, key, value and what was expected."""
    (tmp_path / "a.json").write_text('{"type": "strin"}')
    config = f'[live]\nurl = "http://127.0.0.1:1"\n[validation]\nschema = "{tmp_path}/a.json"\n'
    with pytest.raises(AssertionError, match="ended with 2"), gateway(config=config):
        pass
