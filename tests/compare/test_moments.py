"""Points in time: RFC 3339 and numbers since 1970."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.compare.moments import moment_of

SAME = {
    "zulu": "2026-03-01T12:00:00Z",
    "lower-case": "2026-03-01t12:00:00z",
    "space": "2026-03-01 12:00:00Z",
    "offset": "2026-03-01T13:00:00+01:00",
    "offset-without-colon": "2026-03-01T10:30:00-0130",
    "fraction": "2026-03-01T12:00:00.000Z",
}


@pytest.mark.parametrize("text", SAME.values(), ids=SAME)
def test_one_moment_written_in_many_ways(text: str) -> None:
    """All of them noon."""
    assert moment_of(text, 1) == (Decimal(1772366400), "text")


@given(st.datetimes(timezones=st.just(timezone.utc)), st.integers(-720, 720))
def test_texts_of_python_are_read_exactly(moment: datetime, minutes: int) -> None:
    """With microseconds and any offset."""
    try:
        there = moment.astimezone(timezone(timedelta(minutes=minutes)))
    except OverflowError:
        return
    since = moment - datetime(1970, 1, 1, tzinfo=timezone.utc)
    exact = Decimal(since.days * 86400 + since.seconds) + Decimal(since.microseconds).scaleb(-6)
    assert moment_of(there.isoformat(), 1) == (exact, "text")


def test_numbers_are_in_the_unit_that_the_rule_says() -> None:
    """Nothing is guessed."""
    assert moment_of(1500, 1) == (Decimal(1500), "number")
    assert moment_of(1500, 1000) == (Decimal("1.5"), "number")
    assert moment_of(Decimal("1e999999"), 1000) is not None


@pytest.mark.parametrize("text", ["1e9999999", "-1e999999999999", "1e-9999999999", "1e20"])
def test_numbers_beyond_all_times_do_no_harm(text: str) -> None:
    """An upstream may write any; Python's own arithmetic raises for some of them."""
    assert moment_of(Decimal(text), 1000) is not None


def test_a_local_time_is_another_kind() -> None:
    """It cannot be compared with one that has an offset."""
    assert moment_of("2026-03-01T12:00:00", 1) == (Decimal(1772366400), "local")


NONE = {
    "date": "2026-03-01",
    "no-such-day": "2026-02-30T00:00:00Z",
    "no-such-hour": "2026-03-01T24:00:00Z",
    "words": "yesterday",
    "long": "2026-03-01T12:00:00." + "0" * 60 + "Z",
    "nothing": None,
    "boolean": True,
}


@pytest.mark.parametrize("value", NONE.values(), ids=NONE)
def test_what_is_no_moment(value: object) -> None:
    """It is compared as it is."""
    assert moment_of(value, 1) is None


def test_a_leap_second_is_one() -> None:
    """RFC 3339 section 5.7."""
    assert moment_of("1990-12-31T23:59:60Z", 1) == moment_of("1991-01-01T00:00:00Z", 1)
