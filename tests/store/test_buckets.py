"""Histograms that can be added up, and what is read from them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.store.buckets import BOUNDS, SIZE, index_of, percentiles, quantile

SECONDS = st.floats(0.0001, 90, allow_nan=False)


def histogram(values: list[float]) -> list[int]:
    buckets = [0] * SIZE
    for value in values:
        buckets[index_of(value)] += 1
    return buckets


@given(st.floats(0, 1e6, allow_nan=False))
def test_every_duration_has_a_bucket(seconds: float) -> None:
    """It is at most its bucket's bound, and more than the one before."""
    index = index_of(seconds)
    assert index < SIZE
    assert index == SIZE - 1 or seconds <= BOUNDS[index]
    assert index == 0 or seconds > BOUNDS[index - 1]


@given(st.lists(SECONDS, min_size=1, max_size=200), st.sampled_from([0.5, 0.9, 0.99]))
def test_a_percentile_is_near_the_true_one(values: list[float], share: float) -> None:
    """Within one step of the buckets: 30 %."""
    ordered = sorted(values)
    true = next(v for i, v in enumerate(ordered, 1) if i >= share * len(values))
    assert quantile(histogram(values), share) == pytest.approx(true, rel=0.31)


def test_the_bounds_are_those_of_stored_figures() -> None:
    """They must not change: from 0.1 ms by steps of 30 % to a minute and a half."""
    assert (len(BOUNDS), BOUNDS[0], BOUNDS[8]) == (54, 1e-4, 8e-4)
    assert 90 < BOUNDS[-1] < 100


def test_nothing_has_no_percentiles() -> None:
    """All are 0."""
    assert percentiles([0] * SIZE, 0.0).p99 == 0
    assert quantile([0] * SIZE, 0.5) == 0


def test_what_is_beyond_all_bounds_is_at_least_the_last() -> None:
    """An hour is counted, though not told from two."""
    assert quantile(histogram([3600.0]), 0.5) == BOUNDS[-1]
