"""Declared here: where the comparison's figures and examples are kept, and for how long."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from gateway.settings.types import Bytes, Model

# Where `gateway run` keeps them if nobody says otherwise: in the folder it is started in.
DEFAULT_URL = "sqlite:///gateway.db"
OFF = "off"

StoreUrl = Annotated[
    str,
    Meta(
        extra={
            "format": "store-url",
            "expected": "sqlite:///FILE (sqlite:////FILE for an absolute path), "
            'postgresql://USER:PASSWORD@HOST/DATABASE, or "off"',
            "secret": True,
        }
    ),
]


class Store(Model, frozen=True):
    """Where verdicts are kept for dashboard and report. Counts are exact; examples are few."""

    url: Annotated[
        StoreUrl | None,
        Meta(
            description='a SQLite file, a PostgreSQL database, or "off"; left out, `gateway run` '
            f"uses `{DEFAULT_URL}` (in the folder it is started in), and what is embedded in an "
            "application keeps nothing. Needs `pip install 'gateway[store]'`, and "
            "`'gateway[postgresql]'` for that"
        ),
    ] = None
    max_age: Annotated[
        float,
        Meta(
            ge=3600,
            le=10 * 365 * 86400,
            description="older figures and examples are removed; by the minute they are kept for "
            "two days, then by the hour",
            extra={"unit": "seconds", "expected": 'seconds, or a text such as "30d"'},
        ),
    ] = 30 * 86400.0
    max_size: Annotated[
        int,
        Meta(
            ge=2**20,
            le=2**44,
            description="over this size the oldest is removed, examples first",
            extra={"unit": "bytes", "expected": 'bytes, or a text such as "1GiB"'},
        ),
    ] = 1024 * 1024 * 1024
    examples_per_group: Annotated[
        int,
        Meta(
            ge=0,
            le=100,
            description="exchanges kept of each group of differences: the newest and the smallest",
        ),
    ] = 6
    max_example: Annotated[
        Bytes,
        Meta(description="a larger exchange is kept without its answers' bodies"),
    ] = 1024 * 1024
    max_waiting: Annotated[
        Bytes,
        Meta(description="bytes of examples that wait to be written, in one worker"),
    ] = 16 * 1024 * 1024
    max_groups: Annotated[
        int,
        Meta(
            ge=1,
            le=100_000,
            description="groups of differences that one worker tells apart; what comes after is "
            'counted in groups with the pattern "…"',
        ),
    ] = 2000
    pairs_per_day: Annotated[
        int,
        Meta(
            ge=0,
            le=100_000,
            description="exchanges of a day, shadow and route whose two latencies are kept, by "
            "chance, to compare them one by one",
        ),
    ] = 1000
    close_after: Annotated[
        int,
        Meta(ge=1, le=1000, description="clean rechecks in a row after which a group is closed"),
    ] = 3


def store_url(config: Store) -> str | None:
    """Where a gateway that runs by itself keeps its figures; None: nowhere.

    What is embedded in an application keeps none unless ``url`` says so: it opens no
    files that nobody asked for.
    """
    return None if config.url == OFF else config.url or DEFAULT_URL
