"""From the settings of a route to what checks its requests.

Used where a gateway is put together, and by the rules of the settings, which
compile everything once to see whether it can be.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from gateway.coding import Limits
from gateway.validation.bodies import JsonBodies
from gateway.validation.documents import Documents
from gateway.validation.files import SchemaFault
from gateway.validation.json_text import JsonText
from gateway.validation.openapi import OpenApiRules, compile_openapi
from gateway.validation.rules import Check, PlainRules
from gateway.validation.schema import Schema, compile_file


class Config(Protocol):
    """The settings that matter here; ``gateway.settings.validation`` explains them."""

    @property
    def methods(self) -> Sequence[str]: ...
    @property
    def required_headers(self) -> Sequence[str]: ...
    @property
    def content_types(self) -> Sequence[str]: ...
    @property
    def json(self) -> bool: ...
    @property
    def schema(self) -> str | None: ...
    @property
    def openapi(self) -> str | None: ...
    @property
    def base_path(self) -> str | None: ...
    @property
    def formats(self) -> bool: ...
    @property
    def unique_keys(self) -> bool: ...
    @property
    def max_depth(self) -> int: ...
    @property
    def max_json(self) -> int: ...
    @property
    def max_ratio(self) -> int: ...


def check_of(config: Config) -> Check:
    """What checks the requests of a route. Raises ``SchemaFault``."""
    if config.openapi is not None:
        return openapi_rules(config)
    schema = schema_of(config.schema, formats=config.formats) if config.schema else None
    return PlainRules(
        _bodies(config),
        methods=config.methods,
        required_headers=config.required_headers,
        content_types=config.content_types,
        json=config.json,
        schema=schema,
    )


def schema_of(path: str, *, formats: bool) -> Schema:
    """The compiled schema of a file."""
    try:
        return compile_file(Documents(Path(path)), formats=formats)
    except SchemaFault as fault:
        raise SchemaFault(f"expected a JSON Schema, draft 2020-12: {fault}") from None


def openapi_rules(config: Config) -> OpenApiRules:
    """The compiled description of an API."""
    try:
        return compile_openapi(
            Documents(Path(config.openapi or "")),
            _bodies(config),
            formats=config.formats,
            base_path=config.base_path,
        )
    except SchemaFault as fault:
        raise SchemaFault(f"expected an OpenAPI 3.1 description: {fault}") from None


def _bodies(config: Config) -> JsonBodies:
    limits = Limits(config.max_json, config.max_ratio)
    return JsonBodies(limits, JsonText(config.max_depth, unique_keys=config.unique_keys))
