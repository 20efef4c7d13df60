"""Threads let each other finish, unless one computes for long."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from gateway.backlog import Backlog
from gateway.turns import PATIENT_SECONDS, PROMPT_SECONDS, short_turns, take_long_turns


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """The process these tests run in keeps its switch interval."""
    before = sys.getswitchinterval()
    yield
    sys.setswitchinterval(before)


def interval() -> float:
    """In seconds; CPython rounds it to microseconds."""
    return round(sys.getswitchinterval(), 6)


def test_turns_are_short_for_a_while_only() -> None:
    """Also when what was computed fails."""
    take_long_turns()
    seen = []

    def compute() -> None:
        with short_turns():
            seen.append(interval())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        compute()
    assert seen == [PROMPT_SECONDS]
    assert interval() == PATIENT_SECONDS


def test_a_host_keeps_its_switch_interval() -> None:
    """Where turns are short already, whoever made them so, nothing is changed."""
    sys.setswitchinterval(0.001)
    with short_turns():
        assert interval() == 0.001
    assert interval() == 0.001


@pytest.mark.parametrize(
    ("size", "expected"), [(1000, PATIENT_SECONDS), (100_000, PROMPT_SECONDS)], ids=str
)
def test_a_large_item_of_a_backlog_is_worked_on_in_short_turns(size: int, expected: float) -> None:
    """It may take longer than a request should wait for the interpreter lock."""
    take_long_turns()
    seen: list[float] = []
    backlog: Backlog[None] = Backlog(
        "test", lambda item: seen.append(interval()), max_items=2, max_bytes=1_000_000
    )
    assert backlog.put(None, size)
    assert backlog.close(5) == []
    assert seen == [expected]
    assert interval() == PATIENT_SECONDS
