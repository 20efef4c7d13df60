"""What was found, within bounds."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.compare.found import Found
from gateway.compare.verdict import Difference, Kind, Part

STATUS = Difference(Part.STATUS, Kind.STATUS, "", "", 200, 500)
# Of what can be noted: a difference, one in a body, something ignored, or an amount.
NOTES = st.lists(st.sampled_from(["status", "body", "ignored", "EUR", "JPY"]), max_size=12)


def note(found: Found, notes: list[str]) -> None:
    for index, what in enumerate(notes):
        if what == "status":
            found.add(STATUS)
        elif what == "body":
            found.in_body(Kind.VALUE, (None, index, index), index, -index)
        elif what == "ignored":
            found.ignored += 1
        else:
            found.drifted((None, index, index), what, Decimal(index + 1))


def test_differences_are_kept_up_to_a_number_and_counted_beyond() -> None:
    """Wherever they are."""
    found = Found(2)
    note(found, ["status", "body"])
    assert found.full
    note(found, ["status", "body"])
    assert (len(found.differences), found.count) == (2, 4)


@pytest.mark.parametrize(
    ("kind", "pointer", "elsewhere"),
    [
        pytest.param(Kind.VALUE, "/lines/0/id", "/lines/3/id", id="both have it"),
        pytest.param(Kind.ORDER, "/lines/0/id", "/lines/3/id", id="in another order"),
        pytest.param(Kind.MISSING, "/lines/0/id", None, id="live has it"),
        pytest.param(Kind.ADDED, "/lines/3/id", None, id="the shadow has it"),
        pytest.param(Kind.REQUIRED, "/lines/3/id", None, id="the shadow should have it"),
    ],
)
def test_a_difference_is_where_it_can_be_found(
    kind: Kind, pointer: str, elsewhere: str | None
) -> None:
    """In the document that has it, with the other place only where there is one."""
    found = Found(1)
    found.in_body(kind, (((None, "lines", "lines"), 0, 3), "id", "id"), "a", "b")
    (difference,) = found.differences
    assert (difference.pointer, difference.shadow_pointer) == (pointer, elsewhere)
    assert difference.pattern == "/lines/*/id"


def test_places_that_are_the_same_are_told_once() -> None:
    """There is no other one."""
    found = Found(1)
    found.in_body(Kind.VALUE, (None, "a", "a"), 1, 2)
    assert found.differences[0].shadow_pointer is None


@given(NOTES, NOTES)
def test_going_back_forgets_what_came_since(before: list[str], since: list[str]) -> None:
    """And nothing else; also what was only counted."""
    found, expected = Found(3), Found(3)
    note(expected, before)
    note(found, before)
    mark = found.mark()
    note(found, since)
    found.back_to(mark)
    assert found.differences == expected.differences
    assert (found.count, found.ignored) == (expected.count, expected.ignored)
    assert found.drift() == expected.drift()


def test_amounts_beyond_the_bound_are_added_up_exactly() -> None:
    """By currency, at no place; going back takes them out again."""
    found = Found(1)
    for _ in range(1000):
        found.drifted((None, "a", "a"), "EUR", Decimal(1))
    mark = found.mark()
    for _ in range(3):
        found.drifted((None, "a", "a"), "EUR", Decimal("-123456789012345678.1"))
        found.drifted((None, "b", "b"), "JPY", Decimal(7))
    assert found.drift()[1000:] == (
        ("", "EUR", Decimal("-370370367037037034.3")),
        ("", "JPY", Decimal(21)),
    )
    found.back_to(mark)
    assert len(found.drift()) == 1000


@pytest.mark.parametrize("units", ["1e18", "-1e18", "1e9999999"])
def test_amounts_that_no_currency_has_are_not_added_up(units: str) -> None:
    """One of them would spoil every sum."""
    found = Found(1)
    found.drifted((None, "a", "a"), "EUR", Decimal(units))
    assert found.drift() == ()
