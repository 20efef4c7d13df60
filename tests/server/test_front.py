"""Who is woken for work, and who is left asleep."""

from __future__ import annotations

from threading import Thread

import pytest

from gateway.server.front import LEADERS, Front


def lead(front: Front, number: int) -> None:
    """So many threads take leave to lead."""
    assert all(front.leads() for _ in range(number))


def woken(front: Front) -> int:
    """How many of the threads that wait were told to lead; they do then."""
    number = 0
    while "[0 waiting" not in repr(front):
        assert front.wait() is None
        number += 1
    return number


def test_only_a_few_lead() -> None:
    """Who finds no leave waits."""
    front = Front()
    lead(front, LEADERS)
    assert not front.leads()


def test_nobody_is_woken_while_others_lead() -> None:
    """One leader with a request needs no help; a second one does."""
    front = Front()
    lead(front, LEADERS)
    front.follows(stopped=False)
    assert woken(front) == 0
    front.follows(stopped=False)
    assert woken(front) == 1


def test_who_comes_back_leads_again() -> None:
    """The leave that was left is there for it."""
    front = Front()
    lead(front, LEADERS)
    for _ in range(100):
        front.follows(stopped=False)
        assert front.leads()
    assert woken(front) == 0


def test_a_stop_wakes_everybody_one_after_the_other() -> None:
    """Each that is woken leads, sees the stop and wakes the next."""
    front = Front()
    lead(front, LEADERS)
    ended = []

    def follower() -> None:
        assert front.wait() is None
        ended.append(1)
        front.follows(stopped=True)

    threads = [Thread(target=follower, daemon=True) for _ in range(5)]
    for thread in threads:
        thread.start()
    front.follows(stopped=True)
    for thread in threads:
        thread.join(5)
    assert len(ended) == 5


def test_a_leave_that_was_for_who_waits_is_not_lost() -> None:
    """Whoever looks for requests first, and finds it, may lead."""
    front = Front()
    lead(front, LEADERS)
    front.follows(stopped=False)
    front.follows(stopped=False)
    assert front.waiting() is None
    assert front.leads()
    assert front.leads()
    assert not front.leads()


@pytest.mark.parametrize("taken", range(LEADERS))
def test_there_is_always_somebody_who_leads_or_is_told_to(taken: int) -> None:
    """However many leaders find requests, and in whatever order they come back."""
    front = Front()
    lead(front, LEADERS)
    for _ in range(taken + 1):
        front.follows(stopped=False)
    leading = LEADERS - (taken + 1) + woken(front)
    assert leading >= 1
