"""Settings of recording: which exchanges with live are written to files, and how much of them."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from gateway.settings.types import Bytes, Folder, Method, Model, Pattern, Percent


class Record(Model, frozen=True):
    """Live traffic kept in files for `gateway replay`: continuously, with `folder` and
    `percent`, or for a while, when `gateway record` asks for it.

    What `compare.redact` names is not in them, nor are credentials or clients' addresses.
    """

    folder: Annotated[
        Folder | None,
        Meta(
            description="where the files are; made when it is not there. What `gateway record` "
            "asks for is in the gateway's runtime folder when this is left out"
        ),
    ] = None
    percent: Annotated[
        Percent,
        Meta(description="share of the matching requests recorded all the time; needs `folder`"),
    ] = 0.0
    sample_by: Annotated[
        str,
        Meta(
            pattern="^(request-id|header:[^: ]+|cookie:[^;= ]+)$",
            description="what is kept together when percent is below 100: "
            '"request-id", "header:NAME" or "cookie:NAME"',
            extra={
                "format": "sample-key",
                "expected": '"request-id", "header:NAME" or "cookie:NAME"',
            },
        ),
    ] = "request-id"
    routes: Annotated[
        tuple[Pattern, ...], Meta(description="paths that are recorded; all when empty")
    ] = ()
    methods: Annotated[
        tuple[Method, ...], Meta(description="methods that are recorded; all when empty")
    ] = ()
    max_body: Annotated[
        Bytes,
        Meta(
            description="requests with a larger body are not recorded; of a larger answer there "
            "is only its size"
        ),
    ] = 256 * 1024
    compression: Annotated[
        Literal["gzip", "zstd"],
        Meta(
            description='how the files are compressed; "zstd" needs '
            "`pip install 'gateway[codings]'`"
        ),
    ] = "gzip"
    max_file: Annotated[
        int,
        Meta(
            ge=4096,
            le=2**40,
            description="size at which a file is followed by the next",
            extra={"unit": "bytes", "expected": 'bytes, or a text such as "10MiB"'},
        ),
    ] = 64 * 1024 * 1024
    max_files: Annotated[
        int,
        Meta(
            ge=1,
            le=100_000,
            description="files in the folder, of all workers together; the oldest are removed "
            "for new ones, but none that is being written",
        ),
    ] = 16
    max_buffered: Annotated[
        Bytes,
        Meta(
            description="bytes that one worker holds for the files; what has no room is not "
            "recorded, and counted"
        ),
    ] = 16 * 1024 * 1024
