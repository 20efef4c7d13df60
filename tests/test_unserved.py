"""What the server refused by itself is in the log, in the metrics and in the ledger."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from gateway import Gateway, Live, Settings, Shadow
from gateway.errors import BadRequest, BodyTooLarge, Refusal
from gateway.exchange import Exchange
from gateway.metrics import Metrics
from gateway.server.refusal import Refused
from gateway.settings.access_log import AccessLog
from gateway.settings.model import Mirror
from gateway.shadow.outcome import Outcome
from gateway.unserved import Unserved


class Recorder(Metrics):
    """What was counted."""

    def __init__(self) -> None:
        self.inflight = 0
        self.ended: list[tuple[str, Exchange, float]] = []

    def request_started(self) -> None:
        self.inflight += 1

    def request_ended(self, method: str, exchange: Exchange, seconds: float) -> None:
        self.inflight -= 1
        self.ended.append((method, exchange, seconds))


@pytest.mark.parametrize("mirror_refused", [False, True])
def test_a_refusal_is_counted_logged_and_in_the_ledger(
    mirror_refused: bool, tmp_path: Path
) -> None:
    """Once each, under the id that the client is told; never mirrored."""
    metrics = Recorder()
    settings = Settings(
        live=Live(url="http://127.0.0.1:1"),
        shadows=(Shadow(url="http://127.0.0.1:2", name="s"),),
        mirror=Mirror(refused_by_gateway=mirror_refused),
        access_log=AccessLog(to="file", file=str(tmp_path / "log")),
    )
    gateway = Gateway(settings, metrics=metrics)
    try:
        known = {
            "REQUEST_METHOD": "GET",
            "RAW_URI": "/a?token=s3",
            "HTTP_X_REQUEST_ID": "abc",
            "REMOTE_ADDR": "192.0.2.1",
            "gateway.received": time.monotonic() - 10.0,
        }
        refusal = Refused(408, "The request did not arrive in time.")
        assert gateway.note_refusal(known, refusal) == "abc"
        unknown = {"REQUEST_METHOD": "-", "RAW_URI": "-", "gateway.received": time.monotonic()}
        made = gateway.note_refusal(unknown, Refused(431, "The header section is too large."))
    finally:
        gateway.close()
    assert metrics.inflight == 0
    (method, exchange, seconds), (_, other, _) = metrics.ended
    assert (method, exchange.status, exchange.refused) == ("GET", 408, ("server", "too_slow"))
    assert 10.0 <= seconds < 20.0
    assert (other.status, other.id) == (431, made)
    assert gateway.ledger.snapshot()["s"] == {Outcome.SKIPPED_REFUSED: 2}
    first, second = map(json.loads, (tmp_path / "log").read_bytes().splitlines())
    assert (first["request_id"], first["status"], first["client"], first["target"]) == (
        "abc",
        408,
        "192.0.2.1",
        "/a?token=***",
    )
    assert (second["request_id"], second["method"], second["target"]) == (made, "-", "-")
    assert first["complete"]
    assert first["bytes_out"] > 100
    assert (second["refused"], first["refused"]) == ("server: head_too_large", "server: too_slow")


@pytest.mark.parametrize(
    ("refusal", "reason"),
    [
        pytest.param(BadRequest("x"), "malformed", id="400"),
        pytest.param(BodyTooLarge("x"), "too_large", id="413"),
        pytest.param(Refused(503, "x"), "no_room", id="503"),
        pytest.param(Refused(500, "x"), "other", id="unexpected"),
    ],
)
def test_the_reason_is_a_word_of_a_small_set(refusal: Refusal, reason: str) -> None:
    """Fit for a label."""
    environ: dict[str, Any] = {"REQUEST_METHOD": "GET"}
    Unserved(lambda app: _closing(app))(environ, refusal)
    assert Exchange.of(environ).refused == ("server", reason)


class _Closing:
    def __init__(self, parts: Iterable[bytes]) -> None:
        self._parts = parts

    def __iter__(self) -> Any:
        return iter(self._parts)

    def close(self) -> None:
        pass


def _closing(app: Any) -> Any:
    return lambda environ, start_response: _Closing(app(environ, start_response))
