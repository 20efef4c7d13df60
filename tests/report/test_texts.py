"""Figures and values as people read them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.report.texts import money, percent, safe, seconds, value_text

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.decimals(allow_nan=False),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (1.0, "100 %"),
        (0.99999, "99.999 %"),
        (0.9999999, "99.99999 %"),
        (0.5, "50 %"),
        (0.00001, "0.001 %"),
        (0.0, "0 %"),
        (-0.0012, "-0.12 %"),
    ],
)
def test_a_share_is_not_rounded_to_all_or_nothing(share: float, text: str) -> None:
    """99.999 % are not all."""
    assert percent(share) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("1.430"), "1.430"),
        ("1.43", '"1.43"'),
        (None, "null"),
        (True, "true"),
        ({"a": [1, Decimal("0.10")]}, '{"a": [1, 0.10]}'),
        ("\ud800", '"\\ud800"'),
        ("x" * 200, '"' + "x" * 88 + "…"),
    ],
    ids=["decimal", "text", "null", "true", "object", "half a character", "long"],
)
def test_a_value_looks_as_it_did(value: Any, text: str) -> None:
    """Digits are kept, long ones cut."""
    assert value_text(value) == text


@given(JSON)
@settings(max_examples=50)
def test_every_value_has_a_short_text_that_can_be_encoded(value: Any) -> None:
    """Whatever an upstream says."""
    text = value_text(value)
    assert len(text.encode()) < 10 * 91


@given(st.text())
def test_a_terminal_is_given_no_commands(text: str) -> None:
    """Only what prints as itself is left."""
    assert safe(text).isprintable()


@pytest.mark.parametrize(
    ("units", "currency", "text"),
    [("-27", "EUR", "-0.27 EUR"), ("1050", "JPY", "+1050 JPY"), ("1", "KWD", "+0.001 KWD")],
)
def test_money_is_in_its_own_unit(units: str, currency: str, text: str) -> None:
    """Yen have no cents, dinars a thousand fils."""
    assert money(Decimal(units), currency) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.5, "1.50 s"), (0.25, "250 ms"), (0.0123, "12.3 ms"), (0.00042, "0.42 ms")],
)
def test_a_latency_has_three_digits(value: float, text: str) -> None:
    """In the unit in which it is easy to read."""
    assert seconds(value) == text
