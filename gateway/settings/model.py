"""Every setting, declared once: its type, default, bounds, unit and reason.

The loader (``load.py``), ``gateway check`` and ``docs/settings.md`` all read
these declarations; nothing else lists a setting.  Values are frozen: a running
gateway never changes its settings, it is given new ones.

Durations are seconds, sizes are bytes; in a settings file both may also be
written with a unit (``"250ms"``, ``"10MiB"``).
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

# What a ``Meta`` says beside its bounds; read by ``declared.py``.
#   description        what the setting does: a line of the reference page
#   extra["expected"]  what a value must be: the end of "expected …" in a problem
#   extra["format"]    a check in ``formats.py``, by name
#   extra["unit"]      "seconds" or "bytes": "250ms" and "10MiB" are understood too
#   extra["secret"]    its value is never shown
#
# The upper bounds are there for slips of the keyboard; poll(2) takes its
# time-out as milliseconds in 32 bits (24 days), hence a week for durations.
_WEEK = 7 * 24 * 3600

Url = Annotated[
    str,
    Meta(
        extra={
            "format": "url",
            "expected": "an http://, https:// or http+unix:// URL "
            "without query, fragment or credentials",
        }
    ),
]
Address = Annotated[
    str, Meta(extra={"format": "address", "expected": "HOST:PORT, [IPV6]:PORT or unix:PATH"})
]
Host = Annotated[
    str,
    Meta(
        extra={
            "format": "host",
            "expected": '"keep" (the client\'s), "upstream" (that of `url`), '
            "or a literal HOST[:PORT]",
        }
    ),
]
Pattern = Annotated[
    str,
    Meta(
        extra={
            "format": "path",
            "expected": 'a path that starts with "/": a prefix, '
            "or a pattern with * (one segment) and ** (any)",
        }
    ),
]
Method = Annotated[
    str, Meta(extra={"format": "method", "expected": "an upper-case method such as GET"})
]
FieldName = Annotated[
    str,
    Meta(extra={"format": "token", "expected": "a header field name (RFC 9110 section 5.1)"}),
]
FieldValue = Annotated[
    str,
    Meta(
        extra={
            "format": "field-value",
            "expected": "a header field value: visible ASCII, with spaces only between",
        }
    ),
]
File = Annotated[
    str, Meta(extra={"format": "file", "expected": "the path of a file", "path": True})
]
Folder = Annotated[
    str, Meta(extra={"format": "folder", "expected": "the path of a folder", "path": True})
]
Percent = Annotated[float, Meta(ge=0, le=100, extra={"expected": "a number from 0 to 100"})]
Count = Annotated[int, Meta(ge=1, le=65_535)]
Seconds = Annotated[
    float,
    Meta(
        gt=0,
        le=_WEEK,
        extra={"unit": "seconds", "expected": 'seconds, or a text such as "250ms"'},
    ),
]
Bytes = Annotated[
    int,
    Meta(
        ge=0,
        le=2**40,
        extra={"unit": "bytes", "expected": 'bytes, or a text such as "10MiB"'},
    ),
]


class _Model(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all settings: immutable, by keyword, no unknown keys."""


class Tls(_Model, frozen=True):
    """How an ``https://`` upstream is verified, and who we are to it."""

    verify: Annotated[bool, Meta(description="check the upstream's certificate and host name")] = (
        True
    )
    ca: Annotated[
        File | None,
        Meta(description="PEM file of trusted authorities; the system's when left out"),
    ] = None
    client_certificate: Annotated[
        File | None, Meta(description="PEM file presented to the upstream")
    ] = None
    client_key: Annotated[
        File | None,
        Meta(
            description="PEM file of the certificate's private key, without passphrase; "
            "may be in `client_certificate` instead"
        ),
    ] = None


class HeaderRules(_Model, frozen=True):
    """Changes to a shadow's own copy of the headers; live never sees them."""

    set: Annotated[
        dict[FieldName, FieldValue],
        Meta(
            description="fields given this value, whatever the client sent",
            extra={"secret": True},
        ),
    ] = {}
    remove: Annotated[
        tuple[FieldName, ...], Meta(description="fields the shadow does not get")
    ] = ()


class Server(_Model, frozen=True):
    """The public side and the processes behind it."""

    bind: Annotated[Address, Meta(description="where clients connect")] = "127.0.0.1:8000"
    admin: Annotated[Address, Meta(description="where health, metrics and control are served")] = (
        "127.0.0.1:9900"
    )
    workers: Annotated[Count, Meta(description="gateway processes; about one for each core")] = 2
    threads: Annotated[
        Count, Meta(description="requests one worker can have in progress at once")
    ] = 64
    keepalive: Annotated[
        Seconds, Meta(description="how long an idle client connection is kept")
    ] = 75.0
    graceful_timeout: Annotated[
        Seconds, Meta(description="how long a stopping worker may finish its requests")
    ] = 30.0
    max_requests: Annotated[
        int,
        Meta(ge=0, le=10**9, description="replace a worker after so many requests; 0 never does"),
    ] = 0
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="least level logged")
    ] = "info"


class Request(_Model, frozen=True):
    """What is accepted from clients and how it is forwarded."""

    max_body: Annotated[
        Bytes, Meta(description="largest body taken; a larger one is answered 413")
    ] = 10 * 1024 * 1024
    max_buffered: Annotated[
        Bytes,
        Meta(description="bytes of bodies one worker holds at once; more are answered 503"),
    ] = 96 * 1024 * 1024
    forwarded: Annotated[
        Literal["off", "x-forwarded", "forwarded"],
        Meta(
            description="tell upstreams who the client is: "
            "X-Forwarded-For/-Proto/-Host, or RFC 7239 Forwarded"
        ),
    ] = "off"
    forwarded_mode: Annotated[
        Literal["append", "replace"],
        Meta(description="add to what the client sent under these names, or replace it"),
    ] = "append"


class Live(_Model, frozen=True):
    """The upstream that answers clients."""

    url: Annotated[Url, Meta(description="where live is")]
    host: Annotated[
        Host,
        Meta(description="the Host field that it is sent"),
    ] = "keep"
    connect_timeout: Annotated[
        Seconds, Meta(description="longest wait for a connection; then 504")
    ] = 2.0
    read_timeout: Annotated[
        Seconds, Meta(description="longest silence before and within an answer; then 504")
    ] = 60.0
    pool_size: Annotated[Count, Meta(description="most connections one worker keeps to it")] = 256
    tls: Tls = Tls()


class Shadow(_Model, frozen=True):
    """An upstream that gets copies and whose answers nobody but the comparison sees."""

    url: Annotated[Url, Meta(description="where the shadow is")]
    name: Annotated[
        str,
        Meta(
            pattern="^[A-Za-z0-9][A-Za-z0-9_.-]*$|^$",
            max_length=64,
            description='its name in metrics and commands; "shadow", "shadow-2" … when left out',
            extra={"expected": 'letters, digits, "-", "_" and ".", the first a letter or digit'},
        ),
    ] = ""
    percent: Annotated[Percent, Meta(description="share of the matching requests it gets")] = 100.0
    routes: Annotated[
        tuple[Pattern, ...], Meta(description="paths it applies to; all when empty")
    ] = ()
    methods: Annotated[
        tuple[Method, ...], Meta(description="methods it applies to; all when empty")
    ] = ()
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
    timeout: Annotated[
        Seconds,
        Meta(description="total time for one copy: connect, send and the whole answer"),
    ] = 10.0
    max_body: Annotated[
        Bytes, Meta(description="requests with a larger body are not mirrored to it")
    ] = 10 * 1024 * 1024
    host: Annotated[
        Host,
        Meta(description="the Host field that it is sent"),
    ] = "keep"
    mark: Annotated[
        str,
        Meta(
            description="the field that tells it that this is a copy, with the request id; "
            '"" sends none',
            extra={"format": "token-or-empty", "expected": 'a header field name, or ""'},
        ),
    ] = "X-Shadow-Request"
    headers: HeaderRules = HeaderRules()
    mirror_refused: Annotated[
        bool, Meta(description="also mirror what live answered with 4xx or 5xx, or not at all")
    ] = True
    mirror_abandoned: Annotated[
        bool, Meta(description="also mirror what the client gave up waiting for")
    ] = True
    breaker_failures: Annotated[
        int,
        Meta(
            ge=0,
            le=10**6,
            description="failures in a row after which it gets a rest; 0 never gives one",
        ),
    ] = 50
    breaker_cooldown: Annotated[
        Seconds,
        Meta(description="the first rest; each further one is twice as long, up to 8 times"),
    ] = 2.0
    tls: Tls = Tls()


class Mirror(_Model, frozen=True):
    """Bounds on all shadow work in one worker. Over them copies are dropped, at once."""

    threads: Annotated[Count, Meta(description="shadow calls in progress at once")] = 32
    max_queue: Annotated[
        int, Meta(ge=0, le=10**6, description="copies waiting for a thread; more are dropped")
    ] = 512
    max_queue_bytes: Annotated[
        Bytes, Meta(description="bytes of bodies waiting and in progress; more are dropped")
    ] = 32 * 1024 * 1024
    drain_timeout: Annotated[
        Seconds, Meta(description="how long a stopping worker waits for running shadow calls")
    ] = 5.0


class Route(_Model, frozen=True):
    """Requests that are handled differently. The most specific matching route wins."""

    path: Annotated[Pattern, Meta(description="paths it applies to")]
    methods: Annotated[
        tuple[Method, ...], Meta(description="methods it applies to; all when empty")
    ] = ()
    name: Annotated[
        str, Meta(description="its name in logs and metrics; its path when left out")
    ] = ""
    live: Annotated[
        Live | None, Meta(description="its own live upstream; the general one when left out")
    ] = None
    mirror: Annotated[bool, Meta(description="whether its requests are mirrored at all")] = True


class Settings(_Model, frozen=True):
    """All settings of one gateway."""

    live: Live
    shadows: tuple[Shadow, ...] = ()
    routes: tuple[Route, ...] = ()
    server: Server = Server()
    request: Request = Request()
    mirror: Mirror = Mirror()
    runtime_dir: Annotated[
        Folder | None,
        Meta(
            description="folder for what the processes of one gateway share; "
            "a temporary one when left out"
        ),
    ] = None
