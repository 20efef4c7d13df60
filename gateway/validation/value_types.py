"""Which types a parameter's schema allows, and texts read as values of them.

A request has only texts. ``"7"`` is a number where the schema speaks of
numbers and a text where it does not. Schemas are looked at as far as they name
types plainly; what they say beyond that is the validator's business.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from gateway.validation.documents import Documents, Node
from gateway.validation.styles import Form

_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,99})")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,99})(?:\.[0-9]{1,99})?(?:[eE][-+]?[0-9]{1,2})?")
_DEEPEST = 8
# In this order, since a bool is an int too.
_PYTHON = ((bool, "boolean"), (int, "integer"), (float, "number"), (type(None), "null"))


class Types(NamedTuple):
    """What a schema says about types, as far as needed to read texts as values."""

    here: frozenset[str]
    items: frozenset[str] = frozenset()
    properties: Mapping[str, frozenset[str]] = {}

    @property
    def form(self) -> Form:
        """What its values look like in a request."""
        if "array" in self.here:
            return "array"
        return "object" if "object" in self.here else "scalar"


def types_in(documents: Documents, schema: Node) -> Types:
    """``schema``: one that compiles, so that its keywords have the values they must have."""
    items = documents.child(schema, "items")
    properties = documents.child(schema, "properties")
    names = properties.value if properties and isinstance(properties.value, dict) else {}
    each = {name: documents.child(schema, "properties", name) for name in names}
    return Types(
        _types_of(documents, documents.followed(schema)),
        _types_of(documents, items) if items else frozenset(),
        {name: _types_of(documents, node) for name, node in each.items() if node},
    )


def _types_of(documents: Documents, node: Node, depth: int = 0) -> frozenset[str]:
    """All types that it allows, as far as it names them. Without a name: text."""
    schema = node.value
    if not isinstance(schema, dict) or depth > _DEEPEST:
        return frozenset()
    named = schema.get("type")
    if named is not None:
        return frozenset([named] if isinstance(named, str) else named)
    values = [*schema.get("enum", ()), *([schema["const"]] if "const" in schema else [])]
    found = {_type_of(value) for value in values}
    for keyword in ("allOf", "anyOf", "oneOf"):
        for index in range(len(schema.get(keyword, ()))):
            below = documents.child(node, keyword, index)
            found |= _types_of(documents, below, depth + 1) if below else set()
    return frozenset(found)


def _type_of(value: object) -> str:
    return next((name for type_, name in _PYTHON if isinstance(value, type_)), "string")


def converted(text: str, types: frozenset[str]) -> Any:
    """A text as the first type that it may be one of; if none, it stays a text."""
    if types & {"integer", "number"}:
        if _INTEGER.fullmatch(text):
            return int(text)
        if _NUMBER.fullmatch(text):
            return float(text)
    if "boolean" in types and text in ("true", "false"):
        return text == "true"
    if "null" in types and text in ("", "null"):
        return None
    return text
