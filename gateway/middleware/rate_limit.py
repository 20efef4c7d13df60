"""Keeps clients to their rates: who is over one is told so, and when to come back.

Stands behind authentication, since limits are by identity where there is one, and
before whatever costs more than counting: validation, the mirror, live. What other
middlewares refuse after it has counted; a request that a limit refuses has not.

Not done here: how many requests may be in progress (admission), or who may not
come at all (addresses). It reads no body, and knows nothing of how stores count.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from gateway.errors import LimitsUnknown, TooManyRequests
from gateway.exchange import Exchange
from gateway.middleware.refusing import refuse
from gateway.ratelimit.rules import Rules, service_limit
from gateway.ratelimit.store import Limit, Store, StoreUnavailable
from gateway.routes import RouteTable
from gateway.target import path_for_rules
from gateway.throttle import ThrottledLog

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_NAME = "rate_limit"


class RateLimit:
    """Middleware that counts requests, and refuses those over a limit.

    ``rules``: for each route; without routes ``RouteTable([], rules)``.
    ``pass_unknown``: whether a request passes when the store cannot say if it may.
    ``announce``: whether answers, also those of live, say what is left.
    ``on_store_error``: called for each request that could not be counted.

    Threads: any thread may call it; it has no state of its own. Asking the store
    takes microseconds, or what the store promises at most.
    """

    def __init__(
        self,
        app: WSGIApplication,
        rules: RouteTable[Rules],
        *,
        store: Store,
        pass_unknown: bool = True,
        announce: bool = True,
        on_store_error: Callable[[], None] = lambda: None,
        log: ThrottledLog | None = None,
    ) -> None:
        self._app = app
        self._rules = rules
        self._store = store
        self._pass_unknown = pass_unknown
        self._announce = announce
        self._on_store_error = on_store_error
        self._log = log or ThrottledLog(logging.getLogger(__name__), burst=1)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        rules, *others = self._rules.find_all(environ["REQUEST_METHOD"], path_for_rules(environ))
        if others:
            rules = rules.with_all(others)
        if not rules.limits:
            return self._app(environ, start_response)
        try:
            verdict = self._store.take(rules.demands(environ, Exchange.of(environ)))
        except StoreUnavailable as error:
            return self._unknown(environ, start_response, error)
        if not verdict.passes:
            refusal = _refusal(rules, verdict.debts, announce=self._announce)
            return refuse(environ, start_response, refusal, middleware=_NAME, reason="over_limit")
        if self._announce:
            start_response = _announcing(start_response, rules, verdict.debts)
        return self._app(environ, start_response)

    def _unknown(
        self, environ: WSGIEnvironment, start_response: StartResponse, error: StoreUnavailable
    ) -> Iterable[bytes]:
        self._on_store_error()
        what = "pass uncounted" if self._pass_unknown else "are refused"
        self._log.log(
            logging.WARNING, "Rate limits cannot be checked, requests %s: %s", what, error
        )
        if self._pass_unknown:
            return self._app(environ, start_response)
        refusal = LimitsUnknown("Rate limits cannot be checked now. Try again in a moment.")
        return refuse(environ, start_response, refusal, middleware=_NAME, reason="store_down")

    def __repr__(self) -> str:
        return f"<RateLimit by {self._store!r}>"


def _announcing(start_response: StartResponse, rules: Rules, debts: list[int]) -> StartResponse:
    fields = _fields(rules, zip(rules.limits, debts, strict=True))

    def started(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        # Both fields are lists: live's own, if it sends some, keep their lines.
        return start_response(status, [*headers, *fields], exc_info)

    return started


def _fields(rules: Rules, standing: Iterable[tuple[Limit, int]]) -> list[tuple[str, str]]:
    said = ", ".join([service_limit(limit, debt) for limit, debt in standing])
    return [("RateLimit-Policy", rules.policy), ("RateLimit", said)]


def _refusal(rules: Rules, debts: list[int], *, announce: bool) -> TooManyRequests:
    over = [
        (limit, debt)
        for limit, debt in zip(rules.limits, debts, strict=True)
        if not limit.rate.allows(debt)
    ]
    seconds = max(limit.rate.wait(debt) for limit, debt in over)
    names = [limit.name for limit, _ in over]
    fields = [("Retry-After", str(seconds))]
    if announce:
        # Only those it is over: Retry-After must not end before the time of any limit named
        # (draft-ietf-httpapi-ratelimit-headers-11 section 6).
        fields += _fields(rules, over)
    detail = f"Over the limit of {_sentence(over)}. Try again in {seconds} s."
    return TooManyRequests(detail, names, fields)


def _sentence(over: Sequence[tuple[Limit, int]]) -> str:
    return " and ".join(
        f"{limit.rate.count} requests in {limit.rate.window} s" for limit, _ in over
    )
