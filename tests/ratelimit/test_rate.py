"""One rate: what passes, what is left, how long to wait."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ratelimit.rate import SECOND, Rate, period

RATES = st.builds(
    Rate, st.integers(1, 10_000), st.sampled_from([1, 7, 60, 3600]), st.integers(1, 500)
)


def passed(rate: Rate, arrivals: list[int]) -> list[int]:
    """The moments, of those that requests came at, at which one passed."""
    paid_off, passes = 0, []
    for now in arrivals:
        debt = max(0, paid_off - now)
        if rate.allows(debt):
            paid_off = now + debt + rate.interval
            passes.append(now)
    return passes


@given(RATES, st.lists(st.integers(0, 20 * SECOND), max_size=300))
def test_no_span_of_time_lets_more_pass_than_the_burst_and_the_rate(
    rate: Rate, arrivals: list[int]
) -> None:
    """Whenever it begins, however long it is."""
    passes = passed(rate, sorted(arrivals))
    for first, begin in enumerate(passes):
        for last in range(first, len(passes)):
            span = passes[last] - begin
            assert last - first + 1 <= rate.burst + span // rate.interval


@given(RATES, st.floats(0, 1))
def test_exactly_what_remains_passes(rate: Rate, part: float) -> None:
    """At one moment, from any debt."""
    debt = int(part * rate.tolerance)
    for _ in range(rate.standing(debt)[0]):
        assert rate.allows(debt)
        debt += rate.interval
    assert not rate.allows(debt)
    assert rate.standing(debt)[0] == 0


@given(RATES, st.floats(0, 1))
def test_who_waits_as_long_as_told_passes(rate: Rate, part: float) -> None:
    """And is told whole seconds, not one more than needed."""
    debt = int(part * rate.tolerance)
    wait = rate.wait(debt)
    assert rate.allows(max(0, debt - wait * SECOND))
    assert wait == 0 or not rate.allows(debt - (wait - 1) * SECOND)


@given(RATES, st.floats(0, 1))
def test_what_is_announced_never_suggests_more_than_the_rate(rate: Rate, part: float) -> None:
    """draft-ietf-httpapi-ratelimit-headers-11 section 8.5: who divides r by t keeps the rate."""
    debt = int(part * rate.tolerance)
    left, span = rate.standing(debt)
    assert span >= 1
    assert left * rate.interval <= span * SECOND
    if not rate.allows(debt):
        assert span == rate.wait(debt)


def test_a_rate_without_a_burst_of_its_own_lets_its_count_pass_at_once() -> None:
    """And then one in every interval."""
    rate = Rate(100, 60, 100)
    assert len(passed(rate, [0] * 200)) == 100
    assert len(passed(rate, [0] * 200 + [SECOND] * 200)) == 101


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (1, "second"),
        (10, "10 seconds"),
        (60, "minute"),
        (900, "15 minutes"),
        (90, "90 seconds"),
        (3600, "hour"),
        (86400, "day"),
        (2 * 86400, "2 days"),
    ],
)
def test_periods_are_named_in_the_largest_unit_that_fits(seconds: int, text: str) -> None:
    """For names of policies and for reading."""
    assert period(seconds) == text
