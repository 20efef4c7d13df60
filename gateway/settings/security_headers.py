"""Settings of the fields that tell browsers to be careful."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from gateway.settings.types import FieldName, FieldValue, Model


class SecurityHeaders(Model, frozen=True):
    """Fields that tell browsers to be careful. Off until there is this table.

    What an upstream says itself counts, unless `replace` is set.
    """

    enabled: Annotated[
        bool, Meta(description="false switches it off, in general or for a route")
    ] = True
    content_type_options: Annotated[
        Literal["nosniff", ""],
        Meta(description='X-Content-Type-Options; in all of these "" is none'),
    ] = "nosniff"
    frame_options: Annotated[
        Literal["DENY", "SAMEORIGIN", ""], Meta(description="X-Frame-Options")
    ] = "DENY"
    referrer_policy: Annotated[FieldValue, Meta(description="Referrer-Policy")] = (
        "strict-origin-when-cross-origin"
    )
    strict_transport_security: Annotated[
        FieldValue,
        Meta(
            description="Strict-Transport-Security, for sites that are reached by https only; "
            'such as "max-age=31536000"'
        ),
    ] = ""
    content_security_policy: Annotated[FieldValue, Meta(description="Content-Security-Policy")] = ""
    permissions_policy: Annotated[FieldValue, Meta(description="Permissions-Policy")] = ""
    cross_origin_opener_policy: Annotated[
        FieldValue, Meta(description="Cross-Origin-Opener-Policy")
    ] = ""
    cross_origin_resource_policy: Annotated[
        FieldValue, Meta(description="Cross-Origin-Resource-Policy")
    ] = ""
    replace: Annotated[
        bool, Meta(description="whether these go in place of what an upstream says")
    ] = False
    remove: Annotated[
        tuple[FieldName, ...],
        Meta(description="fields of upstreams that clients do not get, such as X-Powered-By"),
    ] = ()
