"""Rules, compiled: which of them is about a place, and whose comes first."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.compare.paths import PathError, Wild
from gateway.compare.rules import (
    Moment,
    Money,
    Number,
    Rules,
    Treatment,
    moment_of,
    money_of,
    required_of,
)
from gateway.settings.comparison import (
    ArrayRule,
    Compare,
    CompareRules,
    MoneyRule,
    NumberRule,
    TextRule,
    TimeRule,
)


def at(rules: Rules, *keys: str | int) -> Treatment | None:
    """What the rules say about a place; None where nothing."""
    place = rules.place
    for key in keys:
        place = None if place is None else place.child(key)
    return None if place is None else place.found


def test_no_rules_have_no_place() -> None:
    """So that a walk asks none."""
    rules = Rules(Compare())
    assert rules.place is None
    assert (rules.enabled, rules.cookie_values, rules.has_money, rules.hook) == (
        True,
        False,
        False,
        None,
    )


def test_a_place_has_the_first_rule_of_each_kind() -> None:
    """A route's own come before the general ones; other kinds are added."""
    own = CompareRules(numbers=[NumberRule(path="$.a", absolute="1", relative="0")])
    general = Compare(
        numbers=[
            NumberRule(path="$.*", absolute="2", relative="0"),
            NumberRule(path="$.a", absolute="3", relative="0"),
        ],
        times=[TimeRule(path="$..a", window=2.5)],
        arrays=[ArrayRule(path="$.a", key="id"), ArrayRule(path="$.a")],
        ignore_paths=["$.b"],
    )
    rules = Rules(general, own)
    here = at(rules, "a")
    assert here is not None
    assert here.number == Number(Decimal(1), Decimal(0))
    assert here.moment == Moment(Decimal("2.5"), 1)
    assert here.array is not None
    assert here.array.key == ("id",)
    assert (here.ignored, here.for_leaves) == (False, True)
    other = at(rules, "b")
    assert other is not None
    assert other.ignored
    assert other.number == Number(Decimal(2), Decimal(0))


def test_what_a_route_leaves_out_is_as_in_general() -> None:
    """And what it says, counts: also no."""
    general = Compare(enabled=False, cookie_values=True, ignore_headers=["X-A"], headers=["X-H"])
    rules = Rules(general, CompareRules(ignore_headers=["X-B"]))
    assert (rules.enabled, rules.cookie_values) == (False, True)
    assert rules.ignore_headers == {"x-a", "x-b"}
    assert rules.only_headers == {"x-h"}
    opposite = Rules(general, CompareRules(enabled=True, cookie_values=False))
    assert (opposite.enabled, opposite.cookie_values) == (True, False)


def test_texts_are_for_fields_for_places_or_for_all() -> None:
    """Those without a place are for whole bodies too; fields have no case."""
    rules = Rules(
        Compare(
            normalise=[
                TextRule(pattern="all"),
                TextRule(pattern="one", header="Location"),
                TextRule(pattern="two", header="LOCATION"),
                TextRule(pattern="place", path="$.a"),
            ]
        )
    )
    assert [each.text for each in rules.body_texts] == ["all"]
    assert [each.text for each in rules.header_texts["location"]] == ["one", "two"]
    here, elsewhere = at(rules, "a"), at(rules, "lines", 3, "name")
    assert here is not None
    assert elsewhere is not None
    assert [each.text for each in here.texts] == ["all", "place"]
    assert [each.text for each in elsewhere.texts] == ["all"]


@pytest.mark.parametrize(
    ("rules", "asked"),
    [
        pytest.param({"numbers": [NumberRule(path="$.a", absolute="1")]}, True, id="number"),
        pytest.param({"money": [MoneyRule(path="$.a", currency="EUR")]}, True, id="money"),
        pytest.param({"times": [TimeRule(path="$.a", window=1.0)]}, True, id="time"),
        pytest.param({"normalise": [TextRule(pattern="x", path="$.a")]}, True, id="text"),
        pytest.param({"arrays": [ArrayRule(path="$.a")]}, False, id="array"),
        pytest.param({"ignore_paths": ["$.a"]}, False, id="ignored"),
    ],
)
def test_values_are_looked_at_where_a_rule_is_about_them(
    rules: dict[str, Any], asked: bool
) -> None:
    """Any single rule of these kinds will do."""
    here = at(Rules(Compare(**rules)), "a")
    assert here is not None
    assert here.for_leaves is asked


@pytest.mark.parametrize(
    ("path", "currency", "expected"),
    [
        pytest.param("$.a", "EUR", ("EUR", None, ()), id="written in the rule"),
        pytest.param("$.lines[*].a", "$.c", ("", None, ("c",)), id="one for all"),
        pytest.param("$.lines[*].a", "$.lines[*].c", ("", 1, ("c",)), id="of the same item"),
        pytest.param("$.l[*].x.a", "$.l[*].y.c", ("", 2, ("y", "c")), id="deeper in the item"),
    ],
)
def test_a_currency_is_found_from_its_amount(path: str, currency: str, expected: Any) -> None:
    """Where both paths begin alike, they mean the same item."""
    _, rule = money_of(MoneyRule(path=path, currency=currency, tolerance="1"))
    assert (rule.currency, rule.up, rule.down) == expected
    assert Rules(Compare(money=[MoneyRule(path=path, currency=currency, tolerance="1")])).has_money
    assert isinstance(rule, Money)


def test_a_currency_that_could_be_any_of_several_is_refused() -> None:
    """Amounts would be added up in the wrong one."""
    with pytest.raises(PathError):
        money_of(MoneyRule(path="$.total", currency="$.lines[*].c", tolerance="1"))


@pytest.mark.parametrize(
    ("unit", "per_second"),
    [("seconds", 1), ("milliseconds", 1000), ("microseconds", 1_000_000)],
)
def test_units_of_times_are_parts_of_a_second(unit: Any, per_second: int) -> None:
    """All that a rule can name."""
    _, rule = moment_of(TimeRule(path="$.t", window=1.0, unit=unit))
    assert rule.per_second == per_second


def test_required_places_are_looked_for_once() -> None:
    """However many rules ask for them; and not at any depth below any depth."""
    rules = Rules(
        Compare(require_paths=["$.id", "$.a"]), CompareRules(require_paths=["$.a", "$.a"])
    )
    assert [path.text for path in rules.required] == ["$.a", "$.id"]
    with pytest.raises(PathError, match="once"):
        required_of("$..a..b")


NAMES = st.sampled_from(["a", "b", "c"])
STEPS = st.lists(NAMES | st.integers(0, 2) | st.just(Wild.EACH), min_size=1, max_size=4)
KEYS = st.lists(NAMES | st.integers(0, 2), max_size=4)


def _written(steps: list[Any]) -> str:
    texts = (
        "[*]" if s is Wild.EACH else f"[{s}]" if isinstance(s, int) else f".{s}" for s in steps
    )
    return "$" + "".join(texts)


@given(st.lists(STEPS, max_size=5), KEYS)
def test_a_place_is_ignored_exactly_if_a_path_leads_there(
    paths: list[list[Any]], keys: list[str | int]
) -> None:
    """However many paths there are, and in whatever order."""
    here = at(Rules(Compare(ignore_paths=[_written(path) for path in paths])), *keys)
    leads = any(
        len(path) == len(keys)
        and all(step is Wild.EACH or step == key for step, key in zip(path, keys, strict=True))
        for path in paths
    )
    assert (here is not None and here.ignored) is leads
