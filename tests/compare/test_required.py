"""Places that a shadow's answer must have."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.compare.verdict import Verdict
from tests.compare.making import answer, compared, places

THERE: dict[str, tuple[str, str]] = {
    "name": ("$.id", '{"id": null}'),
    "in-each": ("$.lines[*].id", '{"lines": [{"id": 1}, {"id": 2}]}'),
    "in-none": ("$.lines[*].id", '{"lines": []}'),
    "anywhere": ("$..id", '[{"a": {"id": 1}}]'),
    "anywhere-deeper": ("$..a.id", '{"a": {}, "b": {"a": {"id": 1}}}'),
    "index": ("$[1]", "[0, 1]"),
    "root": ("$", "{}"),
}


@pytest.mark.parametrize(("path", "body"), THERE.values(), ids=THERE)
def test_what_is_there_is_fine(path: str, body: str) -> None:
    """Also if the bodies are equal, when nothing else is looked at."""
    assert compared(body, body, require_paths=(path,)).verdict is Verdict.MATCH


MISSING: dict[str, tuple[str, str, list[str]]] = {
    "name": ("$.id", "{}", ["/id"]),
    "in-one": ("$.lines[*].id", '{"lines": [{"id": 1}, {}, {}]}', ["/lines/1/id", "/lines/2/id"]),
    "way-to-it": ("$.lines[*].id", "{}", ["/lines"]),
    "anywhere": ("$..id", '[{"a": {}}]', [""]),
    "anywhere-below": ("$.a..id", '{"a": {}, "id": 1}', ["/a"]),
    "index": ("$[1]", "[0]", ["/1"]),
    "of-a-text": ("$.a.b", '{"a": "b"}', ["/a/b"]),
}


@pytest.mark.parametrize(("path", "body", "pointers"), MISSING.values(), ids=MISSING)
def test_what_is_missing_is_required(path: str, body: str, pointers: list[str]) -> None:
    """Although live has not got it either: somebody said that it must be there."""
    comparison = compared(body, body, require_paths=(path,))
    assert comparison.verdict is Verdict.BODY
    assert places(comparison) == [("required", pointer) for pointer in pointers]


def test_what_is_required_may_be_ignored_otherwise() -> None:
    """Any value will do."""
    rules: dict[str, Any] = {"require_paths": ("$.id",), "ignore_paths": ("$.id",)}
    assert compared('{"id": 1}', '{"id": 2}', **rules).verdict is Verdict.MATCH
    assert places(compared('{"id": 1}', "{}", **rules)) == [("required", "/id")]


@pytest.mark.parametrize("status", [404, 500])
def test_refusals_need_not_have_it(status: int) -> None:
    """They are about something else."""
    both = answer("{}", status=status)
    assert compared(both, both, require_paths=("$.id",)).verdict is Verdict.MATCH
