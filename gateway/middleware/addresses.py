"""Lets clients in by their address: allow lists, deny lists.

Stands before everything that costs something: who may not come in is refused
before a body is read or a key is looked at. What is known of the client is
``Exchange.client``; where nobody found that out, it is the connection's peer.

Not done here: finding out who is behind a proxy (``clients.py``), names.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

from gateway.clients import peer_of
from gateway.errors import Forbidden
from gateway.exchange import Exchange
from gateway.middleware.refusing import refuse
from gateway.networks import Networks
from gateway.routes import RouteTable
from gateway.settings.addresses import Addresses as Config
from gateway.target import path_for_rules

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_REMEMBERED = 4096


class Addresses:
    """Middleware that refuses clients by address. ``rules``: None lets everybody in.

    Threads: any thread may call it. It changes nothing but bounded caches, which
    have locks of their own.
    """

    def __init__(self, app: WSGIApplication, rules: RouteTable[Config | None]) -> None:
        self._app = app
        self._rules = rules.map(_rule_of)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        rules = self._rules.find_all(environ["REQUEST_METHOD"], path_for_rules(environ))
        client = Exchange.of(environ).client or peer_of(environ)
        for rule in rules:
            reason = rule.refusal(client) if rule is not None else None
            if reason is not None:
                refusal = Forbidden("Requests from your address are not taken here.")
                return refuse(
                    environ, start_response, refusal, middleware="addresses", reason=reason
                )
        return self._app(environ, start_response)


def _rule_of(config: Config | None) -> _Rule | None:
    return _Rule(config) if config is not None and (config.allow or config.deny) else None


class _Rule:
    """Two lists. The last few thousand addresses and what became of them are remembered."""

    def __init__(self, config: Config) -> None:
        self._allow = Networks(config.allow)
        self._deny = Networks(config.deny)
        self.refusal = lru_cache(maxsize=_REMEMBERED)(self._refusal)

    def _refusal(self, client: str | None) -> str | None:
        """Why an address may not come in; None: it may. Deny wins.

        A peer without an address, on a Unix socket, is in no network: no deny list
        keeps it out, and no allow list lets it in.
        """
        address = _parsed(client)
        if address is not None and address in self._deny:
            return "denied"
        if len(self._allow) and (address is None or address not in self._allow):
            return "not_allowed"
        return None


def _parsed(client: str | None) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        # A link-local peer comes with its interface, as in fe80::1%eth0.
        return ipaddress.ip_address((client or "").partition("%")[0])
    except ValueError:
        return None
