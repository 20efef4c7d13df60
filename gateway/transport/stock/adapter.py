"""The stock transport adapter, made to forward instead of to fetch.

What requests and urllib3 do for a caller's comfort is off: retries, redirects,
decoding, fields and framing of their own, targets put in order. Connections,
TLS, pools and the parsing of answers are theirs. docs/transports.md says what
the other transport does beyond it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, cast

from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from requests.exceptions import InvalidURL
from urllib3 import BaseHTTPResponse, Timeout

from gateway.transport.answer import Answer
from gateway.transport.budget import Budget, Clock, timeouts_of
from gateway.transport.errors import ConnectFailed
from gateway.transport.message import OutboundRequest
from gateway.transport.origin import Origin
from gateway.transport.pool import PoolSnapshot
from gateway.transport.prepared import outbound
from gateway.transport.response import UpstreamResponse
from gateway.transport.stock.answer import StockAnswer
from gateway.transport.stock.call import Call
from gateway.transport.stock.connection import Registry, Rules, pool_class
from gateway.transport.stock.failures import UPSTREAM_FAILURES, translated
from gateway.transport.tls import Certificate, Verify

# urllib3 forgets the pools of the upstreams used least: more than anybody configures.
_UPSTREAMS = 1000


class StockAdapter(HTTPAdapter):
    """HTTP/1.1 by urllib3, for ``http`` and ``https``.

    ``pool_size`` connections to each upstream; a call waits for one of them for
    ``checkout_timeout`` seconds; ``max_age``: see ``Rules``.

    *Threads*: any number may share one. urllib3's pools have locks of their own.
    """

    # Its ``timeout`` may be ``Timeouts``.
    takes_total = True

    def __init__(
        self,
        *,
        pool_size: int = 256,
        checkout_timeout: float = 2.0,
        max_age: float = 60.0,
        max_head_bytes: int = 65536,
        clock: Clock = time.monotonic,
    ) -> None:
        self._pool_size = pool_size
        self._registry = Registry()
        self._rules = Rules(max_age, max_head_bytes)
        self._checkout_timeout = checkout_timeout
        self._clock = clock
        super().__init__(
            pool_connections=_UPSTREAMS, pool_maxsize=pool_size, max_retries=0, pool_block=True
        )

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """requests' hook for those who derive from its adapter."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {
            "http": pool_class(self._registry, self._rules, tls=False),
            "https": pool_class(self._registry, self._rules, tls=True),
        }

    def send(
        self,
        request: PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> Response:
        """As ``Http1Adapter.send``."""
        budget = Budget(timeouts_of(timeout), self._clock)
        sendable = request if isinstance(request, OutboundRequest) else outbound(request)
        if sendable.origin.socket_path is not None:
            raise InvalidURL(f"{sendable.origin.url}: urllib3 knows no Unix sockets")
        call = Call(sendable, budget)
        try:
            raw = self._open(sendable, call, verify, cert)
        except UPSTREAM_FAILURES as error:
            failure = translated(error, call)
            failure.request = request
            raise failure from error
        return self._respond(request, raw, call)

    def _open(
        self, request: OutboundRequest, call: Call, verify: Verify, cert: Certificate
    ) -> BaseHTTPResponse:
        """Send the request; the answer as soon as its head is there."""
        if self._registry.aborted:
            raise ConnectFailed("the transport is closed", "checkout")
        pool: Any = self.get_connection_with_tls_context(request, verify, cert=cast(Any, cert))
        self.cert_verify(pool, request.url, verify, cert)  # type: ignore[no-untyped-call]
        budget = call.budget
        raw: BaseHTTPResponse = pool.urlopen(
            request.method,
            "/",
            headers=call,
            retries=False,
            redirect=False,
            assert_same_host=False,
            timeout=Timeout(connect=call.left(budget.until(budget.connect))),
            pool_timeout=call.left(budget.until(self._checkout_timeout)),
            preload_content=False,
            decode_content=False,
        )
        return raw

    def build_response(self, request: PreparedRequest, response: Any) -> Response:
        """An answer made by the `responses` library, in the form ``send`` returns."""
        sendable = request if isinstance(request, OutboundRequest) else outbound(request)
        call = Call(sendable, Budget(timeouts_of(None), self._clock))
        return self._respond(request, response, call)

    def _respond(
        self, request: PreparedRequest, raw: BaseHTTPResponse, call: Call
    ) -> UpstreamResponse:
        return UpstreamResponse(request, cast(Answer, StockAnswer(raw, call)), self)

    def expire(self) -> None:
        """Nothing: urllib3 looks at an idle connection when it is about to use it."""

    def abort(self) -> None:
        """Ends the calls in progress, at once, and refuses new ones."""
        self._registry.abort()
        self.close()

    def snapshot(self) -> dict[str, PoolSnapshot]:
        """The state of every pool, by upstream (a number behind it where TLS options differ).

        How many threads wait is not known.
        """
        pools = self.poolmanager.pools
        found = [pool for key in list(pools.keys()) if (pool := pools.get(key)) is not None]
        named: dict[str, PoolSnapshot] = {}
        for number, pool in enumerate(found):
            name = _address(pool)
            named[name if name not in named else f"{name} {number}"] = _state(pool, self._pool_size)
        return named

    def __repr__(self) -> str:
        states = self.snapshot().values()
        busy, idle = sum(s.busy for s in states), sum(s.idle for s in states)
        return f"<StockAdapter [{len(states)} upstreams | {busy} busy, {idle} idle]>"


def _address(pool: Any) -> str:
    return Origin(pool.scheme, pool.host.strip("[]"), pool.port).address


def _state(pool: Any, size: int) -> PoolSnapshot:
    if pool.pool is None:  # closed
        return PoolSnapshot(0, 0, 0, pool.num_connections, 0)
    here = list(pool.pool.queue)  # connections, and None for each not made yet
    idle = sum(connection is not None and not connection.is_closed for connection in here)
    reused = max(0, pool.num_requests - pool.num_connections)
    return PoolSnapshot(size - len(here), idle, 0, pool.num_connections, reused)
