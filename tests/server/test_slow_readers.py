"""Which clients are too slow, decided over made-up times."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from gateway.server.limits import Limits
from gateway.server.slow_readers import GRACE_SECONDS, Pace, SlowReaders


def pace(taken: int = 0, *, since: float = 100.0, last: float | None = None) -> Pace:
    limits = Limits()
    limits.write_timeout, limits.write_min_rate = 30.0, 1000
    made = Pace(limits)
    made.fell_behind(since, 1000)
    made.took(taken, since if last is None else last)
    return made


@pytest.mark.parametrize(
    ("taken", "last", "deadline"),
    [(0, 100.0, 130.0), (5000, 101.0, 131.0), (5000, 120.0, 135.0), (10**9, 200.0, 230.0)],
    ids=["nothing", "fast-then-nothing", "slow-and-steady", "earned-time-is-no-licence-to-stop"],
)
def test_each_byte_earns_time_and_none_at_all_ends_it(
    taken: int, last: float, deadline: float
) -> None:
    """Whichever comes first: write_timeout without a byte, or the minimum rate missed."""
    assert pace(taken, last=last).deadline == deadline


def test_time_when_nothing_waited_does_not_count() -> None:
    """The application's pauses are not the client's; but its delays add up over an answer."""
    made = pace(2000, last=105.0)
    made.caught_up(110.0)
    made.fell_behind(500.0, 50)
    assert (made.waited(501.0), made.taken, made.deadline) == (11.0, 2000, 522.0)
    made.start()
    made.fell_behind(600.0, 50)
    assert (made.waited(601.0), made.taken, made.deadline) == (1.0, 0, 630.0)


def test_what_the_kernel_hands_over_counts() -> None:
    """Long before it takes more of us."""
    made = pace()
    made.seen(1000, 110.0)
    assert (made.taken, made.deadline) == (0, 130.0)
    made.seen(400, 111.0)
    assert (made.taken, made.deadline) == (600, 130.6)
    made.took(500, 112.0)
    made.seen(900, 113.0)
    assert (made.taken, made.deadline) == (1100, 131.1)


def test_the_slowest_of_too_many_give_up() -> None:
    """As many as there are too many; of equals the one that waits longest."""
    fast, slow, old, new = pace(9000), pace(90), pace(0, since=99.0), pace(0, since=99.5)
    readers = SlowReaders(2)
    with ExitStack() as stack:
        for each in (fast, slow, new, old):
            stack.enter_context(readers.waiting_for(each))
        assert repr(readers) == "<SlowReaders 4 waited for, 2 allowed>"
        assert [readers.gives_up(each, 101.0) for each in (fast, slow, old, new)] == [
            *(False, False, True, True)
        ]
        assert not readers.gives_up(slow, 102.0)
    assert repr(readers) == "<SlowReaders 0 waited for, 2 allowed>"


def test_clients_waited_for_only_a_moment_do_not_count() -> None:
    """Neither against themselves nor against others: every long answer waits now and then."""
    young, old = [pace() for _ in range(5)], pace(since=90.0)
    readers = SlowReaders(1)
    with ExitStack() as stack:
        for each in (*young, old):
            stack.enter_context(readers.waiting_for(each))
        now = 100.0 + GRACE_SECONDS / 2
        assert not any(readers.gives_up(each, now) for each in (*young, old))
        assert readers.gives_up(old, 100.0 + GRACE_SECONDS)
