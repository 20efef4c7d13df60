"""Latencies as pairs: ratios and differences with bootstrap intervals."""

from __future__ import annotations

import random
from statistics import stdev

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.report.paired import _WEIGHTS, FEWEST_PAIRS, Paired, more_pairs, paired
from gateway.report.statistics import Interval

Pairs = list[tuple[float, float]]


def sample(number: int, factor: float = 1.1, seed: int = 1, noise: float = 0.2) -> Pairs:
    """Latencies with a long tail; the shadow's are ``factor`` times as long, give or take."""
    draw = random.Random(seed)
    lives = [draw.lognormvariate(-4, 0.8) for _ in range(number)]
    return [(live, live * factor * draw.lognormvariate(0, noise)) for live in lives]


def made(pairs: Pairs) -> Paired:
    found = paired(pairs, len(pairs))
    assert found is not None
    return found


def test_the_same_pairs_give_the_same_figures() -> None:
    """In whatever order the store returns them, and as often as one asks."""
    pairs = sample(500)
    shuffled = random.Random(7).sample(pairs, len(pairs))
    assert made(pairs) == made(pairs) == made(shuffled)


def test_intervals_have_the_truth_nearly_always() -> None:
    """In 40 experiments, about as often as 95 % says; the truth is known."""
    inside = dict.fromkeys(("each", "p50", "p95"), 0)
    for seed in range(40):
        found = made(sample(200, 1.25, seed=seed, noise=0.05))
        for figure in inside:
            interval: Interval = getattr(found, figure)
            inside[figure] += interval.low <= 1.25 <= interval.high
    assert min(inside.values()) >= 34


@pytest.mark.parametrize(("confidence", "reach"), [(80.0, 1.2816), (95.0, 1.96), (99.0, 2.5758)])
def test_the_difference_of_the_means_is_as_theory_has_it(confidence: float, reach: float) -> None:
    """Where the noise is normal, the reach is so many standard errors, give or take a tenth."""
    draw = random.Random(3)
    noise = [draw.gauss(0.005, 0.002) for _ in range(1000)]
    found = paired([(0.1, 0.1 + each) for each in noise], 1000, confidence)
    assert found is not None
    error = stdev(noise) / len(noise) ** 0.5
    low, high = found.difference.low, found.difference.high
    assert (high - low) / 2 == pytest.approx(reach * error, rel=0.12)


def test_sides_that_have_nothing_in_common_are_no_pairs_of_equals() -> None:
    """The same latencies in another order: as likely equal as not, and that is all."""
    lives = [live for live, _ in sample(400)]
    others = random.Random(5).sample(lives, len(lives))
    found = made(list(zip(lives, others, strict=True)))
    assert found.p50.estimate == 1.0
    assert found.p50.low < 0.9 < 1.1 < found.p50.high


def test_an_interval_shrinks_with_the_root_of_the_number() -> None:
    """Sixteen times as many pairs: a quarter of the width, roughly."""
    few, many = made(sample(200)).difference, made(sample(3200)).difference
    assert 2 < (few.high - few.low) / (many.high - many.low) < 8


def test_equal_sides_are_equal_for_certain() -> None:
    """Pairing takes away what both sides have in common, here all of it."""
    found = made([(live, live) for live, _ in sample(300)])
    for interval in (found.each, found.p50, found.p95, found.p99):
        assert interval == Interval(1.0, 1.0, 1.0)
    assert found.difference == Interval(0.0, 0.0, 0.0)


def test_pairs_tell_more_than_the_two_sides_apart() -> None:
    """A shadow that is always 2 % slower is found out, although live itself varies much more."""
    found = made(sample(1000, 1.02, noise=0.01))
    assert 1.01 < found.each.low <= found.each.high < 1.03


def test_a_slow_tail_shows_where_it_is() -> None:
    """One in ten takes ten times as long: not at the median, but at the 95th percentile."""
    pairs = [
        (live, live * (10 if index % 10 == 0 else 1))
        for index, (live, _) in enumerate(sample(2000))
    ]
    found = made(pairs)
    assert found.p50.high < 1.3
    assert found.p95.low > 1.5


@given(st.floats(0.001, 1000), st.integers(0, 10**6))
@settings(max_examples=10)
def test_ratios_do_not_know_units(factor: float, seed: int) -> None:
    """Seconds or milliseconds: ratios stay, differences are in the same unit."""
    pairs = sample(120, seed=seed)
    one = made(pairs)
    other = made([(live * factor + 0, shadow * factor) for live, shadow in pairs])
    assert other.p95.high == pytest.approx(one.p95.high, rel=1e-3)
    assert other.difference.low == pytest.approx(one.difference.low * factor, rel=1e-2, abs=1e-5)


@pytest.mark.parametrize("number", [0, 1, FEWEST_PAIRS - 1])
def test_of_too_few_nothing_is_said(number: int) -> None:
    """Below that a 95th percentile is a guess."""
    assert paired(sample(number), number) is None


def test_a_clock_that_did_not_move_divides_by_nothing() -> None:
    """A latency of zero is one of a clock's step."""
    assert made([(0.0, 0.0)] * FEWEST_PAIRS).p95.high == 0.0


def test_weights_are_those_of_a_poisson_distribution() -> None:
    """Mean and variance 1, within a hundredth: what makes it a bootstrap."""
    assert len(_WEIGHTS) == 256
    mean = sum(_WEIGHTS) / 256
    variance = sum(weight * weight for weight in _WEIGHTS) / 256 - mean * mean
    assert mean == pytest.approx(1, abs=0.01)
    assert variance == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(
    ("interval", "limit", "more"),
    [
        (Interval(1.0, 1.0, 1.5), 1.25, 300),
        (Interval(1.0, 1.5, 1.75), 1.25, 300),
        (Interval(1.0, 1.1, 1.15), 1.2, 0),
        (Interval(1.0, 1.2, 1.3), 1.2, None),
    ],
    ids=["below", "above", "clear already", "exactly at it"],
)
def test_how_many_more_until_it_is_clear(
    interval: Interval, limit: float, more: int | None
) -> None:
    """Twice as far as allowed takes four times as many."""
    assert more_pairs(interval, 100, limit) == more
