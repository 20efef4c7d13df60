"""Validation's settings: files that can be used, and no setting that does nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.settings.loading import LIVE, load_text, problems_in

GOOD: dict[str, Any] = {
    "good.json": {"type": "object", "properties": {"a": {"$ref": "sub.json"}}},
    "sub.json": {"type": "integer"},
    "remote.json": {"$ref": "https://schemas.test/a.json"},
    "typo.json": {"properties": {"a": {"type": "strin"}}},
    "slow.json": {"properties": {"a": {"pattern": r"^(a)\1$"}}},
    "api.json": {"openapi": "3.1.0", "paths": {"/a": {"get": {}}}},
    "old.json": {"openapi": "3.0.3", "paths": {}},
}


@pytest.fixture(autouse=True)
def files(tmp_path: Path) -> None:
    for name, content in GOOD.items():
        (tmp_path / name).write_text(json.dumps(content))
    (tmp_path / "broken.json").write_text('{"type":\n')
    (tmp_path / "api.yaml").write_text("openapi: 3.1.0\npaths: {/a: {get: {}}}")


def general(text: str) -> str:
    return f"{LIVE}[validation]\n{text}\n"


def test_schemas_and_descriptions_are_taken(tmp_path: Path) -> None:
    """By their full paths: a worker may run elsewhere. A route may have its own."""
    text = general('schema = "good.json"')
    text += '[[routes]]\npath = "/a"\nvalidation = { openapi = "api.yaml", base_path = "/v1" }\n'
    settings = load_text(tmp_path, text)
    assert settings.validation is not None
    assert settings.validation.schema == str(tmp_path / "good.json")
    assert settings.routes[0].validation is not None
    assert settings.routes[0].validation.openapi == str(tmp_path / "api.yaml")


def test_without_a_table_there_is_no_validation(tmp_path: Path) -> None:
    """An empty one is one that allows everything."""
    assert load_text(tmp_path, LIVE).validation is None
    assert load_text(tmp_path, general("")).validation is not None


JSON_SCHEMA = "expected a JSON Schema, draft 2020-12: "
OPENAPI = "expected an OpenAPI 3.1 description: "


@pytest.mark.parametrize(
    ("text", "key", "message"),
    [
        (
            'schema = "none.json"',
            "schema",
            f"{JSON_SCHEMA}cannot read this file: No such file or directory",
        ),
        ('schema = "."', "schema", f"{JSON_SCHEMA}cannot read this file: Is a directory"),
        ('schema = "broken.json"', "schema", f"{JSON_SCHEMA}not JSON: expecting value (line 2"),
        ('schema = "remote.json"', "schema", f"{JSON_SCHEMA}refers to https://schemas.test/a.json"),
        ('schema = "typo.json"', "schema", f'{JSON_SCHEMA}at /properties/a/type: "strin" is not'),
        ('schema = "slow.json"', "schema", f"{JSON_SCHEMA}at /properties/a/pattern: not a pattern"),
        ('openapi = "old.json"', "openapi", f'{OPENAPI}at /openapi: "3.0.3" does not match'),
        ('openapi = "good.json"', "openapi", f'{OPENAPI}at the top: "openapi" is a required'),
        (
            'openapi = "api.json"\nmethods = ["GET"]',
            "methods",
            "has no effect beside openapi, which says that itself; leave out one of them",
        ),
        ('openapi = "api.json"\nschema = "good.json"', "schema", "has no effect beside openapi"),
        ('openapi = "api.json"\njson = true', "json", "has no effect beside openapi"),
        ('base_path = "/v1"', "base_path", "has no effect without openapi"),
        ('openapi = "api.json"\nbase_path = "/*"', "base_path", "expected a plain path, without *"),
    ],
)
def test_what_cannot_work_stops_the_start(
    tmp_path: Path, text: str, key: str, message: str
) -> None:
    """With file, line, key, value and what was expected."""
    (problem,) = problems_in(tmp_path, general(text))
    place, _, rest = problem.partition(f": validation.{key} = ")
    assert place.startswith("gateway.toml:")
    assert f": {message}" in rest


def test_a_fault_in_a_route_names_the_route(tmp_path: Path) -> None:
    """There may be many."""
    text = f'{LIVE}[[routes]]\npath = "/a"\n[routes.validation]\nschema = "none.json"\n'
    (problem,) = problems_in(tmp_path, text)
    assert problem.startswith('gateway.toml:6: routes[0].validation.schema = "none')
    assert "cannot read this file" in problem


@pytest.mark.parametrize(
    "text",
    [
        'mode = "log"',
        'content_types = ["json"]',
        'methods = ["get"]',
        "max_depth = 0",
        "max_depth = 201",
    ],
)
def test_values_have_bounds(tmp_path: Path, text: str) -> None:
    """Said where each is declared."""
    (problem,) = problems_in(tmp_path, general(text))
    assert "expected" in problem
