"""Decimal arithmetic without rounding, whatever number an upstream writes."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.compare.numbers import Arithmetic, both_numbers, is_number

DECIMALS = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30)
EXACT = Arithmetic()


def test_booleans_are_no_numbers() -> None:
    """Though Python thinks so."""
    assert not is_number(True)
    assert is_number(1)
    assert is_number(Decimal("1.5"))
    assert both_numbers(True, 1) is None


@pytest.mark.parametrize("text", ["10.10", "-3", "+1.5e3", "007"])
def test_texts_of_digits_count_as_numbers(text: str) -> None:
    """Money is often written so."""
    assert both_numbers(text, 1) == (Decimal(text), Decimal(1))


@pytest.mark.parametrize(
    "text", ["", "1,5", "0x10", "NaN", "Infinity", "1_000", "1e9999", "٣", "1" * 200]
)
def test_other_texts_do_not(text: str) -> None:
    """Among them what Decimal would take."""
    assert both_numbers(text, 1) is None


@given(DECIMALS, DECIMALS)
def test_differences_are_exact(live: Decimal, shadow: Decimal) -> None:
    """Beyond the digits that the thread's own context has."""
    difference = EXACT.difference(live, shadow)
    assert abs(difference) > 100 or Arithmetic().difference(Decimal(0), difference) == difference
    assert EXACT.within(live, shadow, difference.copy_abs(), Decimal(0))


def test_a_tolerance_is_kept_to_the_last_digit() -> None:
    """0.01 is within 0.01; and 10.10 to 10.11 is no more than that, as it is in binary."""
    one, other = Decimal("10.10"), Decimal("10.11")
    assert EXACT.within(one, other, Decimal("0.01"), Decimal(0))
    assert not EXACT.within(one, other, Decimal("0.0099999999999999999999"), Decimal(0))
    assert EXACT.within(Decimal(100), Decimal(101), Decimal(0), Decimal("0.01"))
    assert not EXACT.within(Decimal(100), Decimal("101.0000001"), Decimal(0), Decimal("0.01"))


@given(DECIMALS | st.integers().map(Decimal), st.integers(0, 5))
def test_all_writings_of_a_number_have_one_plain_form(number: Decimal, zeros: int) -> None:
    """And no two numbers share one."""
    text = f"{number:f}"
    written = Decimal(text + ("0" if "." in text else ".0") + "0" * zeros)
    plain = EXACT.plain(number)
    assert (plain, type(plain)) == (EXACT.plain(written), type(EXACT.plain(written)))
    assert plain == number


def test_numbers_out_of_all_bounds_do_no_harm() -> None:
    """They are neither written out nor raised about."""
    huge, tiny = Decimal("1e999999999"), Decimal("1e-999999999")
    assert EXACT.plain(huge) == huge
    assert not EXACT.within(huge, Decimal(1), Decimal(5), Decimal("0.5"))
    assert EXACT.within(tiny, Decimal(0), Decimal(1), Decimal(0))
    assert EXACT.shifted(huge, 2) == Decimal("1e1000000001")
