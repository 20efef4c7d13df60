"""What the pieces of an OpenAPI description must be, as far as they are used here.

So that the code that compiles them can rely on it, and a mistake is named by
its place instead of becoming an error of ours. Pieces are checked one by one,
when references have been followed; schemas are the business of ``schema.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from gateway.validation.documents import DIALECT, Node
from gateway.validation.schema import explained

try:
    import jsonschema_rs
except ImportError:  # the extra gateway[validation] is not installed
    jsonschema_rs = None  # type: ignore[assignment]

Piece = Literal["description", "path", "operation", "parameter", "body", "media"]

# OpenAPI 3.1 section 4.8.9. TRACE is never forwarded.
METHODS = ("get", "put", "post", "delete", "options", "head", "patch")
_DIALECTS = [DIALECT, "https://spec.openapis.org/oas/3.1/dialect/base"]

_OBJECT = {"type": "object"}
_LIST = {"type": "array"}
_TEXT = {"type": "string"}
_YES_OR_NO = {"type": "boolean"}
_SERVERS = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["url"],
        "properties": {
            "url": _TEXT,
            "variables": {
                "type": "object",
                "additionalProperties": {
                    "type": "object",
                    "required": ["default"],
                    "properties": {"enum": {"type": "array", "minItems": 1}},
                },
            },
        },
    },
}
_PIECES: Mapping[Piece, Any] = {
    "description": {
        "type": "object",
        "required": ["openapi", "paths"],
        "properties": {
            "openapi": {"type": "string", "pattern": r"^3\.1\."},
            "paths": _OBJECT,
            "servers": _SERVERS,
            "jsonSchemaDialect": {"enum": _DIALECTS},
        },
    },
    "path": {
        "type": "object",
        "properties": {"parameters": _LIST, "servers": _SERVERS, **dict.fromkeys(METHODS, _OBJECT)},
    },
    "operation": {
        "type": "object",
        "properties": {"parameters": _LIST, "servers": _SERVERS, "requestBody": _OBJECT},
    },
    "parameter": {
        "type": "object",
        "required": ["name", "in"],
        "properties": {
            "name": _TEXT,
            "in": {"enum": ["path", "query", "header", "cookie"]},
            "style": _TEXT,
            "required": _YES_OR_NO,
            "explode": _YES_OR_NO,
            "allowEmptyValue": _YES_OR_NO,
            "content": {"type": "object", "minProperties": 1, "maxProperties": 1},
        },
        # OpenAPI 3.1 section 4.8.12.1: exactly one of the two.
        "if": {"required": ["content"]},
        "then": {"properties": {"schema": False}},
        "else": {"required": ["schema"]},
    },
    "body": {
        "type": "object",
        "required": ["content"],
        "properties": {"content": _OBJECT, "required": _YES_OR_NO},
    },
    "media": _OBJECT,
}


class Shapes:
    """The pieces, compiled."""

    def __init__(self) -> None:
        self._validators = {
            piece: jsonschema_rs.Draft202012Validator(shape, offline=True)
            for piece, shape in _PIECES.items()
        }

    def check(self, piece: Piece, node: Node) -> None:
        """Raises ``SchemaFault``."""
        try:
            self._validators[piece].validate(node.value)
        except jsonschema_rs.ValidationError as error:
            raise explained(error, below=node.pointer) from None
