"""The mirror around a WSGI application: when copies are offered, and what live sees of it."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gateway.exchange import Exchange, LiveOutcome, Refused
from gateway.mirror import Mirror, RefusedMirror
from gateway.request import BufferedRequest
from gateway.shadow.outcome import Outcome
from tests.shadow.test_fanout import House
from tests.support.upstream import Upstream, upstream
from tests.support.waiting import wait_for


def environ(body: bytes = b"abc", **changes: Any) -> dict[str, Any]:
    return {
        "REQUEST_METHOD": "POST",
        "RAW_URI": "/a?b",
        "PATH_INFO": "/a",
        "SERVER_NAME": "gateway.test",
        "SERVER_PORT": "80",
        "HTTP_HOST": "client.test",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        **changes,
    }


def start_response(status: str, headers: Any, exc_info: Any = None) -> Callable[[bytes], object]:
    return lambda data: None


def answering(*parts: bytes, status: str = "200 OK") -> Any:
    """A WSGI application that answers these parts."""

    def app(environ: Any, start: Any) -> Iterator[bytes]:
        start(status, [])
        return iter(parts)

    return app


def offered(house: House) -> int:
    """How many copies were offered so far."""
    snapshot = house.pool.snapshot()
    return snapshot.done + snapshot.active + snapshot.queued


@pytest.fixture
def server() -> Iterator[Upstream]:
    with upstream() as running:
        yield running


@pytest.fixture
def house(server: Upstream) -> Iterator[House]:
    with House(server.url) as built:
        yield built


def test_the_copy_is_offered_when_the_first_part_has_gone_to_the_client(house: House) -> None:
    """Not before, so a shadow can neither answer first nor compete; and not later than that,
    so a stream that never ends is mirrored all the same."""
    mirror = Mirror(answering(b"1", b"2", b"3"), house.fanout, 100)
    parts = iter(mirror(environ(), start_response))
    assert (next(parts), offered(house)) == (b"1", 0)
    assert (next(parts), offered(house)) == (b"2", 1)
    assert (list(parts), offered(house)) == ([b"3"], 1)


def test_the_copy_is_offered_once_when_the_answer_is_closed(house: House) -> None:
    """Also when there was no part at all."""
    sent = environ()
    answer = Mirror(answering(), house.fanout, 100)(sent, start_response)
    assert offered(house) == 0
    answer.close()  # type: ignore[attr-defined]
    assert offered(house) == 1
    assert Exchange.of(sent).live is LiveOutcome.ABANDONED
    assert Exchange.of(sent).copies == ("s",)


@pytest.mark.parametrize(
    ("status", "live"), [("200 OK", "answered"), ("404 No", "refused"), ("500 No", "refused")]
)
def test_what_live_said_is_known_with_the_copy(house: House, status: str, live: str) -> None:
    """4xx and 5xx are counted apart."""
    sent = environ()
    answer = Mirror(answering(b"x", status=status), house.fanout, 100)(sent, start_response)
    assert list(answer) == [b"x"]
    answer.close()  # type: ignore[attr-defined]
    assert Exchange.of(sent).live == live


def test_a_client_that_left_early_has_abandoned_its_request(server: Upstream) -> None:
    """With a shadow that wants to know, the offer waits until it is known."""
    with House(server.url, mirror_abandoned=False) as house:
        sent = environ()
        answer = Mirror(answering(b"1", b"2", b"3"), house.fanout, 100)(sent, start_response)
        parts = iter(answer)
        next(parts)
        next(parts)
        assert house.ledger.total("s") == 0
        answer.close()  # type: ignore[attr-defined]
        assert house.ledger.snapshot()["s"] == {Outcome.SKIPPED_ABANDONED: 1}
        assert Exchange.of(sent).live is LiveOutcome.ABANDONED


def failing_at_once(environ: Any, start: Any) -> Iterator[bytes]:
    raise ValueError("live")


def failing_midway(environ: Any, start: Any) -> Iterator[bytes]:
    start("200 OK", [])
    yield b"1"
    raise ValueError("live")


@pytest.mark.parametrize("app", [failing_at_once, failing_midway])
def test_an_error_of_live_passes_through_and_the_copy_is_offered(house: House, app: Any) -> None:
    """The shadow may well do better."""

    def whole() -> None:
        answer = Mirror(app, house.fanout, 100)(environ(), start_response)
        try:
            list(answer)
        finally:
            answer.close()  # type: ignore[attr-defined]

    with pytest.raises(ValueError, match="live"):
        whole()
    assert offered(house) == 1


def test_an_error_while_closing_passes_through_and_the_copy_is_offered(house: House) -> None:
    """Every callback runs even if an earlier one raises."""

    class Broken:
        def __iter__(self) -> Iterator[bytes]:
            return iter([b"x"])

        def close(self) -> None:
            raise ValueError("close")

    def app(environ: Any, start: Any) -> Any:
        start("200 OK", [])
        return Broken()

    answer = Mirror(app, house.fanout, 100)(environ(), start_response)
    assert list(answer) == [b"x"]
    with pytest.raises(ValueError, match="close"):
        answer.close()  # type: ignore[attr-defined]
    assert offered(house) == 1


def test_the_shadow_gets_what_the_client_sent_whatever_live_does_to_it(
    server: Upstream, house: House
) -> None:
    """Its method, target, headers and body are its own copy."""

    def hostile(environ: Any, start: Any) -> Iterator[bytes]:
        environ["wsgi.input"].read()
        environ["wsgi.input"].close()
        environ.update(REQUEST_METHOD="PUT", RAW_URI="/other", HTTP_HOST="evil.test")
        environ.pop("CONTENT_LENGTH")
        request = BufferedRequest.of(environ, 100)
        request.environ.clear()
        start("200 OK", [])
        return iter([b"x"])

    kept = [("Host", "client.test"), ("X-A", "1")]
    sent = environ(**{"gateway.fields": kept})
    answer = Mirror(hostile, house.fanout, 100)(sent, start_response)
    kept.append(("X-Late", "1"))
    list(answer)
    answer.close()  # type: ignore[attr-defined]
    wait_for(server.taken, "the copy")
    (received,) = server.taken()
    assert (received.method, received.target, received.body) == ("POST", b"/a?b", b"abc")
    assert [n for n, _ in received.fields] == [
        "Host",
        "X-A",
        "Content-Length",
        "X-Shadow-Request",
    ]


def refused(middleware: str, **changes: Any) -> tuple[dict[str, Any], Exchange]:
    """A request that a middleware has refused."""
    sent = environ(**changes)
    exchange = Exchange.of(sent)
    exchange.refused = Refused(middleware, "reason")
    return sent, exchange


def test_what_a_middleware_refused_can_be_mirrored_all_the_same(server: Upstream) -> None:
    """Its body is read for that; live was not asked."""
    with House(server.url) as house:
        sent, exchange = refused("validation")
        RefusedMirror(house.fanout, 100)(sent, exchange)
        wait_for(lambda: house.ledger.total("s"), "the ledger")
        assert house.ledger.snapshot()["s"] == {Outcome.ANSWERED: 1}
    assert exchange.live is LiveOutcome.NOT_ASKED
    assert exchange.copies == ("s",)
    (received,) = server.taken()
    assert (received.target, received.body) == (b"/a?b", b"abc")


@pytest.mark.parametrize(
    ("middleware", "changes"),
    [
        ("boundary", {}),
        ("admission", {}),
        ("server", {}),
        ("validation", {"CONTENT_LENGTH": "101"}),
        ("validation", {"CONTENT_LENGTH": "4"}),
        ("validation", {"RAW_URI": "/a b"}),
    ],
    ids=["unforwardable", "shed", "server", "too-large", "short", "target"],
)
def test_what_cannot_or_should_not_be_mirrored_is_skipped(
    middleware: str, changes: dict[str, Any]
) -> None:
    """The ledger has it."""
    with House() as house:
        sent, exchange = refused(middleware, **changes)
        RefusedMirror(house.fanout, 100)(sent, exchange)
        assert house.ledger.snapshot()["s"] == {Outcome.SKIPPED_REFUSED: 1}
    assert (exchange.copies, exchange.live) == ((), None)


def test_a_shadow_that_wants_nothing_refused_gets_nothing_refused(server: Upstream) -> None:
    """By whom does not matter to it."""
    with House(server.url, mirror_refused=False) as house:
        RefusedMirror(house.fanout, 100)(*refused("validation"))
        assert house.ledger.snapshot()["s"] == {Outcome.SKIPPED_LIVE_REFUSED: 1}
    assert server.taken() == []
