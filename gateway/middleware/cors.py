"""CORS: tells browsers which pages of other sites may read answers (Fetch standard, 3.2).

Stands before authentication: a preflight has no credentials. It is answered
here and goes no further, to live or to shadows. Every other request goes on,
also one of an origin that is not allowed: it is the browser that then keeps the
answer from the page. What upstreams say about CORS is removed, so that there is
one place where it is decided. A refusal that is raised past here gets the fields
too, or a page could not read why it was refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from gateway.errors import Forbidden, Refusal
from gateway.exchange import Exchange
from gateway.headers import Field, varied
from gateway.middleware.refusing import refuse
from gateway.routes import RouteTable
from gateway.settings.cors import Cors as Config
from gateway.target import path_for_rules

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_OURS = "access-control-"
_DETAILS = {"origin": "this API", "method": "this method", "fields": "these header fields"}
_NAMES = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+(?:[ \t]*,[ \t]*[!#$%&'*+.^_`|~0-9A-Za-z-]+)*")


class Cors:
    """Middleware that answers preflights and adds CORS fields. ``rules``: None, or not
    enabled, leaves CORS to a route's upstream. Raises ``ValueError`` for any origin with
    credentials."""

    def __init__(self, app: WSGIApplication, rules: RouteTable[Config | None]) -> None:
        self._app = app
        self._rules = rules.map(_rule_of)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        rule, *others = self._rules_for(environ)
        if rule is None:
            return self._app(environ, start_response)
        if _is_preflight(environ):
            return _preflight(rule, others, environ, start_response)
        allowed = _fields_for(environ.get("HTTP_ORIGIN"), rule, others)

        def started(status: str, fields: list[Field], exc_info: Any = None) -> Any:
            return start_response(status, rule.applied(fields, allowed), exc_info)

        try:
            return self._app(environ, started)
        except Refusal as refusal:
            refusal.headers = tuple(rule.applied(refusal.headers, allowed))
            raise

    def _rules_for(self, environ: WSGIEnvironment) -> Sequence[_Rule | None]:
        method = environ["REQUEST_METHOD"]
        if _is_preflight(environ):
            # It asks about another request to this path: that one's rule applies.
            method = environ["HTTP_ACCESS_CONTROL_REQUEST_METHOD"]
        return self._rules.find_all(method, path_for_rules(environ))


def _fields_for(origin: str | None, rule: _Rule, others: Iterable[_Rule | None]) -> list[Field]:
    """What an answer tells a page; nothing where an upstream may read the path as that of
    a route which would not tell it."""
    agreed = all(other is not None and other.fields_for(origin) for other in others)
    return rule.fields_for(origin) if agreed else []


def _is_preflight(environ: WSGIEnvironment) -> bool:
    return (
        environ["REQUEST_METHOD"] == "OPTIONS"
        and "HTTP_ORIGIN" in environ
        and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ
    )


def _preflight(
    rule: _Rule,
    others: Sequence[_Rule | None],
    environ: WSGIEnvironment,
    start_response: StartResponse,
) -> Iterable[bytes]:
    asked = environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", "")
    method = environ["HTTP_ACCESS_CONTROL_REQUEST_METHOD"]
    allowed = _fields_for(environ["HTTP_ORIGIN"], rule, others)
    asked_of = [rule, *filter(None, others)]
    reason = next(filter(None, (each.refusal(allowed, method, asked) for each in asked_of)), None)
    if reason is not None:
        detail = f"Pages of this origin may not use {_DETAILS[reason]}."
        refusal = Forbidden(detail, headers=rule.applied((), allowed))
        return refuse(environ, start_response, refusal, middleware="cors", reason=reason)
    fields = rule.applied([("Date", formatdate(usegmt=True))], allowed)
    Exchange.of(environ).status = 204
    start_response("204 No Content", [*fields, *rule.preflight_fields(asked)])
    return []


def _rule_of(config: Config | None) -> _Rule | None:
    return _Rule(config) if config is not None and config.enabled else None


class _Rule:
    """One configuration, ready for use."""

    def __init__(self, config: Config) -> None:
        self._any_origin = "*" in config.origins
        if self._any_origin and config.credentials:
            raise ValueError(
                "with credentials every origin has to be named (Fetch standard, 3.2.5)"
            )
        patterns = [
            "[A-Za-z0-9.-]+".join(map(re.escape, each.split("*"))) for each in config.origins
        ]
        self._origins = re.compile("|".join(patterns) or "(?!)")
        self._methods = frozenset(config.methods)
        self._any_field = "*" in config.fields
        self._names = frozenset(name.lower() for name in config.fields)
        self._allowed: list[Field] = []
        if config.credentials:
            self._allowed.append(("Access-Control-Allow-Credentials", "true"))
        if config.expose:
            self._allowed.append(("Access-Control-Expose-Headers", ", ".join(config.expose)))
        self._preflight = [
            ("Access-Control-Allow-Methods", ", ".join(config.methods)),
            ("Access-Control-Max-Age", str(round(config.max_age))),
        ]
        self._fields = ", ".join(config.fields)

    def fields_for(self, origin: str | None) -> list[Field]:
        """What an answer tells a page of ``origin``; nothing to one that is not allowed."""
        if self._any_origin:
            return [("Access-Control-Allow-Origin", "*"), *self._allowed]
        if origin is None or not self._origins.fullmatch(origin):
            return []
        return [("Access-Control-Allow-Origin", origin), *self._allowed]

    def applied(self, fields: Iterable[Field], allowed: Iterable[Field]) -> list[Field]:
        """The fields of an answer with ours in place of upstreams'."""
        kept = [field for field in fields if not field[0].lower().startswith(_OURS)]
        if not self._any_origin:
            kept = varied(kept, "Origin")
        return [*kept, *allowed]

    def refusal(self, allowed: list[Field], method: str, asked: str) -> str | None:
        """What of a preflight is not allowed; None: nothing."""
        if not allowed:
            return "origin"
        if method not in self._methods:
            return "method"
        if not asked:
            return None
        if not _NAMES.fullmatch(asked):
            return "fields"
        names = {name.strip(" \t").lower() for name in asked.split(",")}
        return None if self._any_field or names <= self._names else "fields"

    def preflight_fields(self, asked: str) -> list[Field]:
        """What an allowed preflight is told beside."""
        if self._any_field:
            if not asked:
                return self._preflight
            # "*" would leave out Authorization, and means nothing with credentials.
            return [*self._preflight, ("Access-Control-Allow-Headers", asked)]
        return [*self._preflight, ("Access-Control-Allow-Headers", self._fields)]
