"""Fields for browsers, on every answer, around any application."""

from __future__ import annotations

from typing import Any
from wsgiref.validate import validator

import flask
import pytest

from gateway.errors import LiveTimedOut
from gateway.middleware.security_headers import SecurityHeaders
from gateway.routes import RouteTable
from gateway.settings.security_headers import SecurityHeaders as Config
from tests.middleware.wsgi import Answer, Got, call, environ

DEFAULTS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "strict-origin-when-cross-origin",
}
HSTS = "max-age=31536000"


@pytest.fixture
def pages() -> flask.Flask:
    """An application that says one thing itself, and too much."""
    app = flask.Flask("pages")

    @app.get("/")
    def page() -> flask.Response:
        answer = flask.Response("page")
        answer.headers["X-Frame-Options"] = "SAMEORIGIN"
        answer.headers["X-Powered-By"] = "steam"
        answer.headers.add("Set-Cookie", "a=1")
        answer.headers.add("Set-Cookie", "b=2")
        return answer

    return app


def around(app: Any, **config: Any) -> SecurityHeaders:
    return SecurityHeaders(app, RouteTable((), Config(**config)))


def test_what_is_missing_is_added(pages: flask.Flask) -> None:
    """What the application says itself counts; the rest stays as it is, repeats too."""
    got = call(validator(around(pages)))
    assert dict(got.fields) | DEFAULTS | {"X-Frame-Options": "SAMEORIGIN"} == dict(got.fields)
    assert got.values("X-Frame-Options") == ["SAMEORIGIN"]
    assert got.values("Set-Cookie") == ["a=1", "b=2"]
    assert got.body == b"page"


def test_ours_can_count_instead(pages: flask.Flask) -> None:
    """Once, not beside the application's."""
    assert call(around(pages, replace=True)).values("X-Frame-Options") == ["DENY"]


def test_what_tells_too_much_is_removed(pages: flask.Flask) -> None:
    """In whatever case it is written."""
    got = call(around(pages, remove=("x-powered-by", "Server")))
    assert got.values("X-Powered-By") == []
    assert got.values("Set-Cookie") == ["a=1", "b=2"]


def test_an_empty_setting_sends_nothing(pages: flask.Flask) -> None:
    """Each by itself."""
    names = ("content_type_options", "frame_options", "referrer_policy")
    plain = call(pages).fields
    assert call(around(pages, **dict.fromkeys(names, ""))).fields == plain


def test_every_setting_is_a_field(pages: flask.Flask) -> None:
    """Under the name that browsers know."""
    names = (
        "strict_transport_security",
        "content_security_policy",
        "permissions_policy",
        "cross_origin_opener_policy",
        "cross_origin_resource_policy",
    )
    got = call(around(pages, **{name: f"v-{name}" for name in names}))
    for name in names:
        assert got.values(name.replace("_", "-")) == [f"v-{name}"]


@pytest.mark.parametrize(
    ("proto", "sent"), [(None, [HSTS]), ("https", [HSTS]), ("http", []), ("HTTP", [])]
)
def test_hsts_is_not_sent_where_a_proxy_says_that_the_connection_is_plain(
    pages: flask.Flask, proto: str | None, sent: list[str]
) -> None:
    """RFC 6797 section 7.2; behind a load balancer ours is always plain."""
    told = {} if proto is None else {"HTTP_X_FORWARDED_PROTO": proto}
    got = call(around(pages, strict_transport_security=HSTS), **told)
    assert got.values("Strict-Transport-Security") == sent


@pytest.mark.parametrize("config", [None, Config(enabled=False)], ids=["none", "off"])
def test_a_route_can_be_left_alone(pages: flask.Flask, config: Config | None) -> None:
    """Or have fields of its own."""
    table: RouteTable[Config | None] = RouteTable([("/", (), config)], Config())
    assert call(SecurityHeaders(pages, table)).fields == call(pages).fields


def test_a_refusal_that_is_raised_takes_the_fields_along() -> None:
    """Whoever is outside answers with it."""

    def app(environ: Any, start_response: Any) -> Any:
        raise LiveTimedOut("Too slow.")

    with pytest.raises(LiveTimedOut) as caught:
        around(app)(environ(), Got().start)
    assert dict(caught.value.headers) == DEFAULTS


def test_the_body_is_between_the_application_and_the_server() -> None:
    """Broken off or not read to its end, it is not touched here."""
    body = Answer([b"x", ValueError("broke off")])
    app = around(lambda environ, start_response: body)
    assert app(environ(), Got().start) is body
