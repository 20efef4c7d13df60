"""Settings of answer compression."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from gateway.settings.types import Bytes, MediaRange, Model


class Compression(Model, frozen=True):
    """Answers encoded for clients that ask for it. Off until there is this table.

    Compressing pages that hold a secret beside text that a stranger can choose
    lets the stranger guess the secret from their size (BREACH): switch it off
    for their routes.
    """

    enabled: Annotated[
        bool, Meta(description="false switches it off, in general or for a route")
    ] = True
    codings: Annotated[
        tuple[Literal["gzip", "br", "zstd"], ...],
        Meta(
            description="codings on offer, the preferred one first; "
            "br and zstd need `pip install 'gateway[codings]'`",
        ),
    ] = ("gzip",)
    types: Annotated[
        tuple[MediaRange, ...],
        Meta(description="content types that are compressed; event streams never are"),
    ] = (
        "text/*",
        "application/json",
        "application/*+json",
        "application/x-ndjson",
        "application/javascript",
        "application/xml",
        "application/*+xml",
        "image/svg+xml",
    )
    min_size: Annotated[
        Bytes,
        Meta(description="answers that say they are shorter stay as they are"),
    ] = 1024
    gzip_level: Annotated[
        int, Meta(ge=1, le=9, description="effort for gzip: 1 is quickest, 9 smallest")
    ] = 5
    br_quality: Annotated[
        int, Meta(ge=0, le=11, description="effort for br; above 5 it is for files, not answers")
    ] = 4
    zstd_level: Annotated[int, Meta(ge=1, le=19, description="effort for zstd")] = 3
