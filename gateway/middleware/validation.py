"""Refuses, or reports, requests that are not what their route is for.

Stands after authentication and limits, so that nobody makes it work whom they
would have stopped, and before the mirror: what live does not get, a shadow
does not get either. It reads the buffered body and changes nothing: live and
shadows get the bytes as they were received, encoded if they were.

Not done here: answers are not looked at; nothing is filled in, converted or
put right; schemas are not fetched.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING

from gateway.errors import Refusal, SettingsError, Unprocessable
from gateway.exchange import Exchange, describe
from gateway.metrics import Metrics
from gateway.middleware.refusing import refuse
from gateway.request import BufferedRequest
from gateway.routes import RouteTable
from gateway.settings.validation import Validation as Config
from gateway.target import path_for_rules
from gateway.throttle import ThrottledLog
from gateway.validation.compiled import check_of
from gateway.validation.files import SchemaFault
from gateway.validation.rejection import Rejected
from gateway.validation.rules import Check
from gateway.waiting import blocking

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_NAME = "validation"
# A parsed document takes up to 25 times its text; so many bytes of it do not matter.
_SMALL = 64 * 1024


class Validation:
    """Middleware that checks requests before ``app`` gets them.

    ``rules``: None, or mode "off", lets a route's requests pass unread.
    ``max_body``: bytes of body taken into memory. Raises ``SettingsError`` for a schema
    that cannot be used.

    Threads: any thread may call it. The lock is held while a large body is looked
    into, so that one of them is in memory at a time; under it nothing waits for
    anything but the processor, and small bodies do not take it. Where requests take
    turns on one thread a large body is looked into on another.
    """

    def __init__(
        self,
        app: WSGIApplication,
        rules: RouteTable[Config | None],
        *,
        max_body: int,
        metrics: Metrics | None = None,
        log: ThrottledLog | None = None,
    ) -> None:
        self._app = app
        self._rules = rules.map(_Rules())
        self._max_body = max_body
        self._metrics = metrics or Metrics()
        self._log = log or ThrottledLog(logging.getLogger(__name__))
        self._large = Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        for rule in self._rules.find_all(environ["REQUEST_METHOD"], path_for_rules(environ)):
            refused = self._refused(rule, environ) if rule is not None else None
            if refused is not None:
                refusal, reason = refused
                return refuse(environ, start_response, refusal, middleware=_NAME, reason=reason)
        return self._app(environ, start_response)

    def _refused(self, rule: _Rule, environ: WSGIEnvironment) -> tuple[Refusal, str] | None:
        """What a rule has against a request, and the word for it."""
        try:
            self._check(rule.check, BufferedRequest.of(environ, self._max_body))
        except Refusal as refusal:  # of a body that could not be read, or a broken head
            return refusal, "unreadable"
        except Rejected as rejected:
            if rule.enforced:
                return rejected.refusal, rejected.reason.value
            self._report(environ, rejected)
        return None

    def _check(self, check: Check, request: BufferedRequest) -> None:
        # Of an encoded body nobody knows the size before.
        if len(request.body) > _SMALL or "HTTP_CONTENT_ENCODING" in request.environ:
            # It may take a second, and the hub of a worker has others to see to.
            blocking(partial(self._check_large, check, request))
        else:
            check.check(request)

    def _check_large(self, check: Check, request: BufferedRequest) -> None:
        with self._large:
            check.check(request)

    def _report(self, environ: WSGIEnvironment, rejected: Rejected) -> None:
        route = Exchange.of(environ).route
        self._metrics.validation_reported(route, rejected.reason.value)
        self._log.log(logging.WARNING, "%s: %s", describe(environ), _explained(rejected.refusal))

    def __repr__(self) -> str:
        return f"<Validation {self._rules!r}>"


class _Rule:
    """What one route's requests must look like, and whether that is enforced."""

    __slots__ = ("check", "enforced")

    def __init__(self, config: Config) -> None:
        self.enforced = config.mode == "enforce"
        try:
            self.check = check_of(config)
        except SchemaFault as fault:
            path = config.openapi or config.schema
            raise SettingsError([f"validation: {path}: {fault}"]) from fault


class _Rules:
    """Makes rules, each once: many routes may share the general one."""

    def __init__(self) -> None:
        self._made: dict[Config, _Rule] = {}

    def __call__(self, config: Config | None) -> _Rule | None:
        if config is None or config.mode == "off":
            return None
        if config not in self._made:
            self._made[config] = _Rule(config)
        return self._made[config]


def _explained(refusal: Refusal) -> str:
    """What the client would have been told, as one line whatever it had sent."""
    text = f"would be refused with {refusal.status}: {refusal.detail}"
    if isinstance(refusal, Unprocessable) and refusal.errors:
        text += f" {json.dumps(refusal.errors[0])}"
    return text
