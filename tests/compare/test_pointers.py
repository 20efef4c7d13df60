"""Trails, pointers and patterns."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.compare.pointers import (
    Trail,
    folded,
    keys_in,
    live_keys,
    pattern_of,
    pointer_to,
    shadow_keys,
)

KEYS = st.lists(st.text(max_size=6) | st.sampled_from(["~", "/", "~1", "~0", ""]), max_size=5)


@given(KEYS)
def test_a_pointer_reads_back_as_its_keys(keys: list[str]) -> None:
    """RFC 6901: whatever upstreams call their members."""
    assert keys_in(pointer_to(list(keys))) == keys


@given(st.lists(st.tuples(st.text(max_size=3), st.integers(0, 9)), max_size=5))
def test_a_trail_has_both_ways_down(steps: list[tuple[str, int]]) -> None:
    """From the root, each side by its own keys."""
    trail: Trail = None
    for live, shadow in steps:
        trail = (trail, live, shadow)
    assert live_keys(trail) == [live for live, _ in steps]
    assert shadow_keys(trail) == [shadow for _, shadow in steps]


@given(KEYS, KEYS)
def test_names_that_are_no_ids_have_patterns_of_their_own(one: list[str], other: list[str]) -> None:
    """Two places have one pattern only where ids or indices are folded."""
    patterns = pattern_of(list(one)), pattern_of(list(other))
    if patterns[0] == patterns[1] and "*" not in patterns[0]:
        assert one == other


@pytest.mark.parametrize(
    ("key", "step"),
    [
        pytest.param(7, "*", id="an index"),
        pytest.param("4711", "*", id="digits"),
        pytest.param("0f8fad5b-d9cb-469f-a165-70867728950E", "*", id="a UUID"),
        pytest.param("9f86d081884c7d65", "*", id="hexadecimal"),
        pytest.param("9f86d081", "9f86d081", id="too short for an id"),
        pytest.param("v2", "v2", id="a word with a digit"),
        pytest.param("", "", id="no name"),
        pytest.param("a/b~c", "a~1b~0c", id="escaped"),
    ],
)
def test_ids_are_folded_and_words_are_not(key: str | int, step: str) -> None:
    """Ten thousand customers are one pattern."""
    assert folded(key) == step
