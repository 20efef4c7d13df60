"""A shadow that fails again and again gets a rest."""

from __future__ import annotations

import pytest

from gateway.breaker import Breaker
from gateway.exchange import LiveOutcome
from gateway.shadow.outcome import Outcome
from tests.shadow.test_fanout import House, copy
from tests.support.upstream import upstream
from tests.support.waiting import wait_for


class Time:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def fail(breaker: Breaker, times: int = 1) -> None:
    for _ in range(times):
        breaker.report(admitted(breaker), failed=True)


def admitted(breaker: Breaker) -> int:
    """An admission that must be given."""
    admission = breaker.admits()
    assert admission is not None
    return admission


def test_it_opens_after_failures_in_a_row_only() -> None:
    """A single answer in between starts the count anew."""
    breaker = Breaker(3, 10, Time())
    fail(breaker, 2)
    breaker.report(admitted(breaker), failed=False)
    fail(breaker, 2)
    assert not breaker.is_open
    fail(breaker)
    assert breaker.is_open
    assert not breaker.admits()


def test_after_the_cool_down_one_copy_is_a_trial() -> None:
    """Answered: everything is let through again."""
    clock = Time()
    breaker = Breaker(1, 10, clock)
    fail(breaker)
    clock.now = 9.9
    assert not breaker.admits()
    clock.now = 10.0
    trial = admitted(breaker)
    assert [breaker.admits() for _ in range(2)] == [None, None]
    breaker.report(trial, failed=False)
    assert not breaker.is_open
    assert all(breaker.admits() for _ in range(3))


def test_a_failed_trial_doubles_the_rest_up_to_a_limit() -> None:
    """So that a dead shadow costs less and less."""
    clock = Time()
    breaker = Breaker(1, 1, clock)
    fail(breaker)
    rests = []
    for _ in range(6):
        began = clock.now
        while (trial := breaker.admits()) is None:
            clock.now += 0.5
        rests.append(clock.now - began)
        breaker.report(trial, failed=True)
    assert rests == [1, 2, 4, 8, 8, 8]


def test_a_trial_that_was_not_offered_is_given_back() -> None:
    """Else the breaker would stay open for ever."""
    clock = Time()
    breaker = Breaker(1, 1, clock)
    fail(breaker)
    clock.now = 1.0
    breaker.withdraw(admitted(breaker))
    assert breaker.admits()


@pytest.mark.parametrize("late", ["failed", "answered", "withdrawn"])
def test_reports_of_copies_from_before_change_nothing(late: str) -> None:
    """They neither lengthen the rest, nor end it, nor end somebody else's trial."""
    clock = Time()
    breaker = Breaker(1, 1, clock)
    early = admitted(breaker)
    fail(breaker)
    assert breaker.overtaken(early)
    for now, trial in ((0.5, False), (1.0, True)):
        clock.now = now
        assert (breaker.admits() is not None) is trial
        if late == "withdrawn":
            breaker.withdraw(early)
        else:
            breaker.report(early, failed=late == "failed")
        assert breaker.is_open
        assert breaker.admits() is None


def test_zero_failures_never_opens_it() -> None:
    """Switched off."""
    breaker = Breaker(0, 1, Time())
    fail(breaker, 1000)
    assert not breaker.is_open


def test_an_open_breaker_drops_copies_before_anything_is_built() -> None:
    """And an answer of the shadow, whatever its status, closes it."""
    with House(breaker_failures=3, breaker_cooldown=0.05) as house:
        for n in range(3):
            house.fanout.offer(copy(), LiveOutcome.ANSWERED)
            wait_for(lambda n=n: house.pool.snapshot().done == n + 1, "the call")
        assert house.shadow.breaker.is_open
        house.fanout.offer(copy(), LiveOutcome.ANSWERED)
        assert house.ledger.snapshot()["s"] == {
            Outcome.FAILED_CONNECT: 3,
            Outcome.DROPPED_BREAKER_OPEN: 1,
        }
        assert house.pool.snapshot().done == 3


def test_error_answers_do_not_open_it() -> None:
    """They are what the comparison is there for."""
    with (
        upstream(lambda r: b"HTTP/1.1 500 E\r\nContent-Length: 0\r\n\r\n") as server,
        House(server.url, breaker_failures=1) as house,
    ):
        for n in range(3):
            house.fanout.offer(copy(), LiveOutcome.ANSWERED)
            wait_for(lambda n=n: house.pool.snapshot().done == n + 1, "the call")
        assert house.ledger.snapshot()["s"] == {Outcome.ANSWERED: 3}
