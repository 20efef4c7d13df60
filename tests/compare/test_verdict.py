"""The vocabulary: every verdict is in exactly one of the five counts."""

from __future__ import annotations

import pytest

from gateway.compare.verdict import Comparison, Count, Verdict


@pytest.mark.parametrize(
    ("verdict", "count"),
    [
        (Verdict.MATCH, Count.MATCH),
        (Verdict.STATUS, Count.DIFFERS),
        (Verdict.HEADERS, Count.DIFFERS),
        (Verdict.BODY, Count.DIFFERS),
        (Verdict.SHADOW_FAILED, Count.SHADOW_FAILED),
        (Verdict.TIMED_OUT, Count.SHADOW_FAILED),
        (Verdict.NOT_COMPARED, Count.NOT_COMPARABLE),
    ],
    ids=lambda each: each.value,
)
def test_every_verdict_counts_once(verdict: Verdict, count: Count) -> None:
    """Whatever was ignored: only a match becomes another count by that."""
    assert Comparison(verdict).counts_as is count
    ignoring = Count.MATCH_AFTER_IGNORING if verdict is Verdict.MATCH else count
    assert Comparison(verdict, ignored=1).counts_as is ignoring


def test_no_verdict_was_forgotten() -> None:
    """A new one has to be given its count."""
    assert {each.value for each in Verdict} == {
        "match",
        "status",
        "headers",
        "body",
        "shadow_failed",
        "timed_out",
        "not_compared",
    }
