"""Validation around any application: it refuses, reports or stays out of the way."""

from __future__ import annotations

import gzip
import io
import json
import logging
import time
import tracemalloc
from contextlib import closing
from pathlib import Path
from threading import Event, Thread
from typing import Any

import brotli
import flask
import pytest
from werkzeug.test import Client

from gateway.errors import SettingsError
from gateway.exchange import Exchange
from gateway.metrics import Metrics
from gateway.middleware.validation import Validation
from gateway.routes import RouteTable
from gateway.settings.validation import Validation as Config
from gateway.throttle import ThrottledLog
from tests.middleware.wsgi import Answer, Got, call, environ
from tests.support.turning import Turning

INVOICE = {"type": "object", "required": ["id"], "additionalProperties": False,
           "properties": {"id": {"type": "integer"}}}  # fmt: skip
GOOD, BAD = b'{"id": 7}', b'{"id": "secret"}'
MIB = 2**20


class Seen:
    """An application that tells what it got."""

    def __init__(self, *parts: bytes | Exception) -> None:
        self.bodies: list[bytes] = []
        self.answer = Answer(parts or [b"ok"])

    def __call__(self, environ: Any, start: Any) -> Any:
        self.bodies.append(environ["wsgi.input"].read())
        start("201 Made", [("X", "y")])
        return self.answer


class Counted(Metrics):
    def __init__(self) -> None:
        self.reports: list[tuple[str | None, str]] = []

    def validation_reported(self, route: str | None, reason: str) -> None:
        self.reports.append((route, reason))


@pytest.fixture
def schema(tmp_path: Path) -> str:
    file = tmp_path / "invoice.json"
    file.write_text(json.dumps(INVOICE))
    return str(file)


def around(app: Any, config: Config | None, *routes: Any, **more: Any) -> Validation:
    return Validation(app, RouteTable(routes, config), max_body=2 * MIB, **more)


def sent(body: bytes, content_type: str = "application/json", **more: Any) -> dict[str, Any]:
    """What a server tells about a POST with this body."""
    fields = {"CONTENT_TYPE": content_type, "CONTENT_LENGTH": str(len(body))}
    return {**fields, "wsgi.input": io.BytesIO(body), **more}


def post(app: Any, body: bytes, **more: Any) -> Got:
    return call(app, "POST", "/invoices", **sent(body, **more))


def test_around_a_flask_application(schema: str) -> None:
    """With nothing else of the gateway; what passes is as it was."""
    app = flask.Flask("billing")

    @app.post("/invoices")
    def make() -> Any:
        return {"got": flask.request.get_json()}, 201

    app.wsgi_app = around(app.wsgi_app, Config(schema=schema))  # type: ignore[method-assign]
    client = Client(app)
    made = client.post("/invoices", json={"id": 7})
    assert (made.status_code, made.json) == (201, {"got": {"id": 7}})
    refused = client.post("/invoices", json={"id": "x", "y": 1}, headers={"X-Request-Id": "rid"})
    assert refused.status_code == 422
    assert refused.content_type == "application/problem+json"
    assert refused.json == {
        "type": "about:blank",
        "title": "Unprocessable Content",
        "status": 422,
        "detail": "The body is not what this operation takes: see errors.",
        "request_id": "rid",
        "errors": [
            {"pointer": "/id", "detail": 'The value is not of type "integer".'},
            {
                "pointer": "",
                "detail": "Additional properties are not allowed ('y' was unexpected).",
            },
        ],
    }
    assert client.post("/invoices", data="{", content_type="application/json").status_code == 400
    assert client.get("/none").status_code == 404


@pytest.mark.parametrize(
    ("config", "method", "body", "status", "fields"),
    [
        (
            Config(methods=("GET", "PUT")),
            "POST",
            b"",
            "405 Method Not Allowed",
            {"Allow": "GET, PUT, HEAD"},
        ),
        (
            Config(content_types=("text/csv",)),
            "POST",
            b"x",
            "415 Unsupported Media Type",
            {"Accept": "text/csv"},
        ),
        (Config(required_headers=("X-A",)), "GET", b"", "400 Bad Request", {}),
        (Config(json=True), "POST", b"{", "400 Bad Request", {}),
        (Config(json=True, max_json=1), "POST", b"{}", "413 Content Too Large", {}),
    ],
    ids=["method", "content type", "header", "malformed", "too large"],
)
def test_a_refusal_is_an_answer_of_its_own(
    config: Config, method: str, body: bytes, status: str, fields: dict[str, str]
) -> None:
    """The application is not called; who refused, and why, is noted."""
    app, told = Seen(), sent(body)
    env = environ(method, "/invoices", **told)
    got = Got()
    got.parts += around(app, config)(env, got.start)
    assert got.status == status
    assert {name: got.value(name) for name in fields} == fields
    assert json.loads(got.body)["status"] == int(status[:3])
    assert app.bodies == []
    refused = Exchange.of(env).refused
    assert refused is not None
    assert refused.middleware == "validation"


@pytest.mark.parametrize("body", [GOOD, gzip.compress(GOOD), b""], ids=["plain", "gzip", "empty"])
def test_the_application_gets_the_bytes_as_received(body: bytes, schema: str) -> None:
    """Still encoded, if they were: looking inside changes nothing."""
    app = Seen()
    coding = {"HTTP_CONTENT_ENCODING": "gzip"} if body[:1] == b"\x1f" else {}
    got = call(around(app, Config(schema=schema)), "PUT" if body else "GET", **sent(body, **coding))
    assert (got.status, got.body) == ("201 Made", b"ok")
    assert app.bodies == [body]


def test_a_route_without_rules_is_not_read() -> None:
    """Off costs nothing: the body is still the server's."""
    for config in (None, Config(mode="off", json=True)):
        app = Seen()
        stream = io.BytesIO(b"{")
        env = environ("POST", "/", **sent(b"{", **{"wsgi.input": stream}))
        list(around(app, config)(env, Got().start))
        assert env["wsgi.input"] is stream
        assert app.bodies == [b"{"]


def test_the_most_specific_route_counts(schema: str) -> None:
    """Its rules take the place of the general ones."""
    app = around(
        Seen(),
        Config(methods=("GET",)),
        ("/invoices", (), Config(schema=schema)),
        ("/open", (), None),
    )
    assert call(app, "POST", "/other").status.startswith("405")
    assert call(app, "POST", "/open").status == "201 Made"
    assert post(app, BAD).status.startswith("422")
    assert post(app, GOOD).status == "201 Made"


def test_report_counts_and_logs_and_lets_pass(
    schema: str, caplog: pytest.LogCaptureFixture
) -> None:
    """One line, whatever the client sent, without the value that was wrong."""
    app, metrics = Seen(), Counted()
    log = ThrottledLog(logging.getLogger("validation"))
    wrapped = around(app, Config(mode="report", schema=schema), metrics=metrics, log=log)
    env = environ("POST", "/invoices?x=secret", **sent(b'{"id": "secret", "a\\nb": 1}'))
    Exchange.of(env).route = "invoices"
    got = Got()
    got.parts += wrapped(env, got.start)
    assert (got.status, got.body) == ("201 Made", b"ok")
    assert len(app.bodies) == 1
    assert metrics.reports == [("invoices", "schema")]
    assert Exchange.of(env).refused is None
    (line,) = caplog.messages
    assert "POST /invoices from 192.0.2.1" in line
    assert "would be refused with 422" in line
    assert '{"pointer": "/id", "detail": "The value is not of type \\"integer\\"."}' in line
    assert "secret" not in line
    assert "\n" not in line
    assert post(wrapped, GOOD).status == "201 Made"
    assert len(metrics.reports) == 1


def test_report_does_not_flood_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """Everything is counted; a few are told."""
    metrics = Counted()
    wrapped = around(Seen(), Config(mode="report", json=True), metrics=metrics)
    for _ in range(50):
        post(wrapped, b"{")
    assert len(metrics.reports) == 50
    assert len(caplog.messages) <= 5


@pytest.mark.parametrize("mode", ["enforce", "report"])
def test_a_body_that_cannot_be_read_is_refused_in_any_mode(mode: Any) -> None:
    """Too large, or shorter than it said: nobody below could take it either."""
    app = Seen()
    wrapped = around(app, Config(mode=mode, json=True))
    large = sent(b"", CONTENT_LENGTH=str(2 * MIB + 1))
    assert call(wrapped, "POST", **large).status.startswith("413")
    assert call(wrapped, "POST", **sent(b"{}", CONTENT_LENGTH="3")).status.startswith("400")
    assert app.bodies == []


@pytest.mark.parametrize(
    ("coding", "encode"),
    [("gzip", lambda data: gzip.compress(gzip.compress(data, 9), 9)), ("br", brotli.compress)],
    ids=["gzip", "br"],
)
def test_a_bomb_costs_neither_memory_nor_time(schema: str, coding: str, encode: Any) -> None:
    """413, and the application never hears of it."""
    app = Seen()
    body = encode(bytes(64 * MIB))
    codings = "gzip, gzip" if coding == "gzip" else coding
    wrapped = around(app, Config(schema=schema))
    tracemalloc.start()
    began = time.process_time()
    got = post(wrapped, body, HTTP_CONTENT_ENCODING=codings)
    took = time.process_time() - began
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert got.status == "413 Content Too Large"
    assert app.bodies == []
    assert peak < 8 * MIB
    assert took < 0.5


def test_the_answer_is_passed_through_and_closed_once(schema: str) -> None:
    """Nothing is kept back, also of one that breaks off in the middle."""
    app = Seen(b"a", ValueError("broken"))
    wrapped = around(app, Config(schema=schema))
    answer = wrapped(environ("POST", "/", **sent(GOOD)), Got().start)
    parts = iter(answer)
    assert next(parts) == b"a"
    with pytest.raises(ValueError, match="broken"):
        next(parts)
    answer.close()  # type: ignore[attr-defined]
    assert app.answer.closed == 1


def test_a_client_that_leaves_early_leaves_nothing_open(schema: str) -> None:
    """The application's answer is closed although it was not read."""
    app = Seen(b"a", b"b")
    answer = around(app, Config(schema=schema))(environ("POST", "/", **sent(GOOD)), Got().start)
    next(iter(answer))
    answer.close()  # type: ignore[attr-defined]
    assert app.answer.closed == 1


def test_small_bodies_do_not_wait_for_large_ones(schema: str) -> None:
    """One large document at a time is in memory; the others wait for it, small ones do not."""
    wrapped = around(Seen(), Config(schema=schema))
    large, done = b'{"id": ' + b" " * 100_000 + b"7}", Event()

    def post_large() -> None:
        post(wrapped, large)
        done.set()

    with wrapped._large:
        thread = Thread(target=post_large)
        thread.start()
        assert post(wrapped, GOOD).status == "201 Made"
        assert not done.is_set()
    assert done.wait(10)
    thread.join(10)


def test_a_large_body_does_not_hold_up_who_has_the_same_thread(schema: str) -> None:
    """Where many requests take turns on one, it is looked into on another; what comes of it
    is the same."""
    wrapped = around(Seen(), Config(schema=schema))
    large, small = [], []
    with closing(Turning()) as turning:
        with wrapped._large:
            for value in (b"7", b'"seven"'):
                body = b'{"id": ' + b" " * 100_000 + value + b"}"
                turning.start(lambda body=body: large.append(post(wrapped, body).status[:3]))
            turning.start(lambda: small.append(post(wrapped, GOOD).status[:3]))
            turning.turn()
            assert (large, small) == ([], ["201"])
        turning.turn_until(lambda: len(large) == 2)
    assert sorted(large) == ["201", "422"]


def test_the_lock_is_given_back_whatever_happens(schema: str) -> None:
    """After a large body that was refused, another one is looked into."""
    wrapped = around(Seen(), Config(schema=schema))
    for body in (b"[" + b"1," * 50_000 + b"1]", b"{" * 100_000, b'{"id": 1' + b" " * 99_999 + b"}"):
        status = post(wrapped, body).status
    assert status == "201 Made"


def test_many_routes_share_the_rules_they_share(schema: str) -> None:
    """A description of a large API is compiled once, not for each route."""
    config = Config(schema=schema)
    table = RouteTable([(f"/{i}", (), config) for i in range(3)], config)
    wrapped = Validation(Seen(), table, max_body=MIB)
    rules = {id(wrapped._rules.find("GET", f"/{i}")) for i in range(4)}
    assert len(rules) == 1


def test_a_schema_that_cannot_be_used_stops_the_start(tmp_path: Path) -> None:
    """Without the settings' own checks too."""
    with pytest.raises(SettingsError, match=r"validation: .*none\.json: .*cannot read this file"):
        around(Seen(), Config(schema=str(tmp_path / "none.json")))


@pytest.mark.parametrize("target", ["//invoices", "/x/../invoices", "/invoices;a=b"])
def test_a_route_is_checked_however_its_path_is_spelled(schema: str, target: str) -> None:
    """An upstream may read it so: what fits passes, and what does not is refused."""
    app = around(Seen(), None, ("/invoices", (), Config(schema=schema)))
    assert call(app, "POST", target, **sent(BAD)).status.startswith("422")
    assert call(app, "POST", target, **sent(GOOD)).status == "201 Made"
