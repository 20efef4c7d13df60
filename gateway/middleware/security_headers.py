"""Gives every answer the fields that tell browsers to be careful, and takes away what tells
strangers too much.

Stands outside of everything that answers, so that refusals have them too: one
that is raised past it takes the fields along.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from gateway.errors import Refusal
from gateway.headers import Field
from gateway.routes import RouteTable
from gateway.settings.security_headers import SecurityHeaders as Config
from gateway.target import path_for_rules

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_HSTS = "Strict-Transport-Security"


class SecurityHeaders:
    """Middleware that adds and removes fields of answers. ``rules``: None, or not enabled,
    leaves a route's answers as they are."""

    def __init__(self, app: WSGIApplication, rules: RouteTable[Config | None]) -> None:
        self._app = app
        self._rules = rules.map(_rule_of)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        rule = self._rules.find(environ["REQUEST_METHOD"], path_for_rules(environ))
        if rule is None:
            return self._app(environ, start_response)
        ours = rule.fields_for(environ)

        def started(status: str, fields: list[Field], exc_info: Any = None) -> Any:
            return start_response(status, rule.applied(fields, ours), exc_info)

        try:
            return self._app(environ, started)
        except Refusal as refusal:
            refusal.headers = tuple(rule.applied(refusal.headers, ours))
            raise


def _rule_of(config: Config | None) -> _Rule | None:
    return _Rule(config) if config is not None and config.enabled else None


class _Rule:
    """One configuration, ready for use."""

    def __init__(self, config: Config) -> None:
        values = {
            "X-Content-Type-Options": config.content_type_options,
            "X-Frame-Options": config.frame_options,
            "Referrer-Policy": config.referrer_policy,
            _HSTS: config.strict_transport_security,
            "Content-Security-Policy": config.content_security_policy,
            "Permissions-Policy": config.permissions_policy,
            "Cross-Origin-Opener-Policy": config.cross_origin_opener_policy,
            "Cross-Origin-Resource-Policy": config.cross_origin_resource_policy,
        }
        self._fields = [field for field in values.items() if field[1]]
        self._over_http = [field for field in self._fields if field[0] != _HSTS]
        replaced = [name for name, _ in self._fields] if config.replace else []
        self._drop = frozenset(name.lower() for name in (*config.remove, *replaced))

    def fields_for(self, environ: WSGIEnvironment) -> list[Field]:
        """RFC 6797 section 7.2: HSTS is for secure connections. The one in front of us may
        be secure although ours is not, so it is left out only where a proxy says no."""
        plain = environ.get("HTTP_X_FORWARDED_PROTO", "").lower() == "http"
        return self._over_http if plain else self._fields

    def applied(self, fields: Iterable[Field], ours: Iterable[Field]) -> list[Field]:
        """The fields of an answer with ours."""
        kept, present = [], set()
        for field in fields:
            name = field[0].lower()
            if name not in self._drop:
                kept.append(field)
                present.add(name)
        kept += [field for field in ours if field[0].lower() not in present]
        return kept
