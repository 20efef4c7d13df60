"""Even samples, taken by several who do not know each other."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from gateway.store.sampling import BottomK

STRATUM = ("1", "next", "/a")


@given(st.lists(st.floats(0, 1, exclude_max=True), max_size=200), st.integers(0, 20))
def test_the_smallest_numbers_are_among_those_kept(drawn: list[float], size: int) -> None:
    """Whatever the order they come in."""
    numbers = iter(drawn)
    sample = BottomK(size, lambda: next(numbers))
    kept = [rank for rank in (sample.rank(STRATUM) for _ in drawn) if rank is not None]
    assert sorted(kept)[:size] == sorted(drawn)[:size]


def test_little_is_kept_of_much() -> None:
    """About size * (1 + ln(number / size))."""
    sample = BottomK(100, Random(1).random)
    kept = sum(sample.rank(STRATUM) is not None for _ in range(100_000))
    assert 100 <= kept < 1500


def test_strata_are_sampled_apart_and_bounded() -> None:
    """A route with little traffic has its own sample; days that are over are forgotten."""
    sample = BottomK(1, Random(1).random)
    for day in range(5000):
        assert sample.rank((str(day), "next", "/a")) is not None
    assert "2000 strata" in repr(sample)
