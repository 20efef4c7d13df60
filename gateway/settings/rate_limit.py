"""Declared here: how much each client may ask for, and where that is counted."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from gateway.settings.types import Model

Rates = Annotated[
    str,
    Meta(
        extra={
            "format": "rates",
            "expected": 'rates such as "100/minute; 10/second; burst 20"',
        }
    ),
]
LimitKey = Annotated[
    str,
    Meta(
        extra={
            "format": "limit-key",
            "expected": '"identity", "address", "route" or "header:NAME"',
        }
    ),
]
RedisUrl = Annotated[
    str,
    Meta(
        extra={
            "format": "redis-url",
            "expected": "redis://HOST:PORT/NUMBER, rediss://… with TLS, or redis+unix:///PATH",
            "secret": True,
        }
    ),
]


class Limit(Model, frozen=True):
    """Rates for each of what requests are counted by. All limits of a list hold at once."""

    rates: Annotated[
        Rates,
        Meta(
            description="COUNT/PERIOD, several with ; between them; `burst N` after one says how "
            "many may come at once, which is COUNT without it"
        ),
    ]
    by: Annotated[
        LimitKey,
        Meta(
            description='what is counted together: requests of one "identity" (of one address '
            'where nobody is known), one "address" (IPv6: one /64), one "route", or with one '
            'value of "header:NAME"'
        ),
    ] = "identity"
    name: Annotated[
        str,
        Meta(
            pattern="^[A-Za-z0-9][A-Za-z0-9_.-]*$|^$",
            max_length=64,
            description="what clients see it called; `by` when left out",
            extra={"expected": 'letters, digits, "-", "_" and ".", the first a letter or digit'},
        ),
    ] = ""


class RateLimit(Model, frozen=True):
    """How often clients may ask; more is answered 429."""

    limits: tuple[Limit, ...] = ()
    headers: Annotated[
        bool, Meta(description="tell clients what is left: RateLimit and RateLimit-Policy")
    ] = True
    store: Annotated[
        Literal["embedded", "redis"],
        Meta(
            description='where is counted: "embedded" is in memory, for all workers of this '
            'gateway; "redis" is for gateways on several machines'
        ),
    ] = "embedded"
    memory: Annotated[
        int,
        Meta(
            ge=2**20,
            le=2**34,
            description="size of the embedded store, about 32 bytes for each client and rate; "
            "when it is full, who is furthest from a limit is forgotten",
            extra={"unit": "bytes", "expected": 'bytes, or a text such as "32MiB"'},
        ),
    ] = 32 * 1024 * 1024
    redis: Annotated[
        RedisUrl | None,
        Meta(description="where Redis is; needs `pip install 'gateway[redis]'`"),
    ] = None
    redis_prefix: Annotated[
        str,
        Meta(
            pattern="^[!-~]{1,64}$",
            description="what keys in Redis begin with; gateways with the same one count together",
            extra={"expected": "up to 64 visible ASCII characters"},
        ),
    ] = "gateway"
    redis_timeout: Annotated[
        float,
        Meta(
            gt=0,
            le=0.02,
            description="longest wait of a request for Redis",
            extra={"unit": "seconds", "expected": 'seconds, or a text such as "20ms"'},
        ),
    ] = 0.02
    when_down: Annotated[
        Literal["open", "closed"],
        Meta(
            description="while the store does not answer, requests pass uncounted (open), "
            "or are answered 503 (closed)"
        ),
    ] = "open"
