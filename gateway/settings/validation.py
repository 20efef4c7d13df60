"""Settings of validation: what requests must look like."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from gateway.settings.types import Bytes, FieldName, File, MediaRange, Method, Model, Pattern


class Validation(Model, frozen=True):
    """What requests must look like before live sees them. Off until there is this table.

    A route's own table takes the place of the more general one as a whole.
    """

    mode: Annotated[
        Literal["enforce", "report", "off"],
        Meta(
            description='"enforce" refuses what does not fit, "report" counts and logs it '
            'and lets it pass, "off" looks at nothing'
        ),
    ] = "enforce"
    methods: Annotated[
        tuple[Method, ...],
        Meta(description="methods allowed, HEAD with GET; all when empty; else 405"),
    ] = ()
    required_headers: Annotated[
        tuple[FieldName, ...], Meta(description="fields that a request must have; else 400")
    ] = ()
    content_types: Annotated[
        tuple[MediaRange, ...],
        Meta(description="content types that bodies may have; all when empty; else 415"),
    ] = ()
    json: Annotated[
        bool,
        Meta(description="whether bodies that say they are JSON must be, strictly; else 400"),
    ] = False
    schema: Annotated[
        File | None,
        Meta(
            description="JSON Schema, draft 2020-12 (JSON or YAML), that JSON bodies must match; "
            "else 422; needs `pip install 'gateway[validation]'`"
        ),
    ] = None
    openapi: Annotated[
        File | None,
        Meta(
            description="OpenAPI 3.1 description (JSON or YAML) of the paths, parameters and "
            "bodies there are; needs `pip install 'gateway[validation]'`"
        ),
    ] = None
    base_path: Annotated[
        Pattern | None,
        Meta(
            description="what goes before the paths of `openapi`; "
            "those of its servers when left out"
        ),
    ] = None
    formats: Annotated[
        bool, Meta(description="whether schemas' `format` is checked, or only a remark")
    ] = True
    unique_keys: Annotated[
        bool, Meta(description="whether an object with one key twice is refused; 400")
    ] = True
    max_depth: Annotated[
        int, Meta(ge=1, le=200, description="most levels of nesting in JSON; more are answered 400")
    ] = 64
    max_json: Annotated[
        Bytes,
        Meta(description="largest JSON body, decoded; a larger one is answered 413"),
    ] = 1024 * 1024
    max_ratio: Annotated[
        int,
        Meta(
            ge=1,
            le=10**6,
            description="how many times its size a body of more than 64KiB may grow "
            "when it is decoded; else 413",
        ),
    ] = 100
