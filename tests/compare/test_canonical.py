"""One form for all values that count as the same."""

from __future__ import annotations

import json
import random
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.compare.canonical import Canonical, TooMuch
from gateway.compare.json_text import JsonReader
from gateway.compare.leaves import Patience
from gateway.compare.numbers import Arithmetic
from gateway.compare.rules import Rules, Spot
from gateway.settings.comparison import ArrayRule, Compare, TextRule
from tests.compare.making import DOCUMENTS

ENCODE = JsonReader(100).encode


def canonical() -> Canonical:
    return Canonical(ENCODE, Arithmetic(), Patience(10))


def place(**rules: Any) -> Spot | None:
    return Rules(Compare(**rules)).place


def plain(value: Any) -> Any:
    """A document with its kinds told apart and its numbers exact, for Python to compare."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return type(value).__name__, value
    return "number", Decimal(value)


@given(DOCUMENTS, DOCUMENTS)
def test_two_values_have_one_form_exactly_if_they_are_the_same(one: Any, other: Any) -> None:
    """By JSON's notion of it: True is not 1, and 1.0 is."""
    form = canonical()
    assert (form(one, None) == form(other, None)) is (plain(one) == plain(other))


@given(DOCUMENTS, st.integers(0, 30))
def test_the_form_does_not_depend_on_how_numbers_are_written(value: Any, zeros: int) -> None:
    """Nor on the order of members."""

    def rewritten(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: rewritten(value[key]) for key in reversed(value)}
        if isinstance(value, list):
            return [rewritten(item) for item in value]
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            return value
        text = f"{Decimal(value):f}"
        return Decimal(text + ("0" if "." in text else ".0") * zeros if "." in text else text)

    form = canonical()
    assert form(value, None) == form(rewritten(value), None)


def test_what_is_ignored_is_not_in_it() -> None:
    """Members and items."""
    here, form = place(ignore_paths=["$.id", "$.items[0]"]), canonical()
    one = {"id": 1, "name": "a", "items": [1, 2]}
    other = {"name": "a", "items": [7, 2], "id": "x"}
    assert form(one, here) == form(other, here)
    assert form(one, here) != form({**other, "items": [1, 3]}, here)


@given(st.lists(DOCUMENTS, max_size=6), st.randoms(use_true_random=False))
def test_sets_have_no_order(items: list[Any], by: random.Random) -> None:
    """Other arrays have."""
    here, form = place(arrays=[ArrayRule(path="$")]), canonical()
    mixed = by.sample(items, len(items))
    assert form(items, here) == form(mixed, here)
    assert form([1, 2], None) != form([2, 1], None)


def test_texts_are_in_it_as_they_are_normalised() -> None:
    """At the places that a rule is about."""
    here = place(normalise=[TextRule(pattern="[0-9]+", replace="#", path="$.a")])
    form = canonical()
    assert form({"a": "x1"}, here) == form({"a": "x22"}, here)
    assert form({"b": "x1"}, here) != form({"b": "x22"}, here)


def test_items_have_each_their_own_form() -> None:
    """By the rules of their place."""
    items = canonical().items(
        [{"id": 1, "a": 2}, {"id": 3, "a": 2}], place(ignore_paths=["$[1].id"])
    )
    assert [json.loads(item) for item in items] == [{"id": 1, "a": 2}, {"a": 2}]


def test_a_second_look_is_affordable_so_often() -> None:
    """Ten thousand values in one comparison: then it says no, and the first look goes on."""
    form, values = canonical(), [[0] * 99] * 45
    form.second_look(values, None)
    form.second_look(values, None)
    with pytest.raises(TooMuch):
        form.second_look(values, None)
    with pytest.raises(TooMuch):
        form.second_look([[0] * 1200], None)
    assert len(form.items(values, None)) == 45


def test_a_value_that_is_too_large_is_not_looked_at_to_its_end() -> None:
    """Also if it is the first."""
    with pytest.raises(TooMuch):
        canonical().second_look([[0] * 20_000], None)


def test_items_that_are_quickly_done_are_paid_for_too() -> None:
    """Texts without a rule need no reducing, but their number is the upstream's choice."""
    form, values = canonical(), ["a"] * 6000
    form.second_look(values, None)
    form.second_look(values, None)
    with pytest.raises(TooMuch):
        form.second_look([1], None)
