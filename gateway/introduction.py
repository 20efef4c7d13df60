"""What is known of a request before anything is done with it: id, client, route.

Called once for each request, by the outermost middleware, so that everything
inside of it, and its log line if it is refused, speaks of the same client and
the same route. It looks at the head alone, believes nobody it was not told to,
and refuses nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from gateway.clients import ClientAddresses
from gateway.exchange import Exchange
from gateway.ids import SOURCES
from gateway.routes import RouteTable
from gateway.target import path_for_rules

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

# The route of a request that no route is for.
DEFAULT_ROUTE = "default"

# (path pattern, methods or empty for all, name).
NamedRoute = tuple[str, Sequence[str], str]


class Introduction:
    """Makes the exchange of a request and fills in what its head tells.

    ``routes``: a route without a name goes by its path. ``id_from``: where ids may be
    taken from. ``trusted_proxies``: see ``ClientAddresses``.

    Threads: any may call it; nothing is changed after construction.
    """

    def __init__(
        self,
        routes: Iterable[NamedRoute] = (),
        *,
        id_from: Sequence[str] = SOURCES,
        trusted_proxies: Iterable[str] = (),
    ) -> None:
        named = [(path, methods, name or path) for path, methods, name in routes]
        self._routes = RouteTable(named, DEFAULT_ROUTE) if named else None
        self._id_from = tuple(id_from)
        self._clients = ClientAddresses(trusted_proxies)

    def __call__(self, environ: WSGIEnvironment) -> Exchange:
        """The exchange of this request."""
        exchange = Exchange.of(environ, self._id_from)
        exchange.client = self._clients(environ)
        exchange.route = self._route(environ)
        return exchange

    def _route(self, environ: WSGIEnvironment) -> str:
        if self._routes is None:
            return DEFAULT_ROUTE
        return self._routes.find(environ["REQUEST_METHOD"], path_for_rules(environ))

    def __repr__(self) -> str:
        return f"<Introduction {self._clients!r}>"
