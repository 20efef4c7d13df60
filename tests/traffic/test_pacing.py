"""When requests are due."""

from __future__ import annotations

import pytest

from gateway.traffic.pacing import Pace


@pytest.mark.parametrize(
    ("pace", "received", "due"),
    [
        (Pace(), [100, 101, 103.5], [0, 1, 3.5]),
        (Pace(speed=2), [100, 101, 103], [0, 0.5, 1.5]),
        (Pace(speed=0.5), [100, 101], [0, 2]),
        (Pace(speed=None), [100, 101, 200], [0, 0, 0]),
        (Pace(rate=4), [100, 101, 500], [0, 0.25, 0.5]),
        (Pace(), [100, 99, 102], [0, 0, 3]),
        (Pace(max_pause=5), [100, 106, 3700, 3701], [0, 5, 10, 11]),
        (Pace(max_pause=5, speed=2), [100, 200], [0, 2.5]),
    ],
    ids=["recorded", "twice", "half", "max", "rate", "back", "pause", "pause-twice"],
)
def test_due_times(pace: Pace, received: list[float], due: list[float]) -> None:
    """Seconds from the beginning."""
    assert [pace.due(at) for at in received] == due


def test_pauses_that_were_made_shorter_are_counted() -> None:
    """So that nobody takes a night for a minute."""
    pace = Pace(max_pause=5)
    for at in (0, 4, 10, 100):
        pace.due(at)
    assert pace.shortened == 2


def test_what_is_sent_as_fast_as_may_be_is_never_late() -> None:
    """There is no time it was due."""
    assert [Pace().timed, Pace(rate=1).timed, Pace(speed=None).timed] == [True, True, False]
