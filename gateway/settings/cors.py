"""Settings of CORS."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from gateway.settings.types import FieldName, Method, Model, Seconds, WebOrigin


class Cors(Model, frozen=True):
    """Which pages of other sites may use the API from a browser. Off until there is this table.

    The gateway then answers preflights itself, and what upstreams say about
    CORS does not reach clients. Nobody is kept out by it but scripts in
    browsers; authentication is what keeps people out.
    """

    enabled: Annotated[
        bool, Meta(description="false switches it off, in general or for a route")
    ] = True
    origins: Annotated[
        tuple[WebOrigin, ...], Meta(description="sites whose pages may read answers")
    ] = ()
    methods: Annotated[tuple[Method, ...], Meta(description="methods that such pages may use")] = (
        "GET",
        "HEAD",
        "POST",
    )
    fields: Annotated[
        tuple[FieldName, ...],
        Meta(description='fields that such pages may set in their requests; "*" for any'),
    ] = ("Content-Type",)
    expose: Annotated[
        tuple[FieldName, ...],
        Meta(description="fields of answers that such pages may read, beside the usual few"),
    ] = ()
    credentials: Annotated[
        bool, Meta(description="whether browsers send cookies and passwords along")
    ] = False
    max_age: Annotated[
        Seconds, Meta(description="how long a browser may remember the answer to a preflight")
    ] = 600.0
