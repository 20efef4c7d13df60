"""Shares with their intervals, and how much more evidence it takes."""

from __future__ import annotations

from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.report.statistics import (
    more_until_at_least,
    more_until_below,
    rate,
    wilson,
)

CONFIDENCES = st.sampled_from([80.0, 90.0, 95.0, 99.0, 99.9])


@st.composite
def counts(draw: st.DrawFn, most: int = 10**7) -> tuple[int, int]:
    """So many of so many."""
    of = draw(st.integers(1, most))
    return draw(st.integers(0, of)), of


@pytest.mark.parametrize(
    ("number", "of", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (29, 29, 0.8830, 1.0000),
    ],
)
def test_intervals_are_those_that_were_published(
    number: int, of: int, low: float, high: float
) -> None:
    """R. G. Newcombe, "Two-sided confidence intervals for the single proportion" (1998),
    table I, method 3; the last row is the first's mirror image for 0 of 29."""
    found = wilson(number, of)
    assert (found.low, found.high) == (pytest.approx(low, abs=6e-5), pytest.approx(high, abs=6e-5))


@pytest.mark.parametrize("of", [10, 50, 200])
def test_an_interval_has_the_truth_about_as_often_as_it_says(of: int) -> None:
    """Exact coverage over all outcomes of a binomial: 95 % on average, never far below."""
    truths = [step / 400 for step in range(4, 397)]
    covered = []
    intervals = [wilson(number, of) for number in range(of + 1)]
    for truth in truths:
        covered.append(
            sum(
                comb(of, number) * truth**number * (1 - truth) ** (of - number)
                for number, found in enumerate(intervals)
                if found.low <= truth <= found.high
            )
        )
    assert 0.94 < sum(covered) / len(covered) < 0.97
    assert min(covered) > 0.83  # Wilson's known low point, at shares of nearly 0 and 1


@given(counts(), CONFIDENCES)
def test_an_interval_is_around_its_estimate(pair: tuple[int, int], confidence: float) -> None:
    """Within 0 and 1, and never so narrow that it claims to know."""
    found = wilson(*pair, confidence)
    assert 0 <= found.low <= found.estimate <= found.high <= 1
    assert found.low < found.high


@given(counts(), CONFIDENCES)
def test_successes_and_failures_are_mirror_images(pair: tuple[int, int], confidence: float) -> None:
    """Nothing hangs on which of the two is counted."""
    number, of = pair
    one, other = wilson(number, of, confidence), wilson(of - number, of, confidence)
    assert one.low == pytest.approx(1 - other.high, abs=1e-12)


@given(counts(10**5), CONFIDENCES)
def test_more_evidence_of_the_same_makes_it_narrower(
    pair: tuple[int, int], confidence: float
) -> None:
    """Ten times as many with the same share."""
    number, of = pair
    one, ten = wilson(number, of, confidence), wilson(number * 10, of * 10, confidence)
    assert ten.high - ten.low < one.high - one.low


def test_of_nothing_nothing_is_known() -> None:
    """All shares are possible."""
    assert (wilson(0, 0).low, wilson(0, 0).high) == (0, 1)


@given(counts(10**5), st.floats(0.5, 0.9999))
def test_so_many_more_are_needed_and_not_one_fewer(pair: tuple[int, int], wanted: float) -> None:
    """With the same share, that many more are just enough for the lower bound."""
    found = rate(*pair)
    more = more_until_at_least(found, wanted)
    if found.interval.estimate <= wanted:
        assert more is None
        return
    share, enough = found.interval.estimate, found.of + (more or 0)
    if more is None:
        assert wilson(share * 10**11, 10**11).low < wanted  # closer than anybody can tell
        return
    assert wilson(share * enough, enough).low >= wanted
    if more:
        assert wilson(share * (enough - 1), enough - 1).low < wanted


@given(counts(10**5), st.floats(0.1, 0.9999))
def test_the_same_for_being_sure_that_it_is_too_little(
    pair: tuple[int, int], wanted: float
) -> None:
    """With the same share, that many more are just enough for the upper bound."""
    found = rate(*pair)
    more = more_until_below(found, wanted)
    if found.interval.estimate >= wanted:
        assert more is None
    elif more:
        share, enough = found.interval.estimate, found.of + more
        assert wilson(share * enough, enough).high < wanted
        assert wilson(share * (enough - 1), enough - 1).high >= wanted


def test_without_a_single_difference_99_9_percent_take_3838_exchanges() -> None:
    """What the documentation says."""
    assert more_until_at_least(rate(0, 0), 0.999) == 3838
    assert more_until_at_least(rate(838, 838), 0.999) == 3000
