"""How long requests may wait: bursts may, queues that stand may not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.admission.delay import INTERVAL_SECONDS, Delay
from gateway.admission.priority import Priority

TARGET, LONGEST = 0.005, 0.1
STEP = INTERVAL_SECONDS / 20


def waited(delay: Delay, wait: float, intervals: float, start: float = 100.0) -> float:
    """So many intervals in which everybody waits as long; returns the time after them."""
    now = start
    for _ in range(round(intervals * INTERVAL_SECONDS / STEP)):
        delay.began(wait, now)
        now += STEP
    return now


def test_a_queue_that_drains_is_no_reason_to_refuse() -> None:
    """One request of an interval that did not wait is enough."""
    delay, now = Delay(TARGET, LONGEST), 100.0
    for number in range(200):
        delay.began(0.0 if number % 8 == 0 else 0.09, now)
        now += STEP
    assert delay.standing(now) == 0
    assert delay.longest(Priority.NORMAL, now) == LONGEST


def test_a_standing_queue_is_seen_after_one_interval_and_acted_on_after_two() -> None:
    """Copies go first: live's requests are refused only if that did not help."""
    delay = Delay(TARGET, LONGEST)
    now = waited(delay, 0.02, 1.5)
    assert delay.standing(now) == 1
    assert delay.longest(Priority.NORMAL, now) == LONGEST
    now = waited(delay, 0.02, 1, now)
    assert delay.standing(now) > 1
    assert delay.longest(Priority.NORMAL, now) == 2 * TARGET


def test_a_queue_that_gets_shorter_is_left_to_drain() -> None:
    """After a stall of the machine everybody is late, and nobody would gain by refusals."""
    delay, now, wait = Delay(TARGET, LONGEST), 100.0, 0.2
    while wait > 0:
        delay.began(wait, now)
        assert not delay.strict(now)
        now, wait = now + STEP, wait - STEP / 4
    assert now - 100.0 > 10 * INTERVAL_SECONDS


def test_refusing_goes_on_until_the_queue_is_gone() -> None:
    """It gets shorter because requests are refused."""
    delay = Delay(TARGET, LONGEST)
    now, wait = waited(delay, 0.05, 4), 0.05
    while wait > 2 * TARGET:
        delay.began(wait, now)
        assert delay.strict(now)
        now, wait = now + STEP, wait - STEP / 40
    assert now - 100.0 > 10 * INTERVAL_SECONDS


def test_a_few_requests_are_no_queue() -> None:
    """One that the machine kept waiting for a moment is alone with that."""
    delay, now = Delay(TARGET, LONGEST), 100.0
    for _ in range(40):
        delay.began(0.02, now)
        now += INTERVAL_SECONDS / 3
        assert delay.standing(now) == 0


def test_priorities_are_refused_one_after_the_other() -> None:
    """Low at the first sign, normal if it stays, high only by the longest wait."""
    delay = Delay(TARGET, LONGEST)
    now = waited(delay, 0.02, 3.5)
    longest = [delay.longest(priority, now) for priority in Priority]
    assert longest == [LONGEST, 2 * TARGET, TARGET]


def test_the_queue_is_forgotten_when_it_drains() -> None:
    """Within an interval of the first request that did not wait."""
    delay = Delay(TARGET, LONGEST)
    now = waited(delay, 0.02, 5)
    now = waited(delay, 0.0, 2, now)
    assert delay.standing(now) == 0


def test_what_was_refused_once_stays_strict_for_a_while() -> None:
    """The queue is gone because requests are refused: letting it stand again would help nobody."""
    delay = Delay(TARGET, LONGEST)
    now = waited(delay, 0.02, 4)
    assert delay.strict(now)
    now = waited(delay, 0.0, 4, now)
    assert delay.standing(now) == 0
    assert delay.longest(Priority.NORMAL, now) == 2 * TARGET
    now = waited(delay, 0.0, 10, now)
    assert not delay.strict(now)
    assert delay.longest(Priority.NORMAL, now) == LONGEST


def test_silence_is_no_standing_queue() -> None:
    """What was is over when nobody has come for a while."""
    delay = Delay(TARGET, LONGEST)
    now = waited(delay, 0.02, 5)
    later = now + 3 * INTERVAL_SECONDS
    assert delay.standing(later) == 0
    delay.began(0.02, later)
    assert delay.standing(later) == 0


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 0.2)), max_size=200))
def test_nobody_waits_longer_than_the_longest(events: list[tuple[float, float]]) -> None:
    """Whatever happened, and a limit is never below the target."""
    delay, now = Delay(TARGET, LONGEST), 0.0
    for wait, pause in events:
        now += pause
        delay.began(wait, now)
        for priority in Priority:
            assert TARGET <= delay.longest(priority, now) <= LONGEST


@pytest.mark.parametrize("target", [0.2, 0.1])
def test_a_target_above_the_longest_wait_is_that(target: float) -> None:
    """The longest wait holds for everybody."""
    delay = Delay(target, LONGEST)
    now = waited(delay, 0.3, 5)
    assert {delay.longest(priority, now) for priority in Priority} == {LONGEST}
