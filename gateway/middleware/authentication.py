"""Who is there: lets in who proves it, and tells everybody after this who it is.

Stands after what answers without knowing the client (CORS preflights have no
credentials), and before everything that may depend on it: limits, validation, the
mirror. It reads no body, so that nobody's ten megabytes are read before their key.

Not done here: what an identity may do, beyond the scopes a route wants; sessions,
cookies, log-in pages; asking another service about each request.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from gateway.auth.demand import Demand
from gateway.auth.directory import Directory
from gateway.auth.passwords import Passwords
from gateway.auth.presented import Presented, name_and_password
from gateway.auth.proof import NotProven, Proof, Reason, Scheme
from gateway.auth.watched import WatchedFile
from gateway.errors import (
    AuthenticationUnavailable,
    BadRequest,
    Forbidden,
    Refusal,
    Unauthorized,
)
from gateway.exchange import Exchange
from gateway.field_change import FieldChange
from gateway.metrics import Metrics
from gateway.middleware.refusing import refuse
from gateway.routes import RouteTable
from gateway.settings.authentication import Authentication as Config
from gateway.settings.authentication import RouteAuthentication
from gateway.target import path_for_rules

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

try:
    from gateway.auth.bearer import Bearer
except ImportError:  # without the extra "jwt"; the settings' checks ask for it
    Bearer = None  # type: ignore[assignment,misc]

_NAME = "authentication"
# RFC 3875 section 4.1.1: what an application finds in AUTH_TYPE.
_AUTH_TYPES: Mapping[Scheme, str] = MappingProxyType(
    {Scheme.API_KEY: "ApiKey", Scheme.BASIC: "Basic", Scheme.JWT: "Bearer"}
)


def demand_of(config: Config, route: RouteAuthentication | None = None) -> Demand:
    """What a route asks for; without one, what is asked for in general."""
    schemes = config.schemes if route is None or route.schemes is None else route.schemes
    scopes = config.scopes if route is None or route.scopes is None else route.scopes
    return Demand(schemes, scopes, realm=config.realm, key_field=config.key_field)


class Authentication:
    """Middleware that lets in who proves an identity, and passes it on.

    ``rules``: what routes ask for that is not what ``config`` asks of all. Only
    routes that say something about it belong in there: any other would open what
    a less specific one guards.
    ``refresh`` is to be called every second or so, and ``close`` at the end.

    Threads: any thread may call it; ``refresh`` one at a time. It has no state of
    its own. Looking up a key waits for nothing, a password or an unknown key of a
    token a bounded time (``passwords.py``, ``jwks.py``).
    """

    def __init__(
        self,
        app: WSGIApplication,
        config: Config,
        *,
        rules: RouteTable[RouteAuthentication | None] | None = None,
        metrics: Metrics | None = None,
        passwords: Passwords | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._app = app
        self._general = demand_of(config)
        self._rules = None if rules is None else rules.map(partial(demand_of, config))
        self._presented = Presented(config.key_field)
        self._metrics = metrics or Metrics()
        self._passwords = passwords or Passwords()
        self._clock = clock
        self._file = _file_of(config)
        self._bearer = _bearer_of(config)
        self._checks: Mapping[Scheme, Callable[[str], Proof]] = {
            Scheme.API_KEY: self._by_key,
            Scheme.BASIC: self._by_password,
            Scheme.JWT: self._by_token,
        }
        self._identity_field = config.identity_field
        self._forward = config.forward_credentials
        hidden = [config.identity_field] if config.identity_field else []
        if not config.forward_credentials:
            hidden.append(config.key_field)
        self._hide = FieldChange(hidden)
        self._hide_all = FieldChange([*hidden, "Authorization"])

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        demand = self._general
        try:
            if self._rules is not None:
                demand = self._demand(self._rules, environ)
            proof = self._proof(environ, demand) if demand.schemes else None
        except NotProven as failure:
            # Whoever looks at it yet, or gets a copy of it, is not to be deceived either.
            self._pass_on(environ, demand, None)
            refusal, reason = refusal_of(failure, demand), failure.reason.value
            return refuse(environ, start_response, refusal, middleware=_NAME, reason=reason)
        self._pass_on(environ, demand, proof)
        return self._app(environ, start_response)

    def _demand(self, rules: RouteTable[Demand], environ: WSGIEnvironment) -> Demand:
        method, path = environ["REQUEST_METHOD"], path_for_rules(environ)
        demand, *others = rules.find_all(method, path)
        for other in others:
            if not demand.covers(other):
                detail = "Write the path without escapes, empty and dot segments."
                raise NotProven(Reason.AMBIGUOUS_PATH, detail)
        return demand

    def _proof(self, environ: WSGIEnvironment, demand: Demand) -> Proof:
        scheme, credential = self._presented.find(environ, demand.schemes)
        proof = self._checks[scheme](credential)
        # Known from here on, also to the log of one who may not do this.
        Exchange.of(environ).identity = proof.identity
        # Names in a credential file are few, and the operator's; those in tokens are neither.
        self._metrics.authenticated(scheme.value, "" if scheme is Scheme.JWT else proof.identity)
        demand.check(proof)
        return proof

    def _by_key(self, key: str) -> Proof:
        return self._directory().by_key(key, self._clock())

    def _by_password(self, token: str) -> Proof:
        name, password = name_and_password(token)
        return self._directory().by_password(name, password, self._passwords, self._clock())

    def _directory(self) -> Directory:
        directory = self._file.value if self._file is not None else None
        if directory is None:
            raise NotProven(Reason.UNAVAILABLE, "The credentials are not known yet.")
        return directory

    def _by_token(self, token: str) -> Proof:
        if self._bearer is None:
            raise NotProven(Reason.UNAVAILABLE, "The keys of tokens are not known yet.")
        return self._bearer.verify(token)

    def _pass_on(self, environ: WSGIEnvironment, demand: Demand, proof: Proof | None) -> None:
        """Tell everybody below who it is, and nobody who it claims to be."""
        said = []
        if proof is not None:
            environ["REMOTE_USER"] = proof.identity
            environ["AUTH_TYPE"] = _AUTH_TYPES[proof.scheme]
            if self._identity_field:
                said.append((self._identity_field, proof.identity))
        hide = self._hide
        if not self._forward and self._presented.by_authorization(environ, demand.schemes):
            hide = self._hide_all
        hide.apply(environ, said)

    def refresh(self) -> None:
        """Take changed files, and see to the keys of tokens."""
        if self._file is not None:
            self._file.refresh()
            self._metrics.authentication_stale("credentials", self._file.problem is not None)
        if self._bearer is not None:
            self._bearer.refresh()
            self._metrics.authentication_stale("keys", self._bearer.stale)

    def close(self) -> None:
        """Leave no thread behind; waits a bounded time."""
        if self._bearer is not None:
            self._bearer.close()

    def __repr__(self) -> str:
        return f"<Authentication {self._general!r} {self._file!r} {self._bearer!r}>"


def _file_of(config: Config) -> WatchedFile[Directory] | None:
    return WatchedFile(Path(config.credentials), Directory.parse) if config.credentials else None


def _bearer_of(config: Config) -> Bearer | None:
    jwt = config.jwt
    given = jwt.jwks_url or jwt.jwks or jwt.public_key or jwt.secret
    return Bearer(jwt) if given and Bearer is not None else None


def refusal_of(failure: NotProven, demand: Demand) -> Refusal:
    """The answer to who proved nothing."""
    if failure.reason in (Reason.UNAVAILABLE, Reason.BUSY):
        return AuthenticationUnavailable(failure.detail)
    if failure.reason is Reason.AMBIGUOUS_PATH:
        return BadRequest(failure.detail)
    kind: type[Refusal] = Unauthorized
    if failure.reason is Reason.MALFORMED:
        kind = BadRequest
    elif failure.reason is Reason.INSUFFICIENT_SCOPE:
        kind = Forbidden
    return kind(failure.detail, headers=demand.challenges.fields(failure))
