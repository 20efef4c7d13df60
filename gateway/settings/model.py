"""Every setting, declared once: its type, default, bounds, unit and reason.

The loader (``load.py``), ``gateway check`` and ``docs/settings.md`` all read
these declarations; nothing else lists a setting.  Values are frozen: a running
gateway never changes its settings, it is given new ones.

Durations are seconds, sizes are bytes; in a settings file both may also be
written with a unit (``"250ms"``, ``"10MiB"``).
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from gateway.settings.access_log import AccessLog
from gateway.settings.addresses import Addresses
from gateway.settings.admission import Admission
from gateway.settings.authentication import Authentication, RouteAuthentication
from gateway.settings.comparison import Compare, CompareRules
from gateway.settings.compression import Compression
from gateway.settings.cors import Cors
from gateway.settings.floor import Floor
from gateway.settings.isolation import Isolation
from gateway.settings.rate_limit import Limit, RateLimit
from gateway.settings.record import Record
from gateway.settings.report import Report
from gateway.settings.security_headers import SecurityHeaders
from gateway.settings.server import Server
from gateway.settings.store import Store
from gateway.settings.tracing import Tracing
from gateway.settings.types import (
    Bytes,
    Count,
    FieldName,
    FieldValue,
    File,
    Folder,
    Host,
    Method,
    Model,
    Pattern,
    Percent,
    Proxy,
    Seconds,
    Url,
)
from gateway.settings.validation import Validation


class Tls(Model, frozen=True):
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


class HeaderRules(Model, frozen=True):
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


class Request(Model, frozen=True):
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
    trusted_proxies: Annotated[
        tuple[Proxy, ...],
        Meta(
            description="whose X-Forwarded-For is believed; the last address in it that is "
            "none of these is the client's"
        ),
    ] = ()
    id_from: Annotated[
        tuple[Literal["x-request-id", "traceparent"], ...],
        Meta(
            description="where a request's id is taken from, if it is well formed there; "
            "else one is made"
        ),
    ] = ("x-request-id", "traceparent")
    forward_id: Annotated[
        str,
        Meta(
            description='the field in which live gets the request id; "" adds none',
            extra={"format": "token-or-empty", "expected": 'a header field name, or ""'},
        ),
    ] = ""


class Live(Model, frozen=True):
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


class Shadow(Model, frozen=True):
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


class Mirror(Model, frozen=True):
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
    refused_by_gateway: Annotated[
        bool,
        Meta(
            description="also mirror what the gateway itself refused, by authentication, limits, "
            "validation or address, and live has never seen"
        ),
    ] = False


class Route(Model, frozen=True):
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
    access_log: Annotated[
        bool, Meta(description="whether its requests have lines in the access log")
    ] = True
    priority: Annotated[
        Literal["high", "normal", "low"],
        Meta(description="under overload, low is refused first and high last"),
    ] = "normal"
    authentication: Annotated[
        RouteAuthentication | None,
        Meta(description="what it asks for; that of the next less specific route when left out"),
    ] = None
    limits: Annotated[
        tuple[Limit, ...] | None,
        Meta(
            description="its own rate limits, [] for none; those of the next less specific "
            "route when left out"
        ),
    ] = None
    validation: Annotated[
        Validation | None,
        Meta(
            description="what its requests must look like; that of the next less specific "
            "route when left out"
        ),
    ] = None
    compression: Annotated[
        Compression | None,
        Meta(
            description="its own rules for compressing; those of the next less specific route "
            "when left out"
        ),
    ] = None
    cors: Annotated[
        Cors | None,
        Meta(description="its own rules for pages of other sites; likewise"),
    ] = None
    security_headers: Annotated[
        SecurityHeaders | None, Meta(description="its own fields for browsers; likewise")
    ] = None
    addresses: Annotated[Addresses | None, Meta(description="its own address lists; likewise")] = (
        None
    )
    compare: Annotated[
        CompareRules | None,
        Meta(description="its own rules for comparing answers, before the general ones"),
    ] = None


class Settings(Model, frozen=True):
    """All settings of one gateway."""

    live: Live
    shadows: tuple[Shadow, ...] = ()
    routes: tuple[Route, ...] = ()
    server: Server = Server()
    admission: Admission = Admission()
    request: Request = Request()
    mirror: Mirror = Mirror()
    compare: Compare = Compare()
    isolation: Isolation = Isolation()
    floor: Floor = Floor()
    store: Store = Store()
    report: Report = Report()
    record: Record = Record()
    transport: Annotated[
        Literal["gateway", "urllib3"],
        Meta(
            description="what upstreams are called with: the gateway's own transport, or "
            "requests' adapter over urllib3"
        ),
    ] = "gateway"
    authentication: Authentication = Authentication()
    rate_limit: RateLimit = RateLimit()
    access_log: AccessLog = AccessLog()
    tracing: Tracing = Tracing()
    validation: Annotated[
        Validation | None, Meta(description="what requests must look like; off when left out")
    ] = None
    compression: Annotated[
        Compression | None, Meta(description="how answers are compressed; not when left out")
    ] = None
    cors: Annotated[
        Cors | None,
        Meta(description="what pages of other sites may do; left to upstreams when left out"),
    ] = None
    security_headers: Annotated[
        SecurityHeaders | None, Meta(description="fields for browsers; none when left out")
    ] = None
    addresses: Annotated[
        Addresses | None,
        Meta(description="from where clients may come; from anywhere when left out"),
    ] = None
    runtime_dir: Annotated[
        Folder | None,
        Meta(
            description="folder for what the processes of one gateway share; "
            "a temporary one when left out"
        ),
    ] = None
