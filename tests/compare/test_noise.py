"""Noise, as rules to paste."""

from __future__ import annotations

import sys
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.compare.noise import Proposal, Spot, as_toml, looks_made, path_of_pattern
from gateway.compare.paths import parse_path
from gateway.compare.pointers import pattern_of
from gateway.compare.verdict import Difference, Kind, Part

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

# Any name that an upstream can give a member; "*" alone stands for all of them.
NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=8).filter(lambda n: n != "*")


def proposal(
    pattern: str,
    *,
    route: str = "default",
    part: Part = Part.BODY,
    kind: Kind = Kind.VALUE,
    sure: bool = True,
) -> Proposal:
    return Proposal(route, Spot(part, pattern, kind), 50, 60, sure)


def test_each_proposal_is_the_rule_that_it_needs() -> None:
    """Fields, places and orders, in TOML that can be pasted."""
    text = as_toml(
        [
            proposal("/x-node", part=Part.HEADERS),
            proposal("/lines/*/id"),
            proposal("/tags", kind=Kind.ORDER),
        ]
    )
    assert tomllib.loads(text) == {
        "compare": {
            "ignore_headers": ["x-node"],
            "ignore_paths": ["$.lines[*].id"],
            "arrays": [{"path": "$.tags"}],
        }
    }
    assert "differs in 50 of 60" in text


def test_a_value_that_is_no_id_and_no_time_is_a_question() -> None:
    """A sum that is always a cent too high is no noise: its rule is commented out."""
    text = as_toml([proposal("/id"), proposal("/sum", sure=False)])
    assert tomllib.loads(text)["compare"]["ignore_paths"] == ["$.id"]
    assert '#"$.sum"' in text
    assert text.count("a bug?") == 1


def test_rules_of_a_route_are_below_it() -> None:
    """And the general ones in their own table."""
    text = as_toml([proposal("/id"), proposal("/at", route='a "route"')])
    assert 'Below the [[routes]] of "a \\"route\\"":' in text
    found = tomllib.loads(text)
    assert found["compare"] == {"ignore_paths": ["$.id"]}
    assert found["routes"]["compare"] == {"ignore_paths": ["$.at"]}


@given(st.lists(NAMES, max_size=4))
def test_whatever_upstreams_name_is_the_path_of_just_that(names: list[str]) -> None:
    """Quotes and line breaks end nothing: the rule reads back as the place it is about."""
    pattern = pattern_of(list(names))
    text = as_toml([proposal(pattern)])
    (path,) = tomllib.loads(text)["compare"]["ignore_paths"]
    assert path == path_of_pattern(pattern)
    assert pattern_of([_text(step) for step in parse_path(path).steps]) == pattern


def _text(step: Any) -> str:
    return step if isinstance(step, str) else "*"


@given(NAMES)
def test_whatever_a_route_is_called_ends_no_comment(name: str) -> None:
    """A route's name is the user's own, and may have anything in it."""
    found = tomllib.loads(as_toml([proposal("/id", route=f"r{name}")]))
    assert list(found) == ["routes"]


def test_patterns_become_paths() -> None:
    """With everything that a name may have in it."""
    assert path_of_pattern("/lines/*/id") == "$.lines[*].id"
    assert path_of_pattern("") == "$"
    assert path_of_pattern("/a~1b/it's") == "$['a/b']['it\\'s']"


@pytest.mark.parametrize(
    ("live", "shadow", "made"),
    [
        pytest.param("0f8fad5b-d9cb-469f-a165-70867728950e", "a1b2c3d4e5f60718", True, id="ids"),
        pytest.param("2026-03-01T12:00:00Z", "2026-03-01T12:00:01.5Z", True, id="times"),
        pytest.param(1771234567, 1771234568, True, id="seconds"),
        pytest.param(1771234567890, Decimal("1771234567891.5"), True, id="milliseconds"),
        pytest.param(143, 142, False, id="amounts"),
        pytest.param("1.43", "1.42", False, id="amounts as texts"),
        pytest.param("confirmed", "cancelled", False, id="words"),
        pytest.param("0f8fad5b-d9cb-469f-a165-70867728950e", "", False, id="one is empty"),
        pytest.param("x1" * 200, "x2" * 200, False, id="long texts"),
        pytest.param(True, False, False, id="booleans"),
        pytest.param(None, None, False, id="nothing"),
    ],
)
def test_ids_and_times_look_like_what_is_made_anew(live: Any, shadow: Any, made: bool) -> None:
    """On both sides."""
    found = Difference(Part.BODY, Kind.VALUE, "/x", "/x", live, shadow)
    assert looks_made(found) is made
