"""How surely mirrored requests are slower, or fail more."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from gateway.isolation.difference import errors, latency
from gateway.isolation.sums import Groups, Sums

BUDGET, CONFIDENCE = 0.01, 99.99


def sums(latencies: list[float], failed: int = 0) -> Sums:
    return Sums(len(latencies), sum(latencies), sum(each * each for each in latencies), failed)


def test_the_estimate_is_the_difference_of_the_means() -> None:
    """And the interval lies evenly around it."""
    groups = Groups(sums([0.2, 0.4], failed=1), sums([0.1, 0.1]))
    low, estimate, high = latency(groups).interval()  # type: ignore[union-attr]
    assert estimate == pytest.approx(0.2)
    assert high - estimate == pytest.approx(estimate - low)
    # Variance of the four together is 0.015; z of 95 % is 1.96.
    assert high - estimate == pytest.approx(1.95996 * 0.015**0.5, rel=1e-4)
    assert errors(groups).estimate == 0.5  # type: ignore[union-attr]


@pytest.mark.parametrize("groups", [Groups(), Groups(sums([1.0])), Groups(Sums(), sums([1.0]))])
def test_with_an_empty_group_there_is_no_difference(groups: Groups) -> None:
    """Rather than one of nought."""
    assert latency(groups) is errors(groups) is None


def lognormal(random: random.Random) -> float:
    return min(5.0, random.lognormvariate(-4, 1.5))


def rare_disaster(random: random.Random) -> float:
    return 1.0 if random.random() < 0.01 else 0.001


def alarms(draw: Callable[[random.Random], float], added: float, trials: int) -> int:
    """In how many trials the budget is found exceeded: 100 held out, 9,900 mirrored."""
    chance, found = random.Random(7), 0
    for _ in range(trials):
        held_out = sums([draw(chance) for _ in range(100)])
        mirrored = sums([draw(chance) + added for _ in range(2000)])
        found += latency(Groups(mirrored, held_out)).exceeds(BUDGET, CONFIDENCE)  # type: ignore[union-attr]
    return found


@pytest.mark.parametrize("draw", [lognormal, rare_disaster], ids=lambda draw: draw.__name__)
def test_long_tails_are_no_false_alarm(draw: Callable[[random.Random], float]) -> None:
    """A small group often has none of the rare slow requests; that must not be taken for proof."""
    assert alarms(draw, 0.0, 300) == 0


@pytest.mark.parametrize("draw", [lognormal, rare_disaster], ids=lambda draw: draw.__name__)
def test_a_real_cost_is_found(draw: Callable[[random.Random], float]) -> None:
    """Well over the budget it is found every time."""
    assert alarms(draw, 0.5, 50) == 50


@pytest.mark.parametrize(
    ("mirrored", "held_out", "exceeded"),
    [((9900, 99), (100, 0), False), ((9900, 990), (400, 0), True), ((9900, 990), (400, 40), False)],
    ids=["too-few", "many", "both"],
)
def test_errors_are_found_where_they_are_mirrorings(
    mirrored: tuple[int, int], held_out: tuple[int, int], exceeded: bool
) -> None:
    """Not where both groups have them, and not by chance."""
    groups = Groups(*(Sums(n, 0.0, 0.0, failed) for n, failed in (mirrored, held_out)))
    assert errors(groups).exceeds(0.01, CONFIDENCE) is exceeded  # type: ignore[union-attr]
