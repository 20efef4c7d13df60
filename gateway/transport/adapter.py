"""The ``requests`` transport adapter: one request in, one answer out.

Where the live proxy and the shadow clients meet the network. Picks the pool,
runs the exchange, retries where that is provably safe, and attaches the body.

Not done here, on purpose: redirects, cookies, credentials, proxies (accepted
and ignored: the upstream is the configured one), decoding of content, logging.
Starts no thread, and opens nothing before the first call.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Mapping
from functools import partial
from typing import Any

from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter
from requests.exceptions import RequestException
from urllib3 import BaseHTTPResponse, Retry

from gateway.transport.addresses import Addresses, Lookup
from gateway.transport.answer import Answer
from gateway.transport.budget import Budget, Clock, timeouts_of
from gateway.transport.codec import Head
from gateway.transport.connection import Connection
from gateway.transport.dial import Dialer
from gateway.transport.errors import ConnectFailed, ConnectionLost, TransportError
from gateway.transport.exchange import Exchange
from gateway.transport.framing import BodyUntilClose
from gateway.transport.message import OutboundRequest
from gateway.transport.origin import Origin
from gateway.transport.pending import Pending
from gateway.transport.pool import Pool, PoolRules, PoolSnapshot
from gateway.transport.prepared import outbound
from gateway.transport.response import UpstreamResponse
from gateway.transport.tls import Certificate, Verify, context_for

# RFC 9110 section 9.2.2.
_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})

_Key = tuple[str, Verify, Certificate]


class Http1Adapter(BaseAdapter):
    """HTTP/1.1 over pooled connections, for ``http``, ``https`` and ``http+unix``.

    ``pool_size`` connections to each upstream (origin and TLS options);
    ``idle_timeout``, ``checkout_timeout`` and ``address_max_age`` in seconds;
    ``retry_stale``: an idempotent request whose *reused* connection turns out to
    be closed, before a byte of an answer, is sent once more on a new one.

    *Threads*: any number may share one. The lock guards ``_pools`` and
    ``_closing``; a pool is made outside it, and nothing blocks under it.
    """

    # Its ``timeout`` may be ``Timeouts``.
    takes_total = True
    # The `responses` library asks a patched adapter for it. Nothing else is retried.
    max_retries = Retry(0, read=False)

    def __init__(
        self,
        *,
        pool_size: int = 256,
        idle_timeout: float = 60.0,
        checkout_timeout: float = 2.0,
        retry_stale: bool = True,
        max_head_bytes: int = 65536,
        address_max_age: float = 30.0,
        clock: Clock = time.monotonic,
        lookup: Lookup = socket.getaddrinfo,
    ) -> None:
        super().__init__()
        self._rules = PoolRules(pool_size, idle_timeout, checkout_timeout, address_max_age)
        self._retry_stale = retry_stale
        self._max_head_bytes = max_head_bytes
        self._clock = clock
        self._lookup = lookup
        self._lock = threading.Lock()
        self._pools: dict[_Key, Pool] = {}
        self._closing = False
        self._aborted = False

    def send(
        self,
        request: PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Verify = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> Response:
        """Sends a request; returns as soon as the answer's head is there.

        ``timeout``: ``Timeouts``, (connect, read), or seconds for both. The body
        is left to ``stream()``, ``content`` …, whatever ``stream`` says: reading
        it is the session's decision. Raises what ``errors.py`` lists.
        """
        budget = Budget(timeouts_of(timeout), self._clock)
        sendable = request if isinstance(request, OutboundRequest) else outbound(request)
        try:
            answer = self._answer(self._pool(sendable.origin, verify, cert), sendable, budget)
        except RequestException as error:
            error.request = request
            raise
        return UpstreamResponse(request, answer, self)

    def begin(
        self, request: OutboundRequest, timeout: Any, verify: Verify = True, cert: Any = None
    ) -> Pending | None:
        """Sends a request over an idle connection without waiting for anything.

        None: there is no idle connection, and ``send`` would have to open one.
        Nothing is retried. Raises what ``errors.py`` lists.
        """
        budget = Budget(timeouts_of(timeout), self._clock)
        pool = self._pool(request.origin, verify, cert)
        connection = pool.checkout_idle()
        if connection is None:
            return None
        exchange = Exchange(connection, budget, self._max_head_bytes, request)
        try:
            exchange.start()
        except BaseException:
            pool.discard(connection)
            raise
        respond = partial(UpstreamResponse, request, adapter=self)
        return Pending(exchange, pool, connection, budget.silence(), respond)

    def _answer(self, pool: Pool, request: OutboundRequest, budget: Budget) -> Answer:
        connection = pool.checkout(budget)
        try:
            return self._exchange(pool, connection, request, budget)
        except ConnectionLost as error:
            lost = error
            if not self._may_repeat(request, connection, error):
                raise
        try:
            connection = pool.checkout(budget, fresh=True)
        except TransportError as error:
            # Not that one: it would say that nothing has been sent.
            raise lost from error
        return self._exchange(pool, connection, request, budget)

    def _may_repeat(
        self, request: OutboundRequest, connection: Connection, lost: ConnectionLost
    ) -> bool:
        # The upstream closed it while it was idle, as it may at any moment, or at
        # the request: so only where doing it twice does no harm.
        stale = connection.reused and lost.unheard
        repeatable = request.method in _IDEMPOTENT and request.parts is None
        return self._retry_stale and stale and repeatable

    def _exchange(
        self, pool: Pool, connection: Connection, request: OutboundRequest, budget: Budget
    ) -> Answer:
        exchange = Exchange(connection, budget, self._max_head_bytes, request)
        try:
            exchange.start()
            head = exchange.finish()
            return exchange.answer(head, pool)
        except BaseException:
            pool.discard(connection)
            raise

    def _pool(self, origin: Origin, verify: Verify, cert: Certificate) -> Pool:
        key = (origin.address, verify, cert)
        known = self._pools.get(key)
        if known is not None:
            return known
        made = self._new_pool(origin, verify, cert)
        with self._lock:
            if self._closing:
                made.close()
            if self._aborted:
                raise ConnectFailed("the transport is closed", "checkout")
            return self._pools.setdefault(key, made)

    def _new_pool(self, origin: Origin, verify: Verify, cert: Certificate) -> Pool:
        addresses = Addresses(
            origin, max_age=self._rules.address_max_age, clock=self._clock, lookup=self._lookup
        )
        context = context_for(verify, cert) if origin.tls else None
        return Pool(Dialer(origin, addresses, context), self._rules, self._clock)

    def build_response(self, request: PreparedRequest, response: BaseHTTPResponse) -> Response:
        """An answer made by the `responses` library, in the form ``send`` returns."""
        fields = list(response.headers.iteritems())
        head = Head(response.status, response.reason or "", 11, fields, None, False, False)
        content = response.read(decode_content=False)
        return UpstreamResponse(request, Answer.whole(head, BodyUntilClose(), content), self)

    def expire(self) -> None:
        """Closes connections idle for too long; also done by every call to their upstream."""
        for pool in self._all():
            pool.expire()

    def close(self) -> None:
        """Closes idle connections. Calls in progress go on; none is kept any more."""
        with self._lock:
            self._closing = True
        for pool in self._all():
            pool.close()

    def abort(self) -> None:
        """Also ends the calls in progress, at once, and refuses new ones."""
        with self._lock:
            self._closing = self._aborted = True
        for pool in self._all():
            pool.abort()

    def _all(self) -> list[Pool]:
        with self._lock:
            return list(self._pools.values())

    def snapshot(self) -> dict[str, PoolSnapshot]:
        """The state of every pool, by upstream (and TLS options, where they differ)."""
        with self._lock:
            pools = dict(self._pools)
        named: dict[str, PoolSnapshot] = {}
        for (address, verify, cert), pool in pools.items():
            name = address if address not in named else f"{address} {verify} {cert}"
            named[name] = pool.snapshot()
        return named

    def __repr__(self) -> str:
        states = self.snapshot().values()
        busy, idle = sum(s.busy for s in states), sum(s.idle for s in states)
        return f"<Http1Adapter [{len(states)} upstreams | {busy} busy, {idle} idle]>"
