"""Two JSON documents: where they differ, and nowhere else."""

from __future__ import annotations

import json
import random
import time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.compare.verdict import Count, Verdict
from gateway.settings.comparison import (
    ArrayRule,
    MoneyRule,
    NumberRule,
    TextRule,
    TimeRule,
)
from tests.compare.making import (
    DOCUMENTS,
    as_json,
    at,
    compared,
    places,
)

relaxed = settings(deadline=None)
LINES = (ArrayRule(path="$.lines", key="id"),)


def _shuffled(value: Any, by: random.Random) -> Any:
    if isinstance(value, dict):
        names = list(value)
        by.shuffle(names)
        return {name: _shuffled(value[name], by) for name in names}
    return [_shuffled(item, by) for item in value] if isinstance(value, list) else value


@relaxed
@given(DOCUMENTS, st.randoms(use_true_random=False))
def test_a_document_is_like_itself_however_it_is_written(document: Any, by: random.Random) -> None:
    """The order of members, spaces, escapes and the encoding do not matter."""
    other = _shuffled(document, by)
    assert compared(as_json(document), as_json(other)).counts_as is Count.MATCH
    spaced = as_json(other).replace("[", " [\n").encode("utf-16") if not _has(other, "[") else b""
    if spaced:
        assert compared(as_json(document), spaced).verdict is Verdict.MATCH


def _has(value: Any, char: str) -> bool:
    """Whether a text in it has this character."""
    return char in as_json(value).replace(f"{char}]", "") and char in json.dumps(str(value))


@relaxed
@given(DOCUMENTS, DOCUMENTS)
def test_pointers_lead_to_the_values_that_are_reported(live: Any, shadow: Any) -> None:
    """Of whatever two documents."""
    comparison = compared(as_json({"top": live}), as_json({"top": shadow}))
    _check_pointers(comparison, {"top": live}, {"top": shadow})


def _check_pointers(comparison: Any, live: Any, shadow: Any) -> None:
    for each in comparison.differences:
        kind = each.kind.value
        other = each.pointer if each.shadow_pointer is None else each.shadow_pointer
        if kind != "added":
            assert at(live, each.pointer) == each.live
            assert type(at(live, each.pointer)) is type(each.live)
        if kind != "missing":
            assert at(shadow, other) == each.shadow


@relaxed
@given(DOCUMENTS, DOCUMENTS)
def test_two_documents_match_exactly_if_they_are_the_same(live: Any, shadow: Any) -> None:
    """Compared with Python's own notion, told apart where that is too kind."""
    same = _tagged(live) == _tagged(shadow)
    assert (compared(as_json(live), as_json(shadow)).verdict is Verdict.MATCH) == same


def _tagged(value: Any) -> Any:
    """True is not 1."""
    if isinstance(value, dict):
        return {key: _tagged(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_tagged(item) for item in value]
    return (type(value) is bool, value)


@relaxed
@given(st.lists(DOCUMENTS, max_size=5), st.randoms(use_true_random=False))
def test_items_with_a_key_may_be_in_any_order(items: list[Any], by: random.Random) -> None:
    """And what differs in one is found at its place on both sides."""
    lines = [{"id": number, "value": item} for number, item in enumerate(items)]
    other = lines[:]
    by.shuffle(other)
    documents = {"lines": lines}, {"lines": other}
    assert compared(*map(as_json, documents), arrays=LINES).counts_as is Count.MATCH
    if items:
        changed = by.choice(other)["id"]
        other = [{**line, "value": "changed!"} if line["id"] == changed else line for line in other]
        comparison = compared(as_json(documents[0]), as_json({"lines": other}), arrays=LINES)
        assert {each.pattern for each in comparison.differences} == {"/lines/*/value"}
        _check_pointers(comparison, documents[0], {"lines": other})


@relaxed
@given(st.lists(DOCUMENTS, max_size=5), st.randoms(use_true_random=False))
def test_sets_may_be_in_any_order(items: list[Any], by: random.Random) -> None:
    """With duplicates; and one that is missing is missing."""
    other = items[:]
    by.shuffle(other)
    rules: dict[str, Any] = {"arrays": (ArrayRule(path="$"),)}
    assert compared(as_json(items), as_json(other), **rules).counts_as is Count.MATCH
    comparison = compared(as_json([*items, "one more"]), as_json(other), **rules)
    assert places(comparison) == [("missing", f"/{len(items)}")]


DIFFERENT = {
    "value": ('{"a": 1}', '{"a": 2}', [("value", "/a")]),
    "type": ('{"a": 1}', '{"a": "1"}', [("type", "/a")]),
    "boolean": ("[1]", "[true]", [("type", "/0")]),
    "null": ('{"a": null}', '{"a": 0}', [("type", "/a")]),
    "missing": ('{"a": 1, "b": 2}', '{"a": 1}', [("missing", "/b")]),
    "added": ('{"a": 1}', '{"a": 1, "b": 2}', [("added", "/b")]),
    "null-is-there": ('{"a": null}', "{}", [("missing", "/a")]),
    "order": ("[1, 2, 3]", "[3, 2, 1]", [("order", "")]),
    "order-inside": ('{"a": [[1, 2], 3]}', '{"a": [[2, 1], 3]}', [("order", "/a/0")]),
    "no-order": ("[1, 2, 3]", "[1, 3, 4]", [("value", "/1"), ("value", "/2")]),
    "one-more-in-front": ("[2, 3]", "[1, 2, 3]", [("added", "/0")]),
    "one-less-in-the-middle": ("[1, 2, 3, 4]", "[1, 3, 4]", [("missing", "/1")]),
    "escaped": ('{"a/b": {"~": 1}}', '{"a/b": {"~": 2}}', [("value", "/a~1b/~0")]),
    "whole": ("[]", "{}", [("type", "")]),
    "several": ('{"a": 1, "b": [1]}', '{"a": 2, "b": [2]}', [("value", "/a"), ("value", "/b/0")]),
}


@pytest.mark.parametrize(("live", "shadow", "expected"), DIFFERENT.values(), ids=DIFFERENT)
def test_each_difference_has_its_kind_and_place(
    live: str, shadow: str, expected: list[tuple[str, str]]
) -> None:
    """One for each, at the place where it is."""
    comparison = compared(live, shadow)
    assert (comparison.verdict, places(comparison)) == (Verdict.BODY, expected)


@pytest.mark.parametrize(
    ("live", "shadow"),
    [("10.10", "10.1"), ("10", "10.0"), ("1e2", "100"), ("0.0", "-0"), ("1E-2", "0.01")],
)
def test_numbers_are_compared_as_decimals(live: str, shadow: str) -> None:
    """However they are written, with nothing set aside."""
    assert compared(f"[{live}]", f"[{shadow}]").counts_as is Count.MATCH


def test_binary_floats_would_have_taken_these_for_the_same() -> None:
    """Decimals do not."""
    assert places(compared("[0.1]", "[0.1000000000000000055511151231257827]")) == [("value", "/0")]
    assert places(compared("[9007199254740993.0]", "[9007199254740992.0]")) == [("value", "/0")]


def test_patterns_fold_indices_and_ids() -> None:
    """Of ten thousand customers there is one pattern; names that are words stay."""
    name = "5b1f7c2e-1d7c-4f1e-9d0a-0a1b2c3d4e5f"
    live = {"lines": [0, {"a": 1}], "by_id": {"4711": 1, name: 1, "x7": 1}}
    shadow = {"lines": [0, {"a": 2}], "by_id": {"4711": 2, name: 2, "x7": 2}}
    comparison = compared(as_json(live), as_json(shadow))
    patterns = [each.pattern for each in comparison.differences]
    assert patterns == ["/lines/*/a", "/by_id/*", "/by_id/*", "/by_id/x7"]


IGNORED: dict[str, tuple[str, str, dict[str, Any]]] = {
    "value": ('{"a": 1, "b": 1}', '{"a": 2, "b": 1}', {"ignore_paths": ("$.a",)}),
    "missing": ('{"a": 1, "b": 1}', '{"b": 1}', {"ignore_paths": ("$.a",)}),
    "added": ('{"b": 1}', '{"b": 1, "a": 1}', {"ignore_paths": ("$.a",)}),
    "anywhere": ('[{"x": {"at": 1}}]', '[{"x": {"at": 2}}]', {"ignore_paths": ("$..at",)}),
    "everything": ("[1]", '{"a": 1}', {"ignore_paths": ("$",)}),
    "absolute": ("[1.00]", "[1.01]", {"numbers": (NumberRule(path="$[*]", absolute="0.01"),)}),
    "relative": ("[1000]", "[1001]", {"numbers": (NumberRule(path="$[*]", relative="0.001"),)}),
    "digits": ('["1.00"]', '["1.01"]', {"numbers": (NumberRule(path="$[*]", absolute="0.01"),)}),
    "money": (
        '["1.00"]',
        '["1.01"]',
        {"money": (MoneyRule(path="$[*]", currency="EUR", tolerance="1"),)},
    ),
    "time": (
        '["2026-03-01T12:00:00Z"]',
        '["2026-03-01T13:00:01.5+01:00"]',
        {"times": (TimeRule(path="$[*]", window=1.5),)},
    ),
    "epoch": (
        "[1000]",
        "[1500]",
        {"times": (TimeRule(path="$..*", window=0.5, unit="milliseconds"),)},
    ),
    "text": ('["id 17"]', '["id 4"]', {"normalise": (TextRule(pattern=r"\d+", path="$[*]"),)}),
    "any-text": ('[["id 17"]]', '[["id 4"]]', {"normalise": (TextRule(pattern=r"\d+"),)}),
    "set-with-ignored": (
        '[{"a": 1, "at": 1}, {"a": 2, "at": 2}]',
        '[{"a": 2, "at": 3}, {"a": 1, "at": 4}]',
        {"arrays": (ArrayRule(path="$"),), "ignore_paths": ("$[*].at",)},
    ),
    "set-of-sets": (
        '[{"a": [1, 2], "at": 1}, {"a": [3], "at": 1}]',
        '[{"a": [3], "at": 2}, {"a": [2, 1], "at": 2}]',
        {
            "arrays": (ArrayRule(path="$"), ArrayRule(path="$[*].a")),
            "ignore_paths": ("$[*].at",),
        },
    ),
    "set-of-many-sets": (
        as_json([{"a": [n, "x"], "at": 1} for n in range(40)]),
        as_json([{"a": ["x", n], "at": 2} for n in reversed(range(40))]),
        {
            "arrays": (ArrayRule(path="$"), ArrayRule(path="$[*].a")),
            "ignore_paths": ("$[*].at",),
        },
    ),
    "set-with-tolerance": (
        "[[1.00], [2.00]]",
        "[[2.01], [1.01]]",
        {
            "arrays": (ArrayRule(path="$"),),
            "numbers": (NumberRule(path="$[*][*]", absolute="0.01"),),
        },
    ),
}


@pytest.mark.parametrize(("live", "shadow", "rules"), IGNORED.values(), ids=IGNORED)
def test_what_rules_set_aside_is_a_match_after_ignoring(
    live: str, shadow: str, rules: dict[str, Any]
) -> None:
    """Which is not the same as a match."""
    assert compared(live, shadow).verdict is Verdict.BODY
    comparison = compared(live, shadow, **rules)
    assert comparison.counts_as is Count.MATCH_AFTER_IGNORING
    assert compared(live, live, **rules).counts_as is Count.MATCH


NOT_IGNORED: dict[str, tuple[str, str, dict[str, Any]]] = {
    "elsewhere": ('{"a": 1}', '{"a": 2}', {"ignore_paths": ("$.b", "$.a.c")}),
    "beyond": ("[1.00]", "[1.02]", {"numbers": (NumberRule(path="$[*]", absolute="0.01"),)}),
    "text-for-number": ('["1"]', "[1]", {"numbers": (NumberRule(path="$[*]", absolute="9"),)}),
    "outside-the-window": (
        '["2026-03-01T12:00:00Z"]',
        '["2026-03-01T12:00:02Z"]',
        {"times": (TimeRule(path="$[*]", window=1),)},
    ),
    "local-and-utc": (
        '["2026-03-01T12:00:00Z"]',
        '["2026-03-01T12:00:00"]',
        {"times": (TimeRule(path="$[*]", window=1),)},
    ),
    "set-as-often": ("[1, 1, 2]", "[1, 2, 2]", {"arrays": (ArrayRule(path="$"),)}),
    "null-for-number": ("[null]", "[0]", {"numbers": (NumberRule(path="$[*]", absolute="9"),)}),
}


@pytest.mark.parametrize(("live", "shadow", "rules"), NOT_IGNORED.values(), ids=NOT_IGNORED)
def test_what_rules_do_not_cover_counts(live: str, shadow: str, rules: dict[str, Any]) -> None:
    """Nearly is not enough."""
    assert compared(live, shadow, **rules).verdict is Verdict.BODY


def test_keys_may_be_written_and_nested_in_any_way() -> None:
    """7 and 7.0 are one key; items without one are compared among themselves."""
    live = '[{"p": {"id": 7}, "v": 1}, {"v": 2}, {"p": {"id": "7"}, "v": 3}]'
    shadow = '[{"p": {"id": "7"}, "v": 3}, {"p": {"id": 7.0}, "v": 1}, {"v": 5}]'
    comparison = compared(live, shadow, arrays=(ArrayRule(path="$", key="$.p.id"),))
    (only,) = comparison.differences
    assert (only.pointer, only.shadow_pointer, only.live, only.shadow) == ("/1/v", "/2/v", 2, 5)


MONEY = (MoneyRule(path="$.lines[*].price", currency="$.lines[*].currency", tolerance="1"),)


def test_every_cent_is_added_up_tolerated_or_not() -> None:
    """Signed, in minor units of the currency that belongs to the amount."""
    live = [
        {"price": "10.10", "currency": "EUR"},
        {"price": 1000, "currency": "JPY"},
        {"price": 5, "currency": "KWD"},
        {"price": 7, "currency": "USD"},
    ]
    shadow = [
        {"price": "10.11", "currency": "EUR"},
        {"price": 990, "currency": "JPY"},
        {"price": Decimal("5.0015"), "currency": "KWD"},
        {"price": 7, "currency": "USD"},
    ]
    comparison = compared(as_json({"lines": live}), as_json({"lines": shadow}), money=MONEY)
    assert comparison.drift == (
        ("/lines/0/price", "EUR", Decimal(1)),
        ("/lines/1/price", "JPY", Decimal(-10)),
        ("/lines/2/price", "KWD", Decimal("1.5")),
    )
    assert places(comparison) == [("value", "/lines/1/price"), ("value", "/lines/2/price")]
    assert comparison.ignored == 1


@pytest.mark.parametrize(
    ("live", "shadow"),
    [
        ({"price": 1, "currency": "EUR"}, {"price": 2, "currency": "USD"}),
        ({"price": 1, "currency": "BTC"}, {"price": 2, "currency": "BTC"}),
        ({"price": 1}, {"price": 2}),
        ({"price": 1, "currency": "EUR"}, {"price": None, "currency": "EUR"}),
        ({"price": 1, "currency": "EUR"}, {"price": Decimal("1e30"), "currency": "EUR"}),
    ],
    ids=["other-currency", "unknown-currency", "no-currency", "no-amount", "absurd"],
)
def test_what_cannot_be_added_up_is_a_difference_and_no_drift(live: Any, shadow: Any) -> None:
    """No tolerance either."""
    comparison = compared(as_json({"lines": [live]}), as_json({"lines": [shadow]}), money=MONEY)
    assert comparison.drift == ()
    assert ("/lines/0/price") in [each.pointer for each in comparison.differences]


def test_money_in_minor_units_is_counted_as_it_is() -> None:
    """1050 is 10.50."""
    rule = MoneyRule(path="$.total", currency="EUR", unit="minor", tolerance="2")
    comparison = compared('{"total": 1050}', '{"total": 1052}', money=(rule,))
    assert (comparison.verdict, comparison.drift) == (
        Verdict.MATCH,
        (("/total", "EUR", Decimal(2)),),
    )


def test_drift_is_complete_although_differences_are_not() -> None:
    """A body with more amounts than are kept: the sum has them all."""
    live = {"lines": [{"price": n, "currency": "EUR"} for n in range(1500)]}
    shadow = {"lines": [{"price": n + 1, "currency": "EUR"} for n in range(1500)]}
    comparison = compared(as_json(live), as_json(shadow), money=MONEY, max_differences=3)
    assert len(comparison.differences) == 3
    assert sum(each.minor_units for each in comparison.drift) == 150_000
    assert len(comparison.drift) <= 1001


def test_differences_are_kept_up_to_a_number() -> None:
    """The verdict does not depend on the rest."""
    live, shadow = as_json(list(range(500))), as_json(list(range(1, 501)))
    assert len(compared(live, shadow, max_differences=7).differences) == 7


def test_a_route_of_first_rules_wins() -> None:
    """Of several rules for one place the first one counts."""
    rules = (NumberRule(path="$.a", absolute="1"), NumberRule(path="$..*", absolute="5"))
    assert places(compared('{"a": 1, "b": 1}', '{"a": 4, "b": 4}', numbers=rules)) == [
        ("value", "/a")
    ]


SIZE = 256 * 1024 - 100


def _filled(item: str) -> str:
    return f"[{','.join([item] * (SIZE // (len(item) + 1)))}]"


HOSTILE = {
    "integers": _filled("3"),
    "decimals": _filled("1e9"),
    "exponents": _filled("1e4299"),
    "objects": _filled("{}"),
    "lines": _filled('{"id":7,"price":1.1,"currency":"EUR"}'),
    "nested": "[1," * 90 + _filled("1")[: SIZE - 1000] + "]" * 91,
    "nested-decimals": "[0.1," * 90 + _filled("1e9")[: SIZE - 2000].rsplit(",", 1)[0] + "]" * 91,
    "members": "{" + ",".join(f'"{n}":1' for n in range(24_000)) + "}",
    "one-hash": f"[{','.join(str((2**61 - 1) * (n + 2**20)) for n in range(9_000))}]",
    "long-number": f"[{'9' * 4000}.{'9' * (SIZE - 5000)}]",
    "currencies": f'{{"prices":[{",".join(["1.1"] * 12_000)}],"currency":"{"x" * 200_000}"}}',
    "currency": f'[{{"price":1.1,"currency":"{"x" * (SIZE // 2)}"}},{{"id":1}}]',
}
EVERYTHING: dict[str, Any] = {
    "ignore_paths": ("$..nothing", "$..a..b"),
    "arrays": (ArrayRule(path="$"), ArrayRule(path="$..lines", key="id")),
    "numbers": (NumberRule(path="$..*", absolute="0.01"),),
    "money": (
        MoneyRule(path="$[*].price", currency="$[*].currency"),
        MoneyRule(path="$.prices[*]", currency="$.currency"),
    ),
    "require_paths": ("$..id",),
}


@pytest.mark.parametrize("rules", [{}, EVERYTHING], ids=["no-rules", "many-rules"])
@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_body_costs_little(body: str, rules: dict[str, Any]) -> None:
    """Some tens of milliseconds on an idle machine; the limit here is for a busy one."""
    began = time.thread_time()
    for live in ("[1, 2.5, {}]", body.replace("1", "2").replace("7", "8")):
        compared(live, body, **rules)
    assert time.thread_time() - began < 1.5
