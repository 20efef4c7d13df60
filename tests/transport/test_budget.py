from __future__ import annotations

import pytest
import requests

from gateway.transport import DeadlineExceeded, Timeouts
from gateway.transport.budget import Budget, timeouts_of


@pytest.mark.parametrize(
    ("timeout", "expected"),
    [
        pytest.param(None, (None, None, None), id="none"),
        pytest.param(3, (3, 3, None), id="one number"),
        pytest.param((1, 2.5), (1, 2.5, None), id="requests' pair"),
        pytest.param((None, 2), (None, 2, None), id="half a pair"),
        pytest.param(Timeouts(1, 2, 3), (1, 2, 3), id="Timeouts"),
    ],
)
def test_requests_forms_of_timeout_are_taken(timeout: object, expected: object) -> None:
    """Whatever requests allows as timeout means the same here."""
    assert timeouts_of(timeout) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize("timeout", ["3", (1,), (1, 2, 3), [1, 2]], ids=repr)
def test_other_timeouts_are_refused(timeout: object) -> None:
    """A time-out that cannot be meant is an error, not no time-out."""
    with pytest.raises(ValueError, match="timeout must be"):
        timeouts_of(timeout)  # type: ignore[arg-type]


def test_the_total_ends_every_wait() -> None:
    """A silence is shortened by the total, and its end is then called by the total's name."""
    now = [100.0]
    budget = Budget(Timeouts(1, 5, 7), lambda: now[0])
    assert budget.silence() == 105
    now[0] = 104
    assert budget.silence() == 107
    assert type(budget.expired("body")) is not DeadlineExceeded
    now[0] = 107
    error = budget.expired("connect")
    assert isinstance(error, DeadlineExceeded)
    assert isinstance(error, requests.ReadTimeout)
    assert error.phase == "connect"
    assert error.nothing_sent


def test_without_limits_nothing_expires() -> None:
    """None is no limit."""
    budget = Budget(Timeouts(None, None), lambda: 0.0)
    assert budget.silence() == float("inf")
