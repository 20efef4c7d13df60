"""Currencies and their minor units."""

from __future__ import annotations

import pytest

from gateway.compare.currencies import currency_fault, exponent_of


@pytest.mark.parametrize(
    ("code", "decimals"),
    [("EUR", 2), ("JPY", 0), ("KWD", 3), ("CLF", 4), ("BTC", None), ("eur", None), ("", None)],
)
def test_minor_units_are_those_of_iso_4217(code: str, decimals: int | None) -> None:
    """What is in no list is not guessed."""
    assert exponent_of(code) == decimals


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("EUR", None),
        ("$.currency", None),
        ("eur", 'did you mean "EUR"?'),
        ("XYZ", "that is none of its codes"),
        ("EURO", ""),
        ("$.", "after . there is a name"),
    ],
)
def test_a_currency_or_a_path_to_one_can_be_written(text: str, fault: str | None) -> None:
    """And what is wrong is said."""
    assert currency_fault(text) == fault
