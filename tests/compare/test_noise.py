"""Noise: what always differs although nothing else does."""

from __future__ import annotations

import sys
from typing import Any
from uuid import UUID

from gateway.compare.noise import NoiseCounter, Proposal, as_toml, path_of_pattern
from gateway.compare.verdict import Comparison, Kind, NotCompared, Verdict
from tests.compare.making import answer, as_json, compared

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def exchange(number: int, **changed: Any) -> Comparison:
    """Of two sides with an id and a time of their own."""
    live = {"id": str(UUID(int=number << 64)), "at": "2026-03-01T12:00:00Z", "sum": 1, "name": "a"}
    shadow = {"id": str(UUID(int=number)), "at": f"2026-03-01T12:00:{number % 60:02}.5Z"}
    return compared(as_json(live), as_json({**live, **shadow, **changed}))


def patterns(proposals: list[Proposal]) -> dict[str, bool]:
    return {each.spot.pattern: each.sure for each in proposals}


def test_fields_that_differ_together_and_alone_are_noise() -> None:
    """Though two of them never differ one by one."""
    noise = NoiseCounter()
    for number in range(50):
        noise.note("r", exchange(number))
    (one, other) = noise.proposals(percent=50, exchanges=50)
    assert {one.spot.pattern, other.spot.pattern} == {"/id", "/at"}
    assert (one.differs, one.compared, one.sure, one.route) == (50, 50, True, "r")


def test_a_value_that_is_no_id_and_no_time_is_a_question() -> None:
    """A sum that is always a cent too high is no noise."""
    noise = NoiseCounter()
    for number in range(50):
        noise.note("r", exchange(number, sum=2))
    proposals = noise.proposals(percent=50, exchanges=50)
    assert patterns(proposals) == {"/id": True, "/at": True, "/sum": False}
    text = as_toml(proposals)
    assert "a bug?" in text
    rules = tomllib.loads(text)["routes"]["compare"]
    assert sorted(rules["ignore_paths"]) == ["$.at", "$.id"]


def test_what_differs_seldom_or_with_something_else_is_no_noise() -> None:
    """A bug that shows in some exchanges, and one that brings others along."""
    noise = NoiseCounter()
    for number in range(40):
        noise.note("r", compared("[1]", "[1]"))
        noise.note("r", compared('{"a": "a", "b": 1}', '{"a": "b"}'))
        noise.note("seldom", compared("[1]", "[2]" if number == 0 else "[1]"))
    assert noise.proposals(percent=20, exchanges=40) == []


def test_few_exchanges_make_no_proposal() -> None:
    """Nor do those that were not compared."""
    noise = NoiseCounter()
    for number in range(9):
        noise.note("r", exchange(number))
    for reason in NotCompared:
        noise.note("r", Comparison(Verdict.NOT_COMPARED, reason.value))
    noise.note("r", Comparison(Verdict.SHADOW_FAILED))
    assert noise.proposals(percent=50, exchanges=10) == []
    assert len(noise.proposals(percent=50, exchanges=9)) == 2


def test_fields_and_orders_are_proposed_too() -> None:
    """As what they are, in TOML to paste."""
    noise = NoiseCounter()
    for number in range(20):
        live = answer('{"tags": [1, 2]}', ("X-Node", f"node-{number:08}"))
        shadow = answer('{"tags": [2, 1]}', ("X-Node", f"other-{number:08}"))
        noise.note("default", compared(live, shadow))
        noise.note('a "route"', compared(live, shadow))
    proposals = noise.proposals(percent=50, exchanges=10)
    assert {each.spot.kind for each in proposals} == {Kind.VALUE, Kind.ORDER}
    default = as_toml([each for each in proposals if each.route == "default"])
    expected = {"ignore_headers": ["x-node"], "arrays": [{"path": "$.tags"}]}
    assert tomllib.loads(default) == {"compare": expected}
    assert 'Below the [[routes]] of "a \\"route\\"":' in as_toml(proposals)


def test_what_upstreams_name_stays_a_text_in_toml() -> None:
    """A name with quotes and line breaks ends nothing."""
    name = 'a"]\n[live]\nurl = "http://evil"\x7f'
    noise = NoiseCounter()
    for number in range(3):
        sides = ({name: f"id-{number}-{side}-0000"} for side in "ab")
        noise.note("r", compared(*map(as_json, sides)))
    text = as_toml(noise.proposals(percent=50, exchanges=1))
    (path,) = tomllib.loads(text)["routes"]["compare"]["ignore_paths"]
    assert path == f"$['{name}']"


def test_patterns_become_paths() -> None:
    """With everything that a name may have in it."""
    assert path_of_pattern("/lines/*/id") == "$.lines[*].id"
    assert path_of_pattern("") == "$"
    assert path_of_pattern("/a~1b/it's") == "$['a/b']['it\\'s']"


def test_what_is_counted_is_bounded() -> None:
    """Upstreams choose patterns; the process does not grow with them."""
    noise = NoiseCounter()
    for number in range(2500):
        sides = ({f"x{number}": f"value-{side}-12345"} for side in "ab")
        noise.note("r", compared(*map(as_json, sides)))
    assert len(noise._together) <= 2000
    assert len(noise._looks) <= 1000
