"""The verdict: its order, its routes, its hook, and what it costs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from gateway.compare.comparer import Comparer
from gateway.compare.verdict import Count, Difference, Kind, Part, Verdict
from gateway.settings.comparison import Compare, CompareRules, NumberRule, TextRule
from tests.compare.making import REQUEST, answer, as_json, compared, places


def test_the_first_part_that_differs_names_the_verdict() -> None:
    """Status, fields, body; and all differences are there."""
    live = answer('{"a": 1}', ("X-A", "1"))
    shadow = answer('{"a": 2}', ("X-A", "2"), status=500)
    comparison = compared(live, shadow)
    assert comparison.verdict is Verdict.STATUS
    assert [each.part for each in comparison.differences] == list(Part)
    assert places(comparison) == [("status", ""), ("value", "/x-a"), ("value", "/a")]
    assert compared(live, shadow._replace(status=200)).verdict is Verdict.HEADERS
    assert compared(live, answer('{"a": 2}', ("X-A", "1"))).verdict is Verdict.BODY
    assert compared(live, live).counts_as is Count.MATCH


def test_a_route_has_rules_of_its_own_before_the_general_ones() -> None:
    """Lists are joined; what it leaves out is as in general."""
    general = Compare(
        ignore_paths=("$.at",), numbers=(NumberRule(path="$.n", absolute="1"),), cookie_values=True
    )
    own = CompareRules(ignore_paths=("$.id",), numbers=(NumberRule(path="$.n", absolute="5"),))
    comparer = Comparer(
        general, [("/own", (), own), ("/off", ("POST",), CompareRules(enabled=False))]
    )
    live, shadow = answer('{"id": 1, "at": 1, "n": 1}'), answer('{"id": 2, "at": 2, "n": 5}')

    def pointers(target: str, method: str = "GET") -> list[str]:
        request = REQUEST._replace(target=target, method=method)
        comparison = comparer.compare(request, live, shadow)
        return [each.pointer for each in comparison.differences] or [comparison.reason]

    assert pointers("/own/1?x=1") == [""]
    assert pointers("/other") == ["/id", "/n"]
    assert pointers("/off") == ["/id", "/n"]
    assert pointers("/off", "POST") == ["switched_off"]
    assert not comparer.compares("POST", "/off?x")
    assert comparer.compares("GET", "/off")
    cookies = answer("{}", ("Set-Cookie", "a=1")), answer("{}", ("Set-Cookie", "a=2"))
    assert comparer.compare(REQUEST._replace(target="/own"), *cookies).verdict is Verdict.HEADERS


def test_comparison_can_be_off_in_general_and_on_for_a_route() -> None:
    """The route's word counts."""
    comparer = Comparer(Compare(enabled=False), [("/own", (), CompareRules(enabled=True))])
    assert comparer.compare(REQUEST, answer(), answer()).reason == "switched_off"
    assert comparer.compares("GET", "/own")


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], str]:
    """Makes a function importable, and gives its name."""

    def made(function: Any) -> str:
        module = ModuleType("hook_of_a_test")
        module.judge = function  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "hook_of_a_test", module)
        return "hook_of_a_test:judge"

    return made


def test_a_hook_says_what_counts(hook: Callable[[Any], str]) -> None:
    """It is given what was found, and what it leaves out was ignored."""
    asked = []

    def judge(request: Any, live: Any, shadow: Any, differences: Any) -> Any:
        asked.append((request, live, shadow))
        return [each for each in differences if each.pointer != "/id"]

    live, shadow = answer('{"id": 1, "a": 1}'), answer('{"id": 2, "a": 2}')
    comparison = compared(live, shadow, hook=hook(judge))
    assert places(comparison) == [("value", "/a")]
    assert comparison.ignored == 1
    assert asked == [(REQUEST, live, shadow)]
    only_id = compared(live, answer('{"id": 2, "a": 1}'), hook=hook(judge))
    assert only_id.counts_as is Count.MATCH_AFTER_IGNORING


def test_a_hook_can_find_more(hook: Callable[[Any], str]) -> None:
    """Also between bodies that are equal."""
    more = Difference(Part.BODY, Kind.VALUE, "/sum", "/sum", 1, 2)
    comparison = compared("{}", "{}", hook=hook(lambda *_: (more,)))
    assert (comparison.verdict, comparison.differences) == (Verdict.BODY, (more,))


def _raises(*_: Any) -> Any:
    raise SystemError("a bug")


NONSENSE: dict[str, Any] = {
    "raises": _raises,
    "nothing": lambda *_: None,
    "a-boolean": lambda *_: True,
    "texts": lambda *_: ["/a"],
    "tuples": lambda *_: [("body", "value", "/a", "/a", 1, 2)],
    "other-parts": lambda *_: [Difference("x", Kind.VALUE, "", "")],  # type: ignore[arg-type]
    "other-pointers": lambda *_: [Difference(Part.BODY, Kind.VALUE, 1, "")],  # type: ignore[arg-type]
    "no-arguments": lambda: [],
}


@pytest.mark.parametrize("function", NONSENSE.values(), ids=NONSENSE)
def test_a_hook_that_fails_leaves_no_verdict(function: Any, hook: Callable[[Any], str]) -> None:
    """Neither a match nor a difference would be true."""
    comparison = compared("{}", "[]", hook=hook(function))
    assert (comparison.verdict, comparison.reason) == (Verdict.NOT_COMPARED, "rules_failed")
    assert comparison.differences == ()


def test_a_hook_that_takes_too_long_leaves_no_verdict(hook: Callable[[Any], str]) -> None:
    """By the processor time of its thread."""
    times = iter([0.0, 0.2])
    config = Compare(hook=hook(lambda *_: []), time_limit=0.1)
    comparer = Comparer(config, clock=lambda: next(times))
    assert comparer.compare(REQUEST, answer(), answer()).reason == "rules_failed"


def test_a_pattern_that_takes_too_long_leaves_no_verdict() -> None:
    """Whatever text the shadow made for it."""
    rule = TextRule(pattern="(a|aa)+$")
    evil = f'["{"a" * 200}b"]'
    comparison = compared('["x"]', evil, normalise=(rule,), time_limit=0.02)
    assert comparison.reason == "rules_failed"
    fields = answer("{}", ("X-A", "x")), answer("{}", ("X-A", "a" * 200 + "b"))
    rule = TextRule(pattern="(a|aa)+$", header="X-A")
    assert compared(*fields, normalise=(rule,), time_limit=0.02).reason == "rules_failed"


def test_a_pattern_has_one_time_limit_for_all_texts() -> None:
    """Many that are a little slow are slow, too."""
    times = iter(n * 0.03 for n in range(1000))
    config = Compare(normalise=(TextRule(pattern="x"),), time_limit=0.1)
    comparer = Comparer(config, clock=lambda: next(times))
    live, shadow = (answer(f"[{','.join([text] * 50)}]") for text in ('"a"', '"b"'))
    assert comparer.compare(REQUEST, live, shadow).reason == "rules_failed"


def test_the_hook_that_the_page_shows_works(hook: Callable[[Any], str]) -> None:
    """As it stands there."""
    page = (Path(__file__).parents[2] / "docs" / "comparison.md").read_text()
    scope: dict[str, Any] = {}
    exec(page.split("```python\n")[1].split("```")[0], scope)
    live, shadow = (as_json({"links": {"self": side}}) for side in ("a", "b"))
    comparison = compared(live, shadow, hook=hook(scope["judge"]))
    assert comparison.counts_as is Count.MATCH_AFTER_IGNORING
