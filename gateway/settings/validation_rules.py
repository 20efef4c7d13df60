"""Rules about validation. They compile every schema: what a start would trip over."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from gateway.settings.declared import Key
from gateway.settings.findings import Finding
from gateway.settings.model import Settings
from gateway.settings.validation import Validation
from gateway.validation.compiled import openapi_rules, schema_of
from gateway.validation.files import SchemaFault

# What an OpenAPI description says itself.
_SAID_BY_OPENAPI = ("methods", "required_headers", "content_types", "json", "schema")


def validation_findings(settings: Settings) -> Iterator[Finding]:
    """Files that cannot be used, and settings that do nothing beside others."""
    for key, validation in _validations(settings):
        yield from _without_effect(validation, key)
        for name, compile_ in (("schema", _compile_schema), ("openapi", _compile_openapi)):
            fault = _fault(compile_, validation) if getattr(validation, name) else None
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


def _compile_schema(validation: Validation) -> None:
    schema_of(validation.schema or "", formats=validation.formats)


def _compile_openapi(validation: Validation) -> None:
    openapi_rules(validation)


def _fault(compile_: Callable[[Validation], None], validation: Validation) -> str | None:
    try:
        compile_(validation)
    except SchemaFault as fault:
        return str(fault)
    return None
