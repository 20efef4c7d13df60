"""How rates are written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ratelimit.notation import parse_rates, rates_fault
from gateway.ratelimit.rate import Rate

UNDERSTOOD = {
    "minute": ("100/minute", [Rate(100, 60, 100)]),
    "short": ("5/s", [Rate(5, 1, 5)]),
    "words": ("5 per 2 Hours", [Rate(5, 7200, 5)]),
    "number": ("30/15min", [Rate(30, 900, 30)]),
    "spaces": (" 1 / day ", [Rate(1, 86400, 1)]),
    "burst-beside": ("10/second burst 20", [Rate(10, 1, 20)]),
    "burst-apart": ("10/second; burst 20", [Rate(10, 1, 20)]),
    "burst-below": ("100/minute burst 1", [Rate(100, 60, 1)]),
    "burst-belongs-to-the-last": (
        "100/minute; 10/second; burst 20",
        [Rate(100, 60, 100), Rate(10, 1, 20)],
    ),
    "several-bursts": ("9/m; burst 2; 8/h; burst 1", [Rate(9, 60, 2), Rate(8, 3600, 1)]),
    "fastest": ("1000000/second", [Rate(1_000_000, 1, 1_000_000)]),
    "slowest": ("1/50 days", [Rate(1, 50 * 86400, 1)]),
}


@pytest.mark.parametrize(("text", "rates"), UNDERSTOOD.values(), ids=UNDERSTOOD)
def test_rates_are_understood(text: str, rates: list[Rate]) -> None:
    """One or several, with bursts."""
    assert list(parse_rates(text)) == rates
    assert rates_fault(text) is None


FAULTS = {
    "empty": ("", '"" is no rate'),
    "nothing-between": ("1/s;;2/m", '"" is no rate'),
    "no-count": ("/minute", "is no rate"),
    "no-period": ("100/", "is no rate"),
    "negative": ("-1/s", "is no rate"),
    "fraction": ("1.5/s", "is no rate"),
    "other-digits": ("١/s", "is no rate"),
    "unknown-period": ("1/fortnight", '"fortnight" is no period'),
    "zero": ("0/s", "0 is not a number"),
    "zero-burst": ("1/s burst 0", "0 is not a number"),
    "zero-period": ("1/0s", "0 is not a number"),
    "endless": ("9" * 5000 + "/s", "is not a number"),
    "burst-first": ("burst 20; 1/s", "must follow"),
    "burst-twice": ("1/s burst 5; burst 6", "must follow"),
    "twice": ("60/minute; 60/60s", "the same rate twice"),
    "too-fast": ("1000001/second", "more than a million"),
    "too-slow": ("1/51 days", "more than 50 days"),
    "burst-too-slow": ("1/day burst 51", "more than 50 days"),
}


@pytest.mark.parametrize(("text", "fault"), FAULTS.values(), ids=FAULTS)
def test_faults_are_said(text: str, fault: str) -> None:
    """With the part they are in."""
    said = rates_fault(text)
    assert said is not None
    assert fault in said
    assert len(said) < len(text) + 200


@given(st.integers(1, 10**6), st.integers(1, 86400), st.integers(1, 40))
def test_what_a_rate_is_printed_as_says_the_same_rate(count: int, window: int, burst: int) -> None:
    """Marks of stored counts are made from it: it must tell rates apart."""
    rate = Rate(count, window, burst)
    if rates_fault(str(rate)) is None:
        assert parse_rates(str(rate)) == (rate,)


@given(st.text(max_size=40))
def test_any_text_is_a_rate_or_has_a_fault(text: str) -> None:
    """And never raises anything else."""
    rates_fault(text)
