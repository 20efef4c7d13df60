"""Every live request is counted once, however it ends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import flask
import pytest
from prometheus_client import generate_latest
from werkzeug.test import Client

from gateway.exchange import Exchange
from gateway.metrics import Metrics
from gateway.middleware.accounting import Accounting
from gateway.prometheus import PrometheusMetrics
from gateway.shadow.outcome import Outcome
from tests.shadow.test_fanout import House


class Recorder(Metrics):
    """What was counted."""

    def __init__(self) -> None:
        self.inflight = 0
        self.ended: list[tuple[str, int, float]] = []

    def request_started(self) -> None:
        self.inflight += 1

    def request_ended(self, method: str, exchange: Exchange, seconds: float) -> None:
        self.inflight -= 1
        self.ended.append((method, exchange.status or 500, seconds))


@pytest.fixture
def house() -> Iterator[House]:
    with House() as built:
        yield built


def environ() -> dict[str, Any]:
    return {"REQUEST_METHOD": "GET", "gateway.received": 10.0}


def start(status: str, headers: Any, exc_info: Any = None) -> Any:
    return lambda data: None


def test_a_request_is_counted_when_its_answer_is_closed(house: House) -> None:
    """Once, with its duration from arrival to the end of the answer."""

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("201 Made", [])
        Exchange.of(environ).mirrored = True
        return [b"x"]

    metrics = Recorder()
    answer = Accounting(app, house.fanout, metrics, clock=lambda: 12.0)(environ(), start)
    assert list(answer) == [b"x"]
    assert (metrics.inflight, metrics.ended) == (1, [])
    for _ in range(2):
        answer.close()  # type: ignore[attr-defined]
    assert (metrics.inflight, metrics.ended) == (0, [("GET", 201, 2.0)])
    assert house.ledger.total("s") == 0


def test_what_never_reached_the_mirror_is_skipped_for_every_shadow(house: House) -> None:
    """Refused by a middleware: the ledger has it all the same."""
    answer = Accounting(lambda e, s: [b"no"], house.fanout, Recorder())(environ(), start)
    answer.close()  # type: ignore[attr-defined]
    assert house.ledger.snapshot()["s"] == {Outcome.SKIPPED_REFUSED: 1}


def test_an_application_that_raises_is_counted(house: House) -> None:
    """As a 500, and the error goes on its way."""

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        raise ValueError("app")

    metrics = Recorder()
    with pytest.raises(ValueError, match="app"):
        Accounting(app, house.fanout, metrics)(environ(), start)
    assert (metrics.inflight, metrics.ended[0][1]) == (0, 500)


def test_an_answer_whose_close_raises_is_counted(house: House) -> None:
    """Every callback runs even if an earlier one raises."""

    class Broken:
        def __iter__(self) -> Iterator[bytes]:
            return iter([b"x"])

        def close(self) -> None:
            raise ValueError("close")

    metrics = Recorder()
    answer = Accounting(lambda e, s: Broken(), house.fanout, metrics)(environ(), start)
    with pytest.raises(ValueError, match="close"):
        answer.close()  # type: ignore[attr-defined]
    assert len(metrics.ended) == 1


def test_who_is_told_of_what_was_not_mirrored_is_told_once(house: House) -> None:
    """In place of skipping it; and a failure there is not the end of counting."""
    told = []

    def tell(environ: Any, exchange: Exchange) -> None:
        told.append(exchange)
        raise ValueError("told")

    metrics = Recorder()
    app = Accounting(lambda e, s: [b"no"], house.fanout, metrics, not_mirrored=tell)
    answer = app(environ(), start)
    with pytest.raises(ValueError, match="told"):
        answer.close()  # type: ignore[attr-defined]
    answer.close()  # type: ignore[attr-defined]
    assert len(told) == len(metrics.ended) == 1
    assert metrics.inflight == 0
    assert house.ledger.total("s") == 0


def test_who_wants_to_know_of_every_request_is_told_once(house: House) -> None:
    """After it was counted, and also of one that failed."""
    noted: list[tuple[str, int | None]] = []

    def fails(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        raise RuntimeError("broken")

    def note(method: str, exchange: Exchange) -> None:
        noted.append((method, exchange.status))

    with pytest.raises(RuntimeError):
        Accounting(fails, house.fanout, Metrics(), note=note)(environ(), start)
    answer: Any = Accounting(
        lambda environ, start_response: [b"ok"], house.fanout, Metrics(), note=note
    )(environ(), start)
    assert len(noted) == 1
    answer.close()
    assert noted == [("GET", None), ("GET", None)]


def test_around_a_flask_application() -> None:
    """Alone: without a mirror, a route or anything else of a gateway."""
    app = flask.Flask("billing")
    app.add_url_rule("/invoices", view_func=lambda: ("made", 201), methods=["POST"])
    metrics = PrometheusMetrics()
    client = Client(Accounting(app, None, metrics))
    for _ in range(2):
        assert client.post("/invoices", buffered=True).data == b"made"
    assert client.get("/nowhere", buffered=True).status_code == 404
    text = generate_latest(metrics.registry).decode()
    counted = 'gateway_requests_total{method="%s",route="default",status="%s"} %s'
    assert counted % ("POST", 201, 2.0) in text
    assert counted % ("GET", 404, 1.0) in text
    assert 'gateway_request_duration_seconds_count{route="default"} 3.0' in text
    assert "gateway_inflight_requests 0.0" in text
