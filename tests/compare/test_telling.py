"""Metrics and the host are told of verdicts."""

from __future__ import annotations

from threading import Event
from typing import Any

from gateway.compare.telling import CountVerdicts, TellHost
from gateway.compare.verdict import Comparison, Judged, Tally, Verdict
from gateway.metrics import Metrics
from tests.compare.halves import request
from tests.support.waiting import wait_for


class Noted(Metrics):
    """Metrics that remember."""

    def __init__(self) -> None:
        self.verdicts: list[Any] = []
        self.failed = 0

    def verdict(self, *told: Any) -> None:
        self.verdicts.append(told)

    def hook_failed(self, hook: str, number: int) -> None:
        assert hook == "on_verdict"
        self.failed += number


def judged(**changes: Any) -> Judged:
    comparison = Comparison(Verdict.MATCH, ignored=1)
    return Judged("s", request(**changes), "r", 1.0, None, None, comparison)


def test_verdicts_are_counted_twice_over() -> None:
    """By verdict and reason, and in one of the five counts; a tally by its number."""
    metrics = Noted()
    count = CountVerdicts(metrics)
    count(judged())
    count(Tally("s", "r", Comparison(Verdict.NOT_COMPARED, "queue_full"), 7))
    assert metrics.verdicts == [
        ("s", "match", "", "match_after_ignoring", 1),
        ("s", "not_compared", "queue_full", "not_comparable", 7),
    ]


def test_the_hook_is_told_on_a_thread_of_its_own() -> None:
    """In order; what it raises is counted."""
    told: list[Judged] = []

    def hook(each: Judged) -> None:
        told.append(each)
        if len(told) == 1:
            raise ValueError("the host's")

    metrics = Noted()
    host = TellHost(hook, metrics)
    one, two = judged(), judged(body=b"x")
    host(one)
    host(two)
    host(Tally("s", "r", Comparison(Verdict.NOT_COMPARED, "queue_full"), 7))
    wait_for(lambda: len(told) == 2, "both")
    host.close(5)
    assert told == [one, two]
    assert metrics.failed == 1 + 7


def test_a_hook_that_blocks_hurts_nobody() -> None:
    """The comparing thread goes on; what has no room is counted; closing is bounded."""
    stuck, metrics = Event(), Noted()
    host = TellHost(lambda judged: bool(stuck.wait(30)), metrics)
    for _ in range(1100):
        host(judged())
    assert metrics.failed == 100
    host.close(0.05)
    assert metrics.failed == 1100
    stuck.set()
