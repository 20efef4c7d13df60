"""YAML as far as it is JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.validation.yaml_text import YamlFault, parse_yaml


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("off", "off"),
        ("2026-11-21", "2026-11-21"),
        ("12:30", "12:30"),
        ("010", 10),
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        ("-7", -7),
        ("1e3", 1000.0),
        (".5", 0.5),
        (".nan", ".nan"),
        ("true", True),
        ("null", None),
        ("~", None),
        ('"7"', "7"),
        ("!!str 7", "7"),
    ],
)
def test_values_are_those_of_yaml_1_2(text: str, value: object) -> None:
    """What YAML 1.1 makes of them surprises everybody once."""
    found = parse_yaml(f"key: {text}")["key"]
    assert found == value
    assert type(found) is type(value)


def test_keys_are_texts() -> None:
    """Statuses are the usual ones."""
    assert parse_yaml("200: {true: 1, null: 2}") == {"200": {"true": 1, "null": 2}}


def test_anchors_and_merges_work() -> None:
    """An own key goes before a merged one."""
    text = "base: &base {a: 1, b: 2}\nmine: {<<: *base, b: 3}\nsame: *base"
    assert parse_yaml(text)["mine"] == {"a": 1, "b": 3}
    assert parse_yaml(text)["same"] == {"a": 1, "b": 2}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3", 'the key "a" stands twice in one object (line 1, column 1)'),
        ("? [1]\n: 2", "a key must be a text (line 1, column 3)"),
        ("a: [1", "did not find expected ',' or ']' (line 2, column 1)"),
        ("a: !!timestamp 2026-11-21", "could not determine a constructor for the tag"),
        ("a: !!binary eA==", "could not determine a constructor for the tag"),
        ("a: !!python/name:os.system x", "could not determine a constructor for the tag"),
        ("a: !!int x", "invalid literal"),
        ("a: 1\n---\nb: 2", "but found another document"),
        ("\x00", "unacceptable character"),
        ("a: *none", "found undefined alias"),
    ],
)
def test_what_is_no_such_yaml_is_explained(text: str, message: str) -> None:
    """By line and column, where there are any."""
    with pytest.raises(YamlFault) as caught:
        parse_yaml(text)
    assert str(caught.value).startswith(message)


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.text(st.characters(codec="ascii", categories=["L", "N", "P", "Zs"])),
    lambda below: (
        st.lists(below, max_size=3)
        | st.dictionaries(st.text("abc1-", min_size=1), below, max_size=3)
    ),
    max_leaves=10,
)


@given(_JSON)
def test_json_is_yaml(value: Any) -> None:
    """A description that is JSON means the same under either name."""
    assert parse_yaml(json.dumps(value)) == value
