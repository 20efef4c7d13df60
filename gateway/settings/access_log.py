"""What the access log is told: where its lines go, and what they must not show."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from gateway.settings.types import Bytes, FieldName, File, Model

# Names under which credentials are commonly sent in a query.
SECRET_PARAMETERS = (
    "access_token",
    "api_key",
    "apikey",
    "auth",
    "client_secret",
    "code",
    "id_token",
    "jsessionid",
    "key",
    "password",
    "passwd",
    "refresh_token",
    "secret",
    "sig",
    "signature",
    "token",
    "x-amz-credential",
    "x-amz-security-token",
    "x-amz-signature",
)


class AccessLog(Model, frozen=True):
    """One line for each request. Credentials never appear in it."""

    to: Annotated[
        Literal["off", "stdout", "file"], Meta(description="where its lines go, if anywhere")
    ] = "off"
    file: Annotated[
        File | None,
        Meta(description='the file, with to = "file"; SIGUSR1 has it opened anew'),
    ] = None
    format: Annotated[
        Literal["json", "combined"],
        Meta(description="one JSON object a line, or the combined format of Apache and nginx"),
    ] = "json"
    headers: Annotated[
        tuple[FieldName, ...], Meta(description="request fields that JSON lines show too")
    ] = ()
    redact_headers: Annotated[
        tuple[FieldName, ...],
        Meta(
            description="fields of which no value is shown, beside Authorization, "
            "Proxy-Authorization and Cookie"
        ),
    ] = ()
    redact_query: Annotated[
        tuple[
            Annotated[
                str,
                Meta(min_length=1, max_length=100, extra={"expected": "a parameter's name"}),
            ],
            ...,
        ],
        Meta(description="query parameters of which no value is shown"),
    ] = SECRET_PARAMETERS
    max_buffered: Annotated[
        Bytes,
        Meta(
            description="bytes of lines that wait in one worker for a full disk or a blocked pipe; "
            "more are lost and counted"
        ),
    ] = 4 * 1024 * 1024
