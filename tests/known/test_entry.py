"""What an entry of the register is about, and what it is worth on a day."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.known.entry import EXCHANGE, OVERFLOW, Entry, State
from gateway.store.grouping import GroupKey

DAY = date(2026, 3, 1)


def entry(**given: Any) -> Entry:
    plain = {"id": "x", "pattern": "/total", "reason": "r", "owner": "o", "expires": DAY}
    return Entry(**{**plain, **given})


def group(pattern: str = "/total", **given: str) -> GroupKey:
    plain = {"shadow": "rewrite", "route": "invoices", "part": "body", "kind": "value"}
    return GroupKey(**{**plain, **given, "pattern": pattern})


@pytest.mark.parametrize(
    ("wanted", "pattern", "covered"),
    [
        pytest.param("/total", "/total", True, id="same"),
        pytest.param("/total", "/total/net", False, id="below"),
        pytest.param("", "", True, id="the whole"),
        pytest.param("", "/total", False, id="the whole is not a part"),
        pytest.param("/lines/*/tax", "/lines/*/tax", True, id="folded index"),
        pytest.param("/*/tax", "/lines/tax", True, id="one step"),
        pytest.param("/*/tax", "/lines/*/tax", False, id="two steps"),
        pytest.param("/lines/**", "/lines/*/tax", True, id="any steps"),
        pytest.param("/lines/**", "/lines", True, id="no steps"),
        pytest.param("/**/tax", "/a/b/tax/c/tax", True, id="any in the middle"),
        pytest.param("/**/tax", "/a/b/taxes", False, id="not its end"),
        pytest.param("**", "/a/b", True, id="all"),
        pytest.param("**", OVERFLOW, False, id="nobody knows what"),
        pytest.param("/a.b", "/axb", False, id="no expression"),
    ],
)
def test_patterns(wanted: str, pattern: str, covered: bool) -> None:
    """Steps, not letters."""
    assert entry(pattern=wanted).covers(group(pattern)) is covered


@pytest.mark.parametrize("name", ["shadow", "route", "part", "kind"])
def test_what_is_named_must_be_so(name: str) -> None:
    """And what is not named may be anything."""
    here = group()
    assert entry(**{name: getattr(here, name)}).covers(here)
    assert not entry(**{name: "other"}).covers(here)


def test_failures_are_meant_only_when_they_are_named() -> None:
    """A pattern for everything must not excuse a shadow that is down."""
    failure = group("timed_out", part=EXCHANGE, kind="timed_out")
    assert not entry(pattern="**").covers(failure)
    assert entry(pattern="timed_out", part=EXCHANGE).covers(failure)


@pytest.mark.parametrize(
    ("today", "hits", "limit", "state"),
    [
        pytest.param(DAY, 1, None, State.IN_FORCE, id="last day"),
        pytest.param(date(2026, 3, 2), 1, None, State.EXPIRED, id="the day after"),
        pytest.param(DAY, 0, None, State.NEVER_HIT, id="never hit"),
        pytest.param(DAY, 10, 10, State.IN_FORCE, id="at the limit"),
        pytest.param(DAY, 11, 10, State.EXCEEDED, id="over it"),
        pytest.param(DAY, 1, 0, State.EXCEEDED, id="none allowed"),
        pytest.param(date(2027, 1, 1), 11, 10, State.EXPIRED, id="both"),
    ],
)
def test_state(today: date, hits: int, limit: int | None, state: State) -> None:
    """By the day and the hits."""
    found = entry(limit=limit).state(today, hits)
    assert found is state
    assert found.excuses is (state in {State.IN_FORCE, State.NEVER_HIT})


@given(st.lists(st.sampled_from(["a", "b", "*", "**"]), max_size=12), st.text("ab/", max_size=24))
def test_any_pattern_is_decided_as_a_plain_search_would(wanted: list[str], pattern: str) -> None:
    """Also with many ``**``."""

    def fits(want: list[str], steps: list[str]) -> bool:
        if not want:
            return not steps
        if want[0] == "**":
            return fits(want[1:], steps) or (bool(steps) and fits(want, steps[1:]))
        return bool(steps) and want[0] in ("*", steps[0]) and fits(want[1:], steps[1:])

    expected = fits(wanted or [""], pattern.split("/"))
    assert entry(pattern="/".join(wanted)).covers(group(pattern)) is expected
