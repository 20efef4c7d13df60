"""Compiled schemas: what they accept, what they say, what they cost."""

from __future__ import annotations

import json
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from gateway.validation.documents import Documents
from gateway.validation.files import SchemaFault
from gateway.validation.schema import MOST_ERRORS, Schema, ValidatorFailed, compile_file
from tests.validation.test_documents import written


def compiled(folder: Path, schema: Any, *, formats: bool = True, **others: Any) -> Schema:
    return compile_file(Documents(written(folder, a=schema, **others)), formats=formats)


def fault(folder: Path, schema: Any, **others: Any) -> str:
    with pytest.raises(SchemaFault) as caught:
        compiled(folder, schema, **others)
    return str(caught.value)


INVOICE = {
    "type": "object",
    "required": ["id"],
    "additionalProperties": False,
    "properties": {
        "id": {"type": "string", "pattern": "^[A-Z]+$"},
        "a/b~c": {"type": "array", "items": {"type": "integer"}},
        "day": {"format": "date"},
        "state": {"enum": ["open", "paid"]},
    },
}


def test_errors_say_where_and_what(tmp_path: Path) -> None:
    """JSON Pointers with their escapes, and never the value that was wrong."""
    schema = compiled(tmp_path, INVOICE)
    value = {"a/b~c": [1, "secret"], "day": "secret", "state": "secret", "x": "secret"}
    assert not schema.accepts(value)
    errors = {(each["pointer"], each["detail"]) for each in schema.errors(value, 6)}
    assert errors == {
        ("", '"id" is a required property.'),
        ("", "Additional properties are not allowed ('x' was unexpected)."),
        ("/a~1b~0c/1", 'The value is not of type "integer".'),
        ("/day", 'The value is not a "date".'),
        ("/state", 'The value is not one of "open" or "paid".'),
    }
    assert schema.accepts({"id": "X", "a/b~c": [1], "day": "2026-11-21", "state": "open"})


def test_formats_are_a_matter_of_settings(tmp_path: Path) -> None:
    """Draft 2020-12 leaves that open; unknown formats are never checked."""
    schema = {"properties": {"a": {"format": "uuid"}, "b": {"format": "int32"}}}
    value = {"a": "x", "b": "y"}
    assert not compiled(tmp_path, schema).accepts(value)
    assert compiled(tmp_path, schema, formats=False).accepts(value)
    assert compiled(tmp_path, schema).accepts({"b": "y"})


@pytest.mark.parametrize(
    "schema", [True, {}, {"$schema": "https://json-schema.org/draft/2020-12/schema"}]
)
def test_a_schema_may_accept_everything(tmp_path: Path, schema: Any) -> None:
    """Even plain true."""
    assert compiled(tmp_path, schema).accepts({"a": [1]})


def test_references_reach_other_files_and_back(tmp_path: Path) -> None:
    """As draft 2020-12 has them, anchors and embedded schemas too."""
    schema = compiled(
        tmp_path,
        {
            "$defs": {"n": {"$anchor": "number", "type": "integer"}},
            "type": "array",
            "items": {"$ref": "sub/b.json"},
        },
        sub__b={
            "anyOf": [{"$ref": "../a.json#number"}, {"$ref": "../a.json"}],
            "not": {"const": 7},
        },
    )
    assert schema.accepts([1, [2, [3]]])
    assert not schema.accepts([1, [2, ["x"]]])
    assert not schema.accepts([7])
    bundle = {
        "$id": "https://schemas.test/a.json",
        "$ref": "b.json",
        "$defs": {"b": {"$id": "b.json", "type": "integer"}},
    }
    assert not compiled(tmp_path, bundle).accepts("x")


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        (7, "a schema is an object, or true or false"),
        ([], "a schema is an object, or true or false"),
        ({"type": "strin"}, 'at /type: "strin" is not valid under any of the schemas'),
        ({"properties": {"a": {"minimum": "x"}}}, 'at /properties/a/minimum: "x" is not of type'),
        ({"$ref": "#/$defs/none"}, "at the top: Pointer '/$defs/none' does not exist"),
        ({"$ref": "#none"}, "at the top: Anchor 'none' does not exist"),
        ({"items": {"pattern": "(a"}}, "at /items/pattern: not a pattern that can be matched in"),
        ({"items": {"pattern": "(?=a)b"}}, "at /items/pattern: not a pattern that can be matched"),
        ({"items": {"pattern": r"(a)\1"}}, "at /items/pattern: not a pattern that can be matched"),
        ({"pattern": "((a{1000}){1000}){1000}"}, "at /pattern: not a pattern that can be matched"),
        ({"patternProperties": {"(?!a)": True}}, "at /patternProperties"),
    ],
)
def test_a_schema_that_is_none_says_where(tmp_path: Path, schema: Any, text: str) -> None:
    """What the engine cannot match in linear time is no pattern here."""
    assert fault(tmp_path, schema).startswith(text)


def test_a_fault_in_another_file_names_it(tmp_path: Path) -> None:
    """The settings only name the first one."""
    text = fault(tmp_path, {"items": {"$ref": "b.json"}}, b={"minimum": "x"})
    assert text == 'b.json: at /minimum: "x" is not of type "number"'


def test_an_object_that_is_part_of_itself_is_a_fault(tmp_path: Path) -> None:
    """YAML can say that; it ends in no endless loop."""
    (tmp_path / "a.yaml").write_text("properties: &p {x: {properties: *p}}")
    with pytest.raises(SchemaFault):
        compile_file(Documents(tmp_path / "a.yaml"))


def test_a_schema_in_a_circle_compiles_and_ends(tmp_path: Path) -> None:
    """Trees are such schemas."""
    tree = {"properties": {"child": {"$ref": "#"}}, "additionalProperties": False}
    schema = compiled(tmp_path, tree)
    assert schema.accepts({"child": {"child": {}}})
    assert not schema.accepts({"child": {"child": {"x": 1}}})
    assert compiled(tmp_path, {"$ref": "#"}).accepts(1)


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"pattern": "^(a+)+$"}, "a" * 100_000 + "!"),
        ({"pattern": "^(a|aa|a*)*$"}, "a" * 100_000 + "!"),
        (
            {"patternProperties": {"^(a+)+$": True}, "additionalProperties": False},
            {"a" * 99_999 + "!": 1},
        ),
        ({"propertyNames": {"pattern": "(x+x+)+y"}}, {"x" * 99_999: 1}),
        ({"format": "regex"}, "(a+)+" * 20_000 + "("),
        ({"format": "email"}, "a." * 50_000),
        ({"format": "uri"}, ":" * 100_000),
    ],
    ids=["nested", "alternatives", "names", "propertyNames", "a regex", "email", "uri"],
)
def test_no_text_makes_a_pattern_slow(tmp_path: Path, schema: Any, value: Any) -> None:
    """An engine that backtracks would not come back from some of these."""
    compiled_schema = compiled(tmp_path, schema)
    began = time.process_time()
    assert not compiled_schema.accepts(value)
    assert time.process_time() - began < 0.2


def test_at_most_twenty_errors_are_listed(tmp_path: Path) -> None:
    """Nobody reads more, and a client must not choose how much it is answered."""
    schema = compiled(tmp_path, {"items": {"type": "string"}})
    assert len(schema.errors(list(range(100)), 101)) == MOST_ERRORS == 20


def test_long_texts_of_the_client_are_cut(tmp_path: Path) -> None:
    """Names of properties, which are in pointers and in details."""
    schema = compiled(tmp_path, {"additionalProperties": {"type": "string", "maxLength": 1}})
    (error,) = schema.errors({"k" * 10_000: 5}, 2)
    assert len(error["pointer"]) == 256
    closed = compiled(tmp_path, {"additionalProperties": False})
    (error,) = closed.errors({"k" * 10_000: 5}, 2)
    assert len(error["detail"]) < 300


LARGE = {
    "items": ({"items": {"type": "string"}}, "/0"),
    "two kinds": ({"items": {"type": "object", "required": ["a", "b", "c"]}}, "/0"),
    "branches of items": ({"items": {"anyOf": [{"type": "string"}, {"type": "object"}]}}, ""),
    "items in branches": ({"oneOf": [{"items": {"type": "string"}}, {"type": "object"}]}, ""),
    "unevaluated": ({"unevaluatedItems": False}, ""),
    "contains": ({"contains": {"type": "string"}}, ""),
    "not": ({"not": {"type": "array"}}, ""),
}


@pytest.mark.parametrize(("schema", "pointer"), LARGE.values(), ids=list(LARGE))
def test_a_large_value_is_explained_cheaply(tmp_path: Path, schema: Any, pointer: str) -> None:
    """The library would collect half a million errors first: 23 s and 3 GB (its 0.60)."""
    value = [1] * 500_000
    made = compiled(tmp_path, schema)
    tracemalloc.start()
    began = time.process_time()
    assert not made.accepts(value)
    errors = made.errors(value, len(value) + 1)
    took = time.process_time() - began
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [error["pointer"] for error in errors] == [pointer]
    assert took < 2
    assert peak < 64 * 2**20
    assert len(json.dumps(errors)) < 1000


class PanicException(BaseException):
    """What PyO3 makes of a panic in Rust; it cannot be provoked at will."""

    __module__ = "pyo3_runtime"


class Failing:
    """A validator with a fault of its own."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def fail(self, value: Any) -> Any:
        raise self._error

    is_valid = iter_errors = validate = fail


def test_a_panic_of_the_library_is_an_error_like_any_other() -> None:
    """It would pass by every boundary, and end the worker."""
    schema = Schema(Failing(PanicException("no char boundary")), branching=False)
    with pytest.raises(ValidatorFailed, match="no char boundary"):
        schema.accepts({})
    for values in (1, 10**6):
        with pytest.raises(ValidatorFailed):
            schema.errors({}, values)


def test_a_thread_that_is_told_to_stop_is_not_held_up() -> None:
    """Anything else that is no ``Exception`` passes: ``SystemExit``, gevent's ``GreenletExit``."""
    with pytest.raises(SystemExit):
        Schema(Failing(SystemExit()), branching=False).accepts({})
