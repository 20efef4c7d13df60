"""The comparing thread: pairs in, verdicts told."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event
from typing import Any

import pytest

from gateway.compare.answer import Answer
from gateway.compare.thread import Comparisons
from gateway.compare.verdict import Comparison, Count, Judged, NotCompared, Sink, Tally, Verdict
from gateway.exchange import LiveOutcome
from gateway.shadow.copy import Copy
from gateway.shadow.outcome import Outcome
from tests.compare.halves import request
from tests.support.waiting import wait_for

MATCH = Comparison(Verdict.MATCH)
Told = list[Judged | Tally]


def match(request: Copy, live: Answer, shadow: Answer) -> Comparison:
    return MATCH


@contextmanager
def comparisons(
    compare: Callable[[Copy, Answer, Answer], Comparison] = match, *sinks: Sink, **changes: Any
) -> Iterator[tuple[Comparisons, Told]]:
    told: Told = []
    settings = {"max_body": 1000, "max_bytes": 1 << 20, "max_queue": 100, "share": 1.0, **changes}
    desk = Comparisons(compare, [*sinks, told.append], **settings)
    try:
        yield desk, told
    finally:
        desk.close(5)
        assert desk.budget.held == 0


def exchange(
    desk: Comparisons,
    outcome: Outcome = Outcome.ANSWERED,
    live: LiveOutcome = LiveOutcome.ANSWERED,
    body: bytes = b"same",
) -> None:
    """One request, mirrored to one shadow."""
    pairing = desk.open(request(b"asked"), "invoices", time.monotonic() - 5)
    pairing.live.add(body)
    half = pairing.half("s", request(b"rewritten"))
    pairing.offered()
    pairing.live_ended(live, 200, [("A", "live")], 0.1)
    half.add(body)
    half.ended(201, [("A", "shadow")], 0.2)
    half.finish_call(outcome)


def only(told: Told) -> Judged:
    wait_for(lambda: told, "a verdict")
    (judged,) = told
    assert isinstance(judged, Judged)
    return judged


def test_a_complete_pair_is_compared_and_told() -> None:
    """With both sides, their latencies, and the request as the shadow got it."""
    with comparisons() as (desk, told):
        exchange(desk)
        judged = only(told)
    assert judged.live == Answer(200, (("A", "live"),), b"same", 4, 0.1)
    assert judged.answer == Answer(201, (("A", "shadow"),), b"same", 4, 0.2)
    assert (judged.shadow, judged.route, judged.comparison) == ("s", "invoices", MATCH)
    assert judged.request.body == b"rewritten"
    assert abs(judged.at - (time.time() - 5)) < 4


@pytest.mark.parametrize(
    ("outcome", "live", "verdict", "reason", "count"),
    [
        ("FAILED_CONNECT", "ANSWERED", "shadow_failed", "connect", Count.SHADOW_FAILED),
        ("FAILED_INTERNAL", "FAILED", "shadow_failed", "internal", Count.SHADOW_FAILED),
        ("FAILED_TIMED_OUT", "ANSWERED", "timed_out", "timed_out", Count.SHADOW_FAILED),
        ("ANSWERED", "ABANDONED", "not_compared", "abandoned", Count.NOT_COMPARABLE),
        ("ANSWERED", "FAILED", "not_compared", "live_failed", Count.NOT_COMPARABLE),
        ("ANSWERED", "NOT_ASKED", "not_compared", "live_not_asked", Count.NOT_COMPARABLE),
    ],
)
def test_where_there_are_no_two_answers_the_verdict_says_why(
    outcome: str, live: str, verdict: str, reason: str, count: Count
) -> None:
    """A shadow that failed has failed, whatever live did: the ledger says so too."""
    with comparisons() as (desk, told):
        exchange(desk, Outcome[outcome], LiveOutcome[live])
        judged = only(told)
    assert (judged.comparison.verdict.value, judged.comparison.reason) == (verdict, reason)
    assert judged.comparison.counts_as is count
    assert (judged.answer is None) == outcome.startswith("FAILED")
    assert (judged.live is None) == (live != "ANSWERED")


def test_without_room_there_is_a_verdict_all_the_same() -> None:
    """Its number has to be right; what was asked is known but for the body."""
    with comparisons(max_bytes=100) as (desk, told):
        exchange(desk)
        judged = only(told)
    assert judged.comparison == Comparison(Verdict.NOT_COMPARED, NotCompared.NO_ROOM.value)
    assert (judged.request.target, judged.request.body) == ("/a", b"")


def test_a_full_backlog_is_told_as_a_number() -> None:
    """As soon as somebody looks; every exchange is in one of the two."""
    go, begun = Event(), Event()

    def slow(request: Copy, live: Answer, shadow: Answer) -> Comparison:
        begun.set()
        go.wait(10)
        return MATCH

    with comparisons(slow, max_queue=2) as (desk, told):
        exchange(desk)
        assert begun.wait(5)
        for _ in range(9):
            exchange(desk)
        desk.tell_bare()
        verdict = Comparison(Verdict.NOT_COMPARED, NotCompared.QUEUE_FULL.value)
        assert told == [Tally("s", "invoices", verdict, 8)]
        go.set()
        wait_for(lambda: len(told) == 3, "the others")
    assert [each.comparison for each in told[1:]] == [MATCH, MATCH]


def test_a_failure_before_there_was_a_copy_is_told_too() -> None:
    """The ledger has it as a failure, so the verdicts have."""
    with comparisons() as (desk, told):
        desk.failed("s", Outcome.FAILED_INTERNAL)
        desk.tell_bare()
    assert told == [Tally("s", "", Comparison(Verdict.SHADOW_FAILED, "internal"), 1)]


def test_rules_that_raise_are_a_verdict(caplog: pytest.LogCaptureFixture) -> None:
    """And a line in the log, with the traceback."""

    def broken(request: Copy, live: Answer, shadow: Answer) -> Comparison:
        raise ZeroDivisionError("a rule")

    with caplog.at_level(logging.ERROR), comparisons(broken) as (desk, told):
        exchange(desk)
        assert only(told).comparison.reason == NotCompared.RULES_FAILED.value
    assert "a rule" in caplog.text


def test_a_sink_that_raises_keeps_nothing_from_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Nor from the next verdict."""

    def broken(told: Judged | Tally) -> None:
        raise OSError("disk full")

    with caplog.at_level(logging.ERROR), comparisons(match, broken) as (desk, told):
        exchange(desk)
        exchange(desk)
        wait_for(lambda: len(told) == 2, "both verdicts")
    assert "disk full" in caplog.text


def test_closing_compares_what_is_left_or_counts_it() -> None:
    """In bounded time, whatever a rule does; and a rule that ends later tells nobody."""
    stuck, begun = Event(), Event()

    def endless(request: Copy, live: Answer, shadow: Answer) -> Comparison:
        begun.set()
        stuck.wait(30)
        return MATCH

    with comparisons(endless) as (desk, told):
        for _ in range(3):
            exchange(desk)
        assert begun.wait(5)
        began = time.monotonic()
        desk.close(0.1)
        assert time.monotonic() - began < 2
        assert desk.budget.held == 0
        exchange(desk)
        desk.tell_bare()
        stuck.set()
        wait_for(lambda: desk.snapshot().done == 1, "the rule to end")
    numbers = [each.number for each in told if isinstance(each, Tally)]
    assert (sum(numbers), len(told) - len(numbers)) == (4, 0)


def test_while_live_is_overloaded_nothing_is_compared() -> None:
    """It waits, and goes on after."""
    busy, asked = Event(), Event()
    busy.set()

    def hold() -> bool:
        asked.set()
        return busy.is_set()

    with comparisons(hold=hold) as (desk, told):
        exchange(desk)
        assert asked.wait(5)
        assert told == []
        busy.clear()
        only(told)
