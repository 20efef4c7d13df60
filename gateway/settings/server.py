"""The settings of the server: listeners, processes, and what one client may cost.

The limits are ``gateway.server.limits.Limits`` by the same names, less their
units; what each of them is for is said there.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from gateway.settings.types import Address, Bytes, Count, File, Model, Seconds

_KIB = 1024
_MIB = 1024 * _KIB

_Rate = Annotated[
    int,
    Meta(
        ge=1,
        le=2**40,
        extra={"unit": "bytes", "expected": 'bytes in a second, or a text such as "1KiB"'},
    ),
]
_Head = Annotated[
    int,
    Meta(
        ge=_KIB,
        le=2**40,
        extra={"unit": "bytes", "expected": 'bytes, or a text such as "64KiB"'},
    ),
]


class Server(Model, frozen=True):
    """The public side and the processes behind it."""

    bind: Annotated[Address, Meta(description="where clients connect")] = "127.0.0.1:8000"
    admin: Annotated[Address, Meta(description="where health, metrics and control are served")] = (
        "127.0.0.1:9900"
    )
    admin_credentials: Annotated[
        File | None,
        Meta(
            description="file of the API keys and passwords of those who may use the admin "
            "listener, made by `gateway keys`; read again when it changes; needed where `admin` "
            "is not on loopback"
        ),
    ] = None
    admin_open_metrics: Annotated[
        bool, Meta(description="whether /metrics is for everybody all the same, as health is")
    ] = False
    workers: Annotated[Count, Meta(description="gateway processes; about one for each core")] = 2
    threads: Annotated[
        int,
        Meta(
            ge=0,
            le=65_535,
            description="requests one worker can have in progress at once; each takes a thread "
            "with `gthread`, and with `gateway` where greenlet or its transport is missing. 0: "
            "64, or where they take none as many as `live.pool_size`, if that is more",
        ),
    ] = 0
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
    worker_class: Annotated[
        Literal["gateway", "gthread", "gevent"],
        Meta(
            description="what waits for clients: one event loop, gunicorn's threads, "
            "or gevent's greenlets (`gateway[gevent]`)"
        ),
    ] = "gateway"
    cpu_affinity: Annotated[
        Literal["auto", "off"],
        Meta(
            description="whether each worker keeps to one CPU, whose caches then stay its own: "
            '"auto" gives as many to each CPU; those left over, '
            "or all where CPUs are more, run anywhere",
        ),
    ] = "auto"
    max_connections: Annotated[
        Count,
        Meta(description="clients' connections in one worker; over it the longest idle goes"),
    ] = 4096
    header_timeout: Annotated[
        Seconds, Meta(description="how long a request's head may take; then 408")
    ] = 10.0
    max_head: Annotated[
        _Head, Meta(description="largest head taken; a larger one is answered 431")
    ] = 64 * _KIB
    body_timeout: Annotated[
        Seconds,
        Meta(
            description="how long a body may take, and a second more for every "
            "`body_min_rate` bytes; then 408"
        ),
    ] = 30.0
    body_min_rate: Annotated[
        _Rate, Meta(description="bytes of a body that earn another second")
    ] = _KIB
    max_chunk_overhead: Annotated[
        Bytes,
        Meta(description="chunk sizes, extensions and trailers taken with a body; then 413"),
    ] = _MIB
    write_timeout: Annotated[
        Seconds,
        Meta(
            description="how long a client may take nothing of its answer; one that has fallen "
            "behind has as long in all, and a second more for every `write_min_rate` bytes"
        ),
    ] = 30.0
    write_min_rate: Annotated[
        _Rate, Meta(description="bytes of an answer that earn another second")
    ] = _KIB
    max_unsent: Annotated[
        Bytes,
        Meta(description="what a client may leave untaken before its request waits for it"),
    ] = 256 * _KIB
    max_waiting_writers: Annotated[
        int,
        Meta(
            ge=0,
            le=65_535,
            description="requests that may wait for clients to take their answers; the slowest "
            "of more are cut off; 0 is half of `threads`",
        ),
    ] = 0
    linger_timeout: Annotated[
        Seconds,
        Meta(description="how long a refused client may go on sending before it is cut off"),
    ] = 10.0
    linger_idle_timeout: Annotated[
        Seconds, Meta(description="how long it may be silent meanwhile")
    ] = 2.0
    linger_max: Annotated[Bytes, Meta(description="how much it may send meanwhile")] = 64 * _MIB
    drain_linger: Annotated[
        Seconds,
        Meta(description="how long a stopping worker keeps idle connections for one more request"),
    ] = 2.0
