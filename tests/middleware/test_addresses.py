"""Clients are let in by their address, around any application."""

from __future__ import annotations

import json
from typing import Any
from wsgiref.validate import validator

import flask
import pytest

from gateway.exchange import Exchange, Refused
from gateway.middleware.addresses import Addresses
from gateway.routes import RouteTable
from gateway.settings.addresses import Addresses as Config
from tests.middleware.wsgi import Answer, Got, call, environ


@pytest.fixture
def office() -> flask.Flask:
    """An application of somebody else's."""
    app = flask.Flask("office")

    @app.get("/<path:name>")
    def page(name: str) -> str:
        return name

    return app


def around(app: Any, config: Config | None, *routes: tuple[str, Config | None]) -> Addresses:
    table: RouteTable[Config | None] = RouteTable(
        [(path, (), route) for path, route in routes], config
    )
    return Addresses(app, table)


OFFICE = Config(allow=("192.0.2.0/24", "2001:db8::/32"), deny=("192.0.2.66",))
BLOCKED = Config(deny=("192.0.2.66",))


@pytest.mark.parametrize(
    ("config", "client", "reason"),
    [
        pytest.param(OFFICE, "192.0.2.1", None, id="allowed"),
        pytest.param(OFFICE, "2001:db8::9", None, id="allowed-v6"),
        pytest.param(OFFICE, "198.51.100.1", "not_allowed", id="not-allowed"),
        pytest.param(OFFICE, "192.0.2.66", "denied", id="deny-wins"),
        pytest.param(OFFICE, "::ffff:192.0.2.1", None, id="v4-on-a-v6-socket"),
        pytest.param(OFFICE, "", "not_allowed", id="unix-socket"),
        pytest.param(OFFICE, "nonsense", "not_allowed", id="no-address"),
        pytest.param(BLOCKED, "192.0.2.1", None, id="not-denied"),
        pytest.param(BLOCKED, "192.0.2.66", "denied", id="denied"),
        pytest.param(BLOCKED, "::ffff:192.0.2.66", "denied", id="denied-on-a-v6-socket"),
        pytest.param(BLOCKED, "", None, id="deny-list-and-unix-socket"),
        pytest.param(Config(deny=("fe80::/10",)), "fe80::1%eth0", "denied", id="zone"),
        pytest.param(Config(), "198.51.100.1", None, id="no-lists"),
        pytest.param(None, "198.51.100.1", None, id="off"),
    ],
)
def test_who_may_come_in(
    office: flask.Flask, config: Config | None, client: str, reason: str | None
) -> None:
    """Twice, since answers are remembered; a refusal is named and does not say why."""
    app = around(office, config)
    for _ in range(2):
        sent = environ(target="/desk", REMOTE_ADDR=client)
        got = Got()
        got.parts += app(sent, got.start)
        assert got.status[:3] == ("403" if reason else "200")
        expected = Refused("addresses", reason) if reason else None
        assert Exchange.of(sent).refused == expected
        if reason:
            assert json.loads(got.body)["title"] == "Forbidden"


def test_a_route_has_lists_of_its_own(office: flask.Flask) -> None:
    """In place of the general ones; a path cannot be written around them."""
    app = around(office, None, ("/admin", OFFICE))
    for target, status in (
        ("/admin", "403"),
        ("/admin/users?a=b", "403"),
        ("/%61dmin", "403"),
        ("http://other/admin", "403"),
        ("/administration", "200"),
    ):
        assert call(app, target=target, REMOTE_ADDR="198.51.100.1").status[:3] == status, target


def test_the_client_is_who_the_trusted_proxies_say(office: flask.Flask) -> None:
    """Whoever found that out left it on the exchange; the field itself counts for nothing."""
    app = around(office, OFFICE)
    forged = {"HTTP_X_FORWARDED_FOR": "192.0.2.1", "REMOTE_ADDR": "198.51.100.1"}
    assert call(app, **forged).status.startswith("403")
    sent = environ(target="/x", REMOTE_ADDR="192.0.2.1")
    Exchange.of(sent).client = "198.51.100.1"
    got = Got()
    list(app(sent, got.start))
    assert got.status.startswith("403")


def test_it_keeps_to_pep_3333(office: flask.Flask) -> None:
    """Also when it refuses."""
    app = validator(around(office, OFFICE))
    assert call(app, target="/x").body == b"x"
    assert call(app, target="/x", REMOTE_ADDR="198.51.100.1").status.startswith("403")


def test_the_answer_of_who_is_let_in_is_the_applications_own() -> None:
    """Not a copy: its parts and its end are between it and the server."""
    body = Answer([b"x"])
    app = around(lambda environ, start_response: body, OFFICE)
    assert app(environ(), Got().start) is body


@pytest.mark.parametrize("target", ["//admin", "/x/../admin", "/x%2f..%2fadmin", "/admin;a=b"])
def test_a_list_holds_however_the_path_is_spelled(office: flask.Flask, target: str) -> None:
    """An upstream may read it as the route's; who may come in there is let through."""
    app = around(office, None, ("/admin", OFFICE))
    assert call(app, target=target, REMOTE_ADDR="198.51.100.1").status.startswith("403")
    assert not call(app, target=target, REMOTE_ADDR="192.0.2.1").status.startswith("403")


def test_the_general_list_cannot_be_got_round_through_an_open_route(office: flask.Flask) -> None:
    """Nor the other way round: both routes' lists have to let the client in."""
    app = around(office, OFFICE, ("/open", None))
    stranger = {"REMOTE_ADDR": "198.51.100.1"}
    assert call(app, target="/open/x", **stranger).status.startswith("200")
    assert call(app, target="/open/../desk", **stranger).status.startswith("403")
