"""The cheapest refusals, how they are counted, and how they are told of."""

from __future__ import annotations

import json
import logging
from threading import Thread

import pytest

from gateway.server.shedding import DRAINING, LATE, OVERLOADED, Shed, ShedCounts, ShedLog


def split(answer: bytes) -> tuple[list[str], bytes]:
    head, _, body = answer.partition(b"\r\n\r\n")
    return head.decode().split("\r\n"), body


@pytest.mark.parametrize("reason", [OVERLOADED, LATE, DRAINING], ids=repr)
@pytest.mark.parametrize("close", [True, False])
def test_a_refusal_is_a_whole_answer(reason: Shed, close: bool) -> None:
    """503, Retry-After, and a problem document of the length that is said."""
    lines, body = split(reason.answer(with_body=True, close=close))
    assert lines[0] == "HTTP/1.1 503 Service Unavailable"
    assert "Retry-After: 1" in lines
    assert f"Content-Length: {len(body)}" in lines
    assert ("Connection: close" in lines) is close
    document = json.loads(body)
    assert document["status"] == 503
    assert document["title"] == "Service Unavailable"


def test_every_refusal_has_an_id_of_its_own() -> None:
    """By which a client can ask about it."""
    ids = {
        json.loads(split(OVERLOADED.answer(with_body=True, close=False))[1])["request_id"]
        for _ in range(100)
    }
    assert len(ids) == 100


def test_an_answer_to_head_has_the_fields_and_no_body() -> None:
    """RFC 9110 section 9.3.2."""
    with_body, without = (
        split(OVERLOADED.answer(with_body=wanted, close=False)) for wanted in (True, False)
    )
    assert without == (with_body[0], b"")


def test_no_count_is_lost_or_told_twice() -> None:
    """Whoever counts, and whenever somebody looks."""
    counts = ShedCounts()
    threads = [
        Thread(target=lambda: [counts.count(OVERLOADED) for _ in range(2000)]) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    seen = 0
    while any(thread.is_alive() for thread in threads):
        seen += counts.taken()["overloaded"]
    for thread in threads:
        thread.join()
    assert seen + counts.taken()["overloaded"] == 8000
    assert not counts.taken()


def test_refusals_are_told_of_at_a_bounded_rate(caplog: pytest.LogCaptureFixture) -> None:
    """The first at once, the others together, and nothing when there are none."""
    log = ShedLog(logging.getLogger("test.shedding"), interval=10.0)
    for now, count in [(5.0, 0), (6.0, 3), (7.0, 4), (15.0, 5), (16.5, 0), (40.0, 0)]:
        log.add(count, 16, now)
    told = [record.getMessage().split(" ")[0] for record in caplog.records]
    assert told == ["3", "9"]
