"""Parameters of an operation: read by their style, made values by their schema, checked by it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gateway.validation.documents import Documents, Node
from gateway.validation.json_text import JsonText
from gateway.validation.parts import UNESCAPE
from gateway.validation.rejection import Rejected
from gateway.validation.schema import Compiler, Schema
from gateway.validation.styles import MISSING, STYLES, Pairs, Structure, Unreadable, Where, reader
from gateway.validation.value_types import Types, converted, types_in

# OpenAPI 3.1 section 4.8.12.1: these are described elsewhere.
_NOT_PARAMETERS = frozenset({"accept", "content-type", "authorization"})


class Parameter:
    """One parameter. Any thread may use it."""

    def __init__(
        self, documents: Documents, node: Node, compiler: Compiler, text: JsonText
    ) -> None:
        self.where: Where = node.value["in"]
        self.name: str = node.value["name"]
        self._required = node.value.get("required") is True
        self._may_be_empty = node.value.get("allowEmptyValue") is True
        self._unescape = UNESCAPE[self.where]
        schema = _schema_node(documents, node)
        self._schema: Schema | None = None if schema is None else compiler.compile(schema)
        self._text = text if "content" in node.value else None
        self._types = Types(frozenset())
        if schema is not None and self._text is None:
            self._types = types_in(documents, schema)
        self._read = _reader(node, self.where, self.name, self._types)

    def problems(self, pairs: Pairs) -> list[dict[str, str]]:
        """What is wrong with it, among all that the request has in its place."""
        try:
            structure = self._read(pairs)
            if structure is MISSING:
                return [self._problem("", "is required")] if self._required else []
            if structure == "" and self._may_be_empty:
                return []
            value = self._value(structure)
        except Unreadable as unreadable:
            return [self._problem("", str(unreadable))]
        schema = self._schema
        if schema is None or schema.accepts(value):
            return []
        if self._is_open(value) and schema.accepts(self._unescape(str(structure))):
            return []
        errors = schema.errors(value, _size(structure))
        return [self._problem(error["pointer"], error["detail"]) for error in errors]

    def _problem(self, pointer: str, detail: str) -> dict[str, str]:
        return {"in": self.where, "name": self.name, "pointer": pointer, "detail": detail}

    def _is_open(self, value: object) -> bool:
        """Read as a number or the like, but it may be a text too: "00501" or "501"?"""
        may_be_text = self._text is None and "string" in self._types.here
        return may_be_text and not isinstance(value, (str, list, dict))

    def _value(self, structure: Structure) -> Any:
        types, unescape = self._types, self._unescape
        if isinstance(structure, list):
            return [converted(unescape(text), types.items) for text in structure]
        if isinstance(structure, dict):
            return {
                name: converted(unescape(text), types.properties.get(name, frozenset()))
                for name, text in ((unescape(name), text) for name, text in structure.items())
            }
        text = unescape(structure)
        if self._text is None:
            return converted(text, types.here)
        try:
            return self._text.parse(text.encode()).value
        except Rejected:
            raise Unreadable("must be JSON") from None


def check_style(node: Node) -> None:
    """Raises ``SchemaFault`` for a parameter in a style that cannot be read here."""
    known = STYLES[node.value["in"]]
    if node.value.get("style", known[0]) not in known:
        raise node.fault(f"only these styles can be checked here: {', '.join(known)}")


def is_ignored(node: Node) -> bool:
    """A header parameter that OpenAPI says to ignore."""
    return node.value["in"] == "header" and node.value["name"].lower() in _NOT_PARAMETERS


def _reader(node: Node, where: Where, name: str, types: Types) -> Callable[[Pairs], Any]:
    style = node.value.get("style", STYLES[where][0])
    explode = node.value.get("explode", style == "form") is True
    if where == "header":
        name = name.lower()
    return reader(name, types.form, style, explode=explode, properties=tuple(types.properties))


def _schema_node(documents: Documents, node: Node) -> Node | None:
    if "content" not in node.value:
        return documents.below(node, "schema")
    if list(node.value["content"]) != ["application/json"]:
        raise node.fault("only application/json can be checked as the content of a parameter")
    return documents.below(node, "content", "application/json", "schema")


def _size(structure: Structure) -> int:
    return 1 if isinstance(structure, str) else len(structure)
