"""The middleware around a Flask application, with nothing else of the gateway."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from typing import Any

import flask
import pytest
from werkzeug.test import Client, EnvironBuilder

from gateway.exchange import Exchange, Refused
from gateway.middleware.rate_limit import RateLimit
from gateway.ratelimit.rate import SECOND
from gateway.ratelimit.rules import Rule, Rules
from gateway.ratelimit.store import EmbeddedStore, NoStore, Store
from gateway.ratelimit.table import LEAST_BYTES, Table
from gateway.routes import RouteTable
from tests.middleware.wsgi import call


class Harness:
    """A limited Flask application, and the time it is there."""

    def __init__(self) -> None:
        self.now = SECOND
        self.store = EmbeddedStore(Table(None, LEAST_BYTES), clock=lambda: self.now)
        self.calls: list[str] = []
        self.errors = 0
        self.app = flask.Flask(__name__)
        self.app.add_url_rule("/<path:path>", view_func=self._view, methods=["GET", "POST"])

    def _view(self, path: str) -> flask.Response:
        self.calls.append(path)
        answer = flask.Response("hello")
        answer.headers.add("RateLimit", '"upstream";r=7;t=1')
        return answer

    def error(self) -> None:
        self.errors += 1

    def around(self, *rules: Rule, store: Store | None = None, **options: Any) -> Client:
        table = RouteTable([("/free", [], Rules([]))], Rules(rules))
        options.setdefault("on_store_error", self.error)
        return Client(RateLimit(self.app, table, store=store or self.store, **options))

    def exchange(self, client: Client, **given: Any) -> tuple[int, Exchange]:
        """The status of an answer, and what was noted about its request."""
        environ = EnvironBuilder("/x", environ_overrides=given).get_environ()
        started: list[str] = []
        start: Any = lambda status, *_: started.append(status)  # noqa: E731
        for _ in client.application(environ, start):
            pass
        return int(started[0][:3]), Exchange.of(environ)


@pytest.fixture
def harness() -> Iterator[Harness]:
    made = Harness()
    yield made
    made.store.close()


MINUTE = Rule("", "3/minute", "address")


def test_what_is_over_the_limit_does_not_reach_the_application(harness: Harness) -> None:
    """And what is not does, body and all."""
    client = harness.around(MINUTE)
    answers = [client.post(f"/{n}", data=b"x") for n in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert harness.calls == ["0", "1", "2"]
    assert answers[0].data == b"hello"


def test_a_refusal_says_when_to_come_back(harness: Harness) -> None:
    """And who does so passes."""
    client = harness.around(MINUTE)
    answers = [client.get("/x") for _ in range(4)]
    assert answers[3].headers["Retry-After"] == "20"
    assert "Try again in 20 s." in answers[3].json["detail"]
    harness.now += 20 * SECOND - 1
    assert client.get("/x").headers["Retry-After"] == "1"
    harness.now += 1
    assert client.get("/x").status_code == 200


def test_a_refusal_names_the_limits_it_is_about(harness: Harness) -> None:
    """A problem document of the type that the draft registers."""
    client = harness.around(Rule("api", "9/minute; 2/second", "address"), Rule("", "9/s", "route"))
    answers = [client.get("/x") for _ in range(3)]
    assert answers[2].content_type == "application/problem+json"
    assert answers[2].json == {
        "type": "https://iana.org/assignments/http-problem-types#quota-exceeded",
        "title": "Too Many Requests",
        "status": 429,
        "detail": "Over the limit of 2 requests in 1 s. Try again in 1 s.",
        "request_id": answers[2].json["request_id"],
        "violated-policies": ["api-second"],
    }
    assert answers[2].headers["RateLimit"] == '"api-second";r=0;t=1'
    assert answers[2].headers["RateLimit-Policy"] == answers[0].headers["RateLimit-Policy"]


def test_answers_say_what_is_left(harness: Harness) -> None:
    """Beside what the application says itself."""
    answer = harness.around(Rule("", "100/minute; 10/s burst 20", "address")).get("/x")
    assert answer.headers.getlist("RateLimit") == [
        '"upstream";r=7;t=1',
        '"address-minute";r=99;t=60, "address-second";r=19;t=2',
    ]
    assert answer.headers.getlist("RateLimit-Policy") == [
        '"address-minute";q=100;w=60, "address-second";q=10;w=1;gateway-burst=20'
    ]


def test_answers_say_nothing_where_that_is_not_wanted(harness: Harness) -> None:
    """But for when to come back."""
    client = harness.around(MINUTE, announce=False)
    answers = [client.get("/x") for _ in range(4)]
    assert answers[0].headers.getlist("RateLimit") == ['"upstream";r=7;t=1']
    assert "RateLimit-Policy" not in answers[0].headers
    assert "RateLimit" not in answers[3].headers
    assert answers[3].headers["Retry-After"] == "20"


def test_a_request_that_one_rule_refuses_counts_for_none(harness: Harness) -> None:
    """A client that is over its limit does not use up that of all."""
    client = harness.around(MINUTE, Rule("", "5/minute", "route"))
    over = [client.get("/x", environ_base={"REMOTE_ADDR": "192.0.2.1"}) for _ in range(9)]
    other = [client.get("/x", environ_base={"REMOTE_ADDR": "192.0.2.2"}) for _ in range(9)]
    assert [a.status_code for a in over].count(200) == 3
    assert [a.status_code for a in other].count(200) == 2
    assert other[8].json["violated-policies"] == ["route"]


def test_routes_have_rules_of_their_own(harness: Harness) -> None:
    """By the target as sent; where there are none nothing is counted or said."""
    client = harness.around(MINUTE)
    answers = [client.get("/free/x?y") for _ in range(9)]
    assert {answer.status_code for answer in answers} == {200}
    assert answers[0].headers.getlist("RateLimit") == ['"upstream";r=7;t=1']
    assert client.get("/x").headers.getlist("RateLimit")[1] == '"address";r=2;t=40'


def test_who_refused_and_why_is_noted(harness: Harness) -> None:
    """For metrics and log."""
    client = harness.around(Rule("", "1/minute", "route"))
    assert harness.exchange(client)[1].refused is None
    status, exchange = harness.exchange(client)
    assert exchange.refused == Refused("rate_limit", "over_limit")
    assert exchange.status == status == 429


def test_identities_found_before_are_what_is_counted_by(harness: Harness) -> None:
    """Wherever they come from."""
    client = harness.around(Rule("", "1/minute", "identity"))
    for name, status in (("ann", 200), ("bob", 200), ("ann", 429), (None, 200), (None, 429)):
        exchange = Exchange("id", 0.0)
        exchange.identity = name
        assert harness.exchange(client, **{"gateway.exchange": exchange})[0] == status


@pytest.mark.parametrize("passes", [True, False], ids=["open", "closed"])
def test_while_the_store_is_down_requests_pass_or_not_as_set(
    harness: Harness, passes: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Each is counted as an error, and the log has one line."""
    client = harness.around(MINUTE, store=NoStore("out of order"), pass_unknown=passes)
    with caplog.at_level(logging.WARNING):
        answers = [client.get("/x") for _ in range(9)]
    assert [answer.status_code for answer in answers] == [200 if passes else 503] * 9
    assert harness.errors == 9
    assert len(caplog.messages) == 1
    assert "out of order" in caplog.text
    if not passes:
        assert answers[0].headers["Retry-After"] == "1"
        assert harness.exchange(client)[1].refused == Refused("rate_limit", "store_down")


class Breaking:
    """An answer that breaks off, and knows how often it was closed."""

    def __init__(self) -> None:
        self.closed = 0

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return self

    def __iter__(self) -> Iterator[bytes]:
        yield b"one"
        raise OSError("live broke off")

    def close(self) -> None:
        self.closed += 1


def test_the_answer_is_handed_on_as_it_is(harness: Harness) -> None:
    """Nothing of it is read here, and whoever reads it closes it, also midway."""
    breaking = Breaking()
    middleware = RateLimit(breaking, RouteTable([], Rules([MINUTE])), store=harness.store)
    environ = EnvironBuilder("/x").get_environ()
    answer = middleware(environ, lambda *_: lambda data: None)
    assert answer is breaking
    parts = iter(answer)
    assert next(parts) == b"one"
    with pytest.raises(OSError, match="live broke off"):
        next(parts)
    assert breaking.closed == 0


@pytest.mark.parametrize("path", ["//login", "/x/../login", "/x%2f..%2flogin", "/login;a=b"])
def test_a_limit_holds_however_the_path_is_spelled(harness: Harness, path: str) -> None:
    """It counts for each route that an upstream may take it for, under names of its own."""
    table = RouteTable([("/login", [], Rules([Rule("client", "2/minute", "address")]))],
                       Rules([Rule("client", "100/minute", "address")], scope="all"))  # fmt: skip
    limited = RateLimit(harness.app, table, store=harness.store)
    answers = [call(limited, target=path) for _ in range(4)]
    assert [answer.status[:3] == "429" for answer in answers] == [False, False, True, True]
    assert answers[0].values("RateLimit")[-1] == '"client";r=99;t=60, "client-2";r=1;t=30'
    assert call(limited, target="/login").status.startswith("429")


def test_an_unlimited_route_is_no_way_round_a_limit(harness: Harness) -> None:
    """A path through it that an upstream may resolve to another counts as that."""
    client = harness.around(MINUTE)
    limited = client.application
    answers = [call(limited, target="/free/../x").status[:3] for _ in range(4)]
    assert answers[3] == "429"
