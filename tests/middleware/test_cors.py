"""Pages of other sites, around any application."""

from __future__ import annotations

import json
from typing import Any
from wsgiref.validate import validator

import flask
import pytest

from gateway.errors import LiveTimedOut
from gateway.exchange import Exchange, Refused
from gateway.middleware.cors import Cors
from gateway.routes import RouteTable
from gateway.settings.cors import Cors as Config
from tests.middleware.wsgi import Answer, Got, call, environ

APP = "https://app.example.com"
CONFIG = Config(
    origins=(APP, "https://*.shop.example", "http://localhost:3000"),
    methods=("GET", "PUT"),
    fields=("Content-Type", "X-Trace"),
    expose=("X-Total",),
    credentials=True,
    max_age=60.0,
)
ANY = Config(origins=("*",), fields=("*",))


@pytest.fixture
def api() -> flask.Flask:
    """An application with ideas of its own about CORS."""
    app = flask.Flask("api")

    @app.route("/items", methods=["GET", "PUT", "OPTIONS"])
    def items() -> flask.Response:
        answer = flask.jsonify([1])
        answer.headers["Access-Control-Allow-Origin"] = "https://elsewhere.example"
        answer.headers["access-control-allow-credentials"] = "true"
        answer.headers["Vary"] = "Accept"
        return answer

    return app


def around(app: Any, config: Config | None = CONFIG) -> Cors:
    return Cors(app, RouteTable((), config))


def allowed(got: Got) -> dict[str, str]:
    """What an answer says about CORS, by the ends of the names."""
    prefix = "access-control-"
    said = [(k.lower(), v) for k, v in got.fields if k.lower().startswith(prefix)]
    assert len(dict(said)) == len(said), "said twice"
    return {name.removeprefix(prefix): value for name, value in said}


@pytest.mark.parametrize(
    ("origin", "may"),
    [
        (APP, True),
        ("https://a.shop.example", True),
        ("https://a.b.shop.example", True),
        ("http://localhost:3000", True),
        ("https://app.example.com.evil.example", False),
        ("https://evil.example/app.example.com", False),
        ("https://appXexample.com", False),
        ("https://shop.example", False),
        ("https://evil.example#.shop.example", False),
        ("https://evil.example/.shop.example", False),
        ("https://u:p@x.shop.example", False),
        ("http://app.example.com", False),
        ("http://localhost:30000", False),
        (f"{APP}, https://other.example", False),
        ("HTTPS://APP.EXAMPLE.COM", False),
        ("null", False),
        ("", False),
        (None, False),
    ],
)
def test_an_answer_tells_the_pages_of_allowed_origins(
    api: flask.Flask, origin: str | None, may: bool
) -> None:
    """Nobody else, and it always says that it varies; upstream's own words are gone."""
    sent = {} if origin is None else {"HTTP_ORIGIN": origin}
    got = call(validator(around(api)), target="/items", **sent)
    assert got.status.startswith("200")
    assert json.loads(got.body) == [1]
    assert got.value("Vary") == "Accept, Origin"
    expected = {"allow-origin": origin, "allow-credentials": "true", "expose-headers": "X-Total"}
    assert allowed(got) == (expected if may else {})


def test_any_origin_is_told_the_same(api: flask.Flask) -> None:
    """So that caches need not tell them apart."""
    for sent in ({}, {"HTTP_ORIGIN": "https://anybody.example"}):
        got = call(around(api, ANY), target="/items", **sent)
        assert allowed(got) == {"allow-origin": "*"}
        assert got.value("Vary") == "Accept"


def preflight(app: Any, method: str, fields: str | None = None, origin: str = APP) -> Got:
    sent = {"HTTP_ORIGIN": origin, "HTTP_ACCESS_CONTROL_REQUEST_METHOD": method}
    if fields is not None:
        sent["HTTP_ACCESS_CONTROL_REQUEST_HEADERS"] = fields
    return call(app, "OPTIONS", "/items", **sent)


def unreachable(environ: Any, start_response: Any) -> Any:
    raise AssertionError("a preflight went on")


@pytest.mark.parametrize("fields", [None, "content-type", "X-TRACE, content-type", "x-trace"])
def test_a_preflight_is_answered_here(fields: str | None) -> None:
    """The application does not see it, and would not know whose it is."""
    got = preflight(validator(around(unreachable)), "PUT", fields)
    assert (got.status, got.body) == ("204 No Content", b"")
    assert allowed(got) == {
        "allow-origin": APP,
        "allow-credentials": "true",
        "expose-headers": "X-Total",
        "allow-methods": "GET, PUT",
        "max-age": "60",
        "allow-headers": "Content-Type, X-Trace",
    }
    assert got.value("Vary") == "Origin"
    assert got.value("Content-Length") is None


def test_any_field_is_spelled_out() -> None:
    """A star would not mean Authorization."""
    got = preflight(around(unreachable, ANY), "POST", "authorization,x-a")
    assert allowed(got)["allow-headers"] == "authorization,x-a"
    assert "allow-headers" not in allowed(preflight(around(unreachable, ANY), "GET"))


@pytest.mark.parametrize(
    ("method", "fields", "origin", "reason"),
    [
        ("PUT", None, "https://other.example", "origin"),
        ("DELETE", None, APP, "method"),
        ("put", None, APP, "method"),
        ("PUT", "authorization", APP, "fields"),
        ("PUT", "content-type, authorization", APP, "fields"),
        ("PUT", "content-type,,", APP, "fields"),
        ("PUT", "a b", APP, "fields"),
    ],
)
def test_a_preflight_for_what_is_not_allowed_is_refused(
    method: str, fields: str | None, origin: str, reason: str
) -> None:
    """With the one thing that is wrong, so that its author finds it."""
    sent = environ("OPTIONS", HTTP_ORIGIN=origin, HTTP_ACCESS_CONTROL_REQUEST_METHOD=method)
    if fields is not None:
        sent["HTTP_ACCESS_CONTROL_REQUEST_HEADERS"] = fields
    got = Got()
    got.parts += around(unreachable)(sent, got.start)
    assert got.status.startswith("403")
    assert Exchange.of(sent).refused == Refused("cors", reason)
    assert got.value("Vary") == "Origin"
    assert ("allow-origin" in allowed(got)) is (reason != "origin")
    assert "allow-methods" not in allowed(got)


def test_fields_that_could_break_out_of_the_answer_are_not_repeated() -> None:
    """Any field is allowed, and that is still none."""
    got = preflight(around(unreachable, ANY), "GET", "a\r\nSet-Cookie: b")
    assert got.status.startswith("403")


@pytest.mark.parametrize(
    "sent",
    [{}, {"HTTP_ORIGIN": APP}, {"HTTP_ACCESS_CONTROL_REQUEST_METHOD": "GET"}],
    ids=["plain", "no-method", "no-origin"],
)
def test_other_options_requests_go_on(api: flask.Flask, sent: dict[str, str]) -> None:
    """They are the application's."""
    assert json.loads(call(around(api), "OPTIONS", "/items", **sent).body) == [1]


@pytest.mark.parametrize("config", [None, Config(enabled=False)], ids=["none", "off"])
def test_a_route_can_leave_cors_to_its_upstream(api: flask.Flask, config: Config | None) -> None:
    """Then its words count, and it gets the preflights."""
    table: RouteTable[Config | None] = RouteTable([("/items", (), config)], CONFIG)
    got = call(Cors(api, table), target="/items", HTTP_ORIGIN=APP)
    assert allowed(got)["allow-origin"] == "https://elsewhere.example"
    assert preflight(Cors(api, table), "GET").body == got.body


def test_a_preflight_has_the_rule_of_the_request_it_asks_about() -> None:
    """It is an OPTIONS request only on its face."""
    table: RouteTable[Config | None] = RouteTable([("/items", ("PUT",), CONFIG)], None)
    assert preflight(Cors(unreachable, table), "PUT").status.startswith("204")


def test_a_refusal_that_is_raised_takes_the_fields_along() -> None:
    """A page must be able to read why."""

    def app(environ: Any, start_response: Any) -> Any:
        raise LiveTimedOut("Too slow.")

    with pytest.raises(LiveTimedOut) as caught:
        around(app)(environ(HTTP_ORIGIN=APP), Got().start)
    assert ("Access-Control-Allow-Origin", APP) in caught.value.headers


def test_any_origin_with_credentials_is_no_setting() -> None:
    """Every site could read what its visitors may."""
    with pytest.raises(ValueError, match="every origin has to be named"):
        around(unreachable, Config(origins=("*",), credentials=True))


def test_the_body_is_between_the_application_and_the_server() -> None:
    """Broken off or not read to its end, it is not touched here."""
    body = Answer([b"x", ValueError("broke off")])
    app = around(lambda environ, start_response: body)
    assert app(environ(), Got().start) is body


@pytest.mark.parametrize(
    "route", [None, Config(enabled=False), Config(origins=("https://other.example",))]
)
def test_a_page_reads_nothing_by_spelling_a_path_otherwise(
    api: flask.Flask, route: Config | None
) -> None:
    """Where an upstream may read it as that of a route which would not tell this page."""
    cors = Cors(api, RouteTable([("/items", (), route)], ANY))
    assert allowed(call(cors, target="/other", HTTP_ORIGIN=APP)) == {"allow-origin": "*"}
    assert allowed(call(cors, target="//items", HTTP_ORIGIN=APP)) == {}
    asked = {"HTTP_ORIGIN": APP, "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "GET"}
    assert call(cors, "OPTIONS", "//items", **asked).status.startswith("403")


def test_a_preflight_is_held_to_each_route_that_its_path_may_be_of() -> None:
    """By method and fields too."""
    cors = Cors(unreachable, RouteTable([("/items", (), CONFIG)], Config(origins=(APP,))))
    asked = {"HTTP_ORIGIN": APP, "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "POST"}
    assert call(cors, "OPTIONS", "/other", **asked).status.startswith("204")
    assert call(cors, "OPTIONS", "//items", **asked).status.startswith("403")
