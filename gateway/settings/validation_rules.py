"""Rules about validation. They compile every schema: what a start would trip over.

What compiles them is imported when there is one: its libraries take a host's time.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

from gateway.settings.declared import Key
from gateway.settings.findings import Finding
from gateway.settings.model import Settings
from gateway.settings.validation import Validation

# What an OpenAPI description says itself.
_SAID_BY_OPENAPI = ("methods", "required_headers", "content_types", "json", "schema")


def validation_findings(settings: Settings) -> Iterator[Finding]:
    """Files that cannot be used, and settings that do nothing beside others."""
    for key, validation in _validations(settings):
        yield from _without_effect(validation, key)
        for name in ("schema", "openapi"):
            fault = _fault(name, validation) if getattr(validation, name) else None
            if fault is not None:
                yield Finding(((*key, name),), fault)


def _validations(settings: Settings) -> Iterator[tuple[Key, Validation]]:
    if settings.validation is not None:
        yield ("validation",), settings.validation
    for index, route in enumerate(settings.routes):
        if route.validation is not None:
            yield ("routes", index, "validation"), route.validation


def _without_effect(validation: Validation, key: Key) -> Iterator[Finding]:
    here = (*key, "openapi")
    for name in _SAID_BY_OPENAPI if validation.openapi else ():
        if getattr(validation, name):
            message = "has no effect beside openapi, which says that itself; leave out one of them"
            yield Finding(((*key, name), here), message)
    base_path = (*key, "base_path")
    if validation.base_path is not None and not validation.openapi:
        yield Finding((base_path, here), "has no effect without openapi")
    if "*" in (validation.base_path or ""):
        yield Finding((base_path,), "expected a plain path, without *")


def _fault(name: str, validation: Validation) -> str | None:
    compiled = import_module("gateway.validation.compiled")
    try:
        if name == "schema":
            compiled.schema_of(validation.schema, formats=validation.formats)
        else:
            compiled.openapi_rules(validation)
    except compiled.SchemaFault as fault:
        return str(fault)
    return None
