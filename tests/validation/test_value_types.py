"""Texts as values of the types a schema names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.validation.documents import Documents
from gateway.validation.value_types import Types, converted, types_in
from tests.validation.test_documents import written


@pytest.mark.parametrize(
    ("text", "types", "value"),
    [
        ("7", {"integer"}, 7),
        ("-7", {"number"}, -7),
        ("7.5", {"number"}, 7.5),
        ("1e3", {"number"}, 1000.0),
        ("7", {"string"}, "7"),
        ("7", set(), "7"),
        ("7", {"string", "integer"}, 7),
        ("007", {"integer"}, "007"),
        ("+7", {"integer"}, "+7"),
        ("7_0", {"integer"}, "7_0"),
        ("٧", {"integer"}, "٧"),
        (" 7", {"integer"}, " 7"),
        ("0x7", {"integer"}, "0x7"),
        ("NaN", {"number"}, "NaN"),
        ("1e999", {"number"}, "1e999"),
        ("9" * 101, {"integer"}, "9" * 101),
        ("true", {"boolean"}, True),
        ("false", {"boolean", "string"}, False),
        ("True", {"boolean"}, "True"),
        ("1", {"boolean"}, "1"),
        ("", {"null"}, None),
        ("null", {"null"}, None),
        ("", {"string"}, ""),
    ],
)
def test_a_text_is_a_value_as_json_writes_it(text: str, types: set[str], value: object) -> None:
    """What only some parsers take for a number stays a text, which then fits no number."""
    found = converted(text, frozenset(types))
    assert found == value
    assert type(found) is type(value)


def types(folder: Path, schema: Any) -> Types:
    documents = Documents(written(folder, a=schema))
    return types_in(documents, documents.top)


@pytest.mark.parametrize(
    ("schema", "here"),
    [
        ({"type": "integer"}, {"integer"}),
        ({"type": ["integer", "null"]}, {"integer", "null"}),
        ({"enum": [1, "a", True, None, 1.5]}, {"integer", "string", "boolean", "null", "number"}),
        ({"const": 1}, {"integer"}),
        ({"anyOf": [{"type": "integer"}, {"const": "x"}]}, {"integer", "string"}),
        ({"allOf": [{"$ref": "#/$defs/n"}], "$defs": {"n": {"type": "number"}}}, {"number"}),
        ({"$ref": "#/$defs/n", "$defs": {"n": {"type": "number"}}}, {"number"}),
        ({"minimum": 3}, set()),
        (True, set()),
        ({"oneOf": [{"$ref": "#"}, {"type": "null"}]}, {"null"}),
    ],
)
def test_the_types_a_schema_names_are_found(tmp_path: Path, schema: Any, here: set[str]) -> None:
    """Through references and branches, and round no circle for ever."""
    assert types(tmp_path, schema).here == here


def test_a_schema_says_what_form_its_values_have(tmp_path: Path) -> None:
    """And what is in them."""
    each = types(tmp_path, {"type": "array", "items": {"type": "integer"}})
    assert (each.form, each.items) == ("array", {"integer"})
    each = types(
        tmp_path,
        {
            "type": "object",
            "properties": {"a": {"$ref": "#/properties/b"}, "b": {"type": "boolean"}},
        },
    )
    assert (each.form, each.properties) == ("object", {"a": {"boolean"}, "b": {"boolean"}})
    assert types(tmp_path, {"type": "string"}).form == "scalar"
