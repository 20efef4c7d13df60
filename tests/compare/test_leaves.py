"""Single values that differ, and what rules say about them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.compare.found import Found
from gateway.compare.leaves import Leaves, Patience, step_into
from gateway.compare.patterns import Pattern, TooSlow
from gateway.compare.rules import Rules
from gateway.settings.comparison import Compare, MoneyRule, NumberRule, TextRule, TimeRule
from tests.compare.making import SCALARS

# What an upstream can write as a number, beyond all that can be calculated with.
EXTREME = st.sampled_from(
    ["1e9999999", "-1e999999999999", "1e-9999999999", "9" * 90, "0." + "1" * 90, "1e20"]
).map(Decimal)
TIMES = st.sampled_from(["2026-03-01T12:00:00Z", "2026-03-01T12:00:00", "2026-02-30T00:00:00Z"])
AMOUNTS = st.sampled_from(["10.50", "-0", "1e3", "1e999", "+7"])
ANY = SCALARS | EXTREME | TIMES | AMOUNTS

MONEY: dict[str, Any] = {"money": [MoneyRule(path="$.a", currency="$.c", tolerance="1")]}
ALL: dict[str, Any] = {
    **MONEY,
    "numbers": [NumberRule(path="$.a", absolute="0.5", relative="0.01")],
    "times": [TimeRule(path="$.a", window=2.0)],
    "normalise": [TextRule(pattern="[0-9]+", replace="#", path="$.a")],
}


def tolerated(
    live: Any, shadow: Any, currencies: tuple[Any, Any] = ("EUR", "EUR"), **rules: Any
) -> tuple[bool, list[Decimal]]:
    """Whether a rule lets two values at ``$.a`` pass, and what was added up."""
    place = Rules(Compare(**rules)).place
    here = place.child("a") if place is not None else None
    assert here is not None
    found = Found(10)
    documents = [{"a": value, "c": c} for value, c in zip((live, shadow), currencies, strict=True)]
    leaves = Leaves(*documents, found, Patience(10))
    fine = leaves.tolerated(live, shadow, here.found, (None, "a", "a"))
    assert not found.differences
    return fine, [each.minor_units for each in found.drift()]


@given(ANY, ANY)
def test_no_values_are_too_odd_to_be_looked_at(live: Any, shadow: Any) -> None:
    """Whatever rules there are, and whichever side it is: nothing raises, both ways agree
    where the rules are the same both ways.
    """
    fine, drift = tolerated(live, shadow, **ALL)
    assert isinstance(fine, bool)
    back = tolerated(shadow, live, **ALL)[1]
    assert [each.copy_negate() for each in drift] == back
    for name in ("times", "normalise"):
        rules = {name: ALL[name]}
        assert tolerated(live, shadow, **rules) == tolerated(shadow, live, **rules)


@given(st.decimals("-1e6", "1e6", places=4), st.decimals("-2", "2", places=4))
def test_money_may_differ_by_its_tolerance_and_is_added_up(amount: Decimal, by: Decimal) -> None:
    """A cent passes, more does not; all of it is added up, with its sign."""
    fine, drift = tolerated(amount, amount + by, **MONEY)
    assert fine is (abs(by) <= Decimal("0.01"))
    assert drift == ([by * 100] if by else [])


@pytest.mark.parametrize(
    ("live", "shadow", "currencies", "fine", "drift"),
    [
        pytest.param("1.00", "1.01", ("EUR", "EUR"), True, 1, id="texts"),
        pytest.param("1.00", Decimal("1.01"), ("EUR", "EUR"), False, 1, id="a text and a number"),
        pytest.param(100, 101, ("JPY", "jpy"), True, 1, id="yen have no cents"),
        pytest.param(Decimal("0.1"), Decimal("0.101"), ("KWD", "KWD"), True, 1, id="fils"),
        pytest.param(1, 2, ("EUR", "EUR"), False, 100, id="more than the tolerance"),
        pytest.param(1, 2, ("EUR", "USD"), False, None, id="two currencies"),
        pytest.param(1, 2, ("XYZ", "XYZ"), False, None, id="no currency"),
        pytest.param(1, 2, (None, None), False, None, id="currency is missing"),
        pytest.param("free", 2, ("EUR", "EUR"), False, None, id="no amount"),
        pytest.param(True, 2, ("EUR", "EUR"), False, None, id="a boolean"),
    ],
)
def test_money_needs_its_currency(
    live: Any, shadow: Any, currencies: tuple[Any, Any], fine: bool, drift: int | None
) -> None:
    """On both sides the same, and a known one: else it has to be equal."""
    found = tolerated(live, shadow, currencies, **MONEY)
    assert found == (fine, [] if drift is None else [Decimal(drift)])


@pytest.mark.parametrize(
    ("live", "shadow", "fine"),
    [
        pytest.param(Decimal("10"), Decimal("10.5"), True, id="absolute"),
        pytest.param(1000, 1010, True, id="relative"),
        pytest.param(1000, Decimal("1010.1"), False, id="neither"),
        pytest.param("10", "10.5", True, id="texts"),
        pytest.param("10", Decimal("10.5"), False, id="a text and a number"),
        pytest.param(None, 0, False, id="nothing"),
        pytest.param(False, 0, False, id="a boolean"),
    ],
)
def test_either_tolerance_will_do_for_numbers(live: Any, shadow: Any, fine: bool) -> None:
    """Of one type."""
    assert tolerated(live, shadow, numbers=ALL["numbers"]) == (fine, [])


@pytest.mark.parametrize(
    ("live", "shadow", "fine"),
    [
        pytest.param("2026-03-01T12:00:00Z", "2026-03-01T13:00:02+01:00", True, id="two offsets"),
        pytest.param("2026-03-01T12:00:00Z", "2026-03-01T12:00:02.001Z", False, id="beyond"),
        pytest.param("2026-03-01T12:00:00Z", "2026-03-01T12:00:00", False, id="one has no offset"),
        pytest.param("2026-03-01T12:00:00Z", 1772366400, False, id="a text and a number"),
        pytest.param(1772366400, Decimal("1772366401.5"), True, id="numbers"),
        pytest.param("soon", "later", False, id="words"),
    ],
)
def test_times_may_differ_by_their_window(live: Any, shadow: Any, fine: bool) -> None:
    """If they are written in one way."""
    assert tolerated(live, shadow, times=ALL["times"]) == (fine, [])


def test_texts_are_the_same_once_normalised() -> None:
    """Both of them; what is no text is not made one."""
    rules = {"normalise": ALL["normalise"]}
    assert tolerated("INV-1", "INV-22", **rules)[0]
    assert not tolerated("INV-1", "DOC-1", **rules)[0]
    assert not tolerated(1, 2, **rules)[0]


def test_patience_ends_for_all_patterns_together() -> None:
    """What the first took, the second has not; and then there is none for others."""
    seconds = iter([0.0, 0.6, 0.6, 1.1])
    patience = Patience(1.0, lambda: next(seconds))
    patterns = [Pattern("a", "b"), Pattern("b", "c")]
    with pytest.raises(TooSlow, match="b"):
        patience.normalised("a", patterns)


def test_patience_is_enough_for_what_is_quick() -> None:
    """One after the other, in the order of the rules."""
    assert Patience(10).normalised("a", [Pattern("a", "b"), Pattern("b", "c")]) == "c"
    assert Patience(10).normalised("a", []) == "a"


@pytest.mark.parametrize(
    ("value", "key", "found"),
    [
        pytest.param({"a": 1}, "a", 1, id="member"),
        pytest.param([5, 6], 1, 6, id="item"),
        pytest.param({"a": 1}, "b", None, id="no member"),
        pytest.param([5], 1, None, id="no item"),
        pytest.param({"0": 1}, 0, None, id="an index into an object"),
        pytest.param([5], "0", None, id="a name into an array"),
        pytest.param("text", 0, None, id="into a text"),
    ],
)
def test_a_step_leads_somewhere_or_to_nothing(value: Any, key: Any, found: Any) -> None:
    """And never raises."""
    assert step_into(value, key) == found
