"""The limit on requests in progress: as many as the threads are on time with."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.admission.limit import FEW, AdaptiveLimit, FixedLimit, limit_for

LATE = 0.005


def test_threads_that_wake_late_have_it_shrink_and_threads_on_time_grow() -> None:
    """Down to the few that are never too many, and back up to the most."""
    limit = AdaptiveLimit(64, LATE)
    for _ in range(30):
        limit.observe(0.02, limit.value)
    assert limit.value == FEW
    for _ in range(30):
        limit.observe(0.0, limit.value)
    assert limit.value == 64


def test_it_shrinks_from_what_was_used() -> None:
    """A limit far above what is in progress would shrink without any effect."""
    limit = AdaptiveLimit(1000, LATE)
    limit.observe(0.02, 50)
    assert limit.value == 40


def test_it_does_not_grow_beyond_what_is_needed() -> None:
    """A limit that nobody reaches says nothing about what would be sustained."""
    limit = AdaptiveLimit(64, LATE)
    limit.observe(0.02, 64)
    shrunk = limit.value
    limit.observe(0.0, shrunk - 1)
    assert limit.value == shrunk


def test_a_thousand_waiting_requests_are_reached_within_a_few_samples() -> None:
    """An upstream that suddenly takes a second must not cost refusals for long."""
    limit = AdaptiveLimit(1280, LATE)
    for _ in range(40):
        limit.observe(0.02, 8)
    for _ in range(15):
        limit.observe(0.0, limit.value)
    assert limit.value == 1280


@given(
    st.integers(1, 2000),
    st.lists(st.tuples(st.floats(0, 10), st.integers(0, 3000)), max_size=100),
)
def test_it_stays_within_its_bounds(most: int, seen: list[tuple[float, int]]) -> None:
    """At least one request is always let in."""
    limit = AdaptiveLimit(most, LATE)
    for late, busiest in seen:
        limit.observe(late, busiest)
        assert 1 <= limit.value <= most


def test_a_fixed_limit_stays() -> None:
    """Whatever happens."""
    limit = FixedLimit(7)
    limit.observe(10.0, 7)
    assert limit.value == 7


def test_no_limit_is_over_what_there_are_threads_for() -> None:
    """And 0 is as much as that."""
    limits = [limit_for("fixed", asked, 64).value for asked in (0, 10, 100)]
    assert limits == [64, 10, 64]
    assert limit_for("fixed", 0, 1).value == 1
    assert limit_for("adaptive", 0, 64).value == 64
