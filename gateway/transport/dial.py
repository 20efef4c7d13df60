"""Opens a connection to an upstream: every address in turn, then TLS.

Stands between the pool, which decides that a connection is needed, and
``connection.py``, which knows sockets. Whatever fails here happened before a
byte of the request was sent, and its exception says so.
"""

from __future__ import annotations

import socket
import ssl

from gateway.transport.addresses import Address, Addresses
from gateway.transport.budget import Budget
from gateway.transport.connection import Connection
from gateway.transport.errors import ConnectFailed, Expired, TlsFailed, TransportError
from gateway.transport.origin import Origin


class Dialer:
    """Knows how to reach one upstream. Keeps no state but its addresses'."""

    def __init__(
        self, origin: Origin, addresses: Addresses, context: ssl.SSLContext | None
    ) -> None:
        self.origin = origin
        self.addresses = addresses
        self._context = context

    def open(self, connection: Connection, budget: Budget) -> None:
        """Connects within ``budget.connect``, over all addresses.

        Each address is given an equal part of what is left, so that one which
        swallows packets does not use up the time of the others.
        """
        until = budget.until(budget.connect)
        try:
            addresses = self.addresses.current()
        except OSError as error:
            raise ConnectFailed(
                f"{self.origin.host} does not resolve: {error}", "connect"
            ) from error
        failure: TransportError | None = None
        for remaining in range(len(addresses), 0, -1):
            address = addresses[-remaining]
            part = (until - budget.clock()) / remaining
            failure = self._attempt(connection, address, budget, budget.until(part))
            if failure is None:
                self.addresses.worked(address)
                return
            self.addresses.failed(address)
            if connection.aborted:
                break
        raise failure or ConnectFailed(f"{self.origin.host} has no address", "connect")

    def _attempt(
        self, connection: Connection, address: Address, budget: Budget, until: float
    ) -> TransportError | None:
        """One address; what went wrong, if anything did."""
        place = f"{self.origin.url} at {_shown(address)}"
        try:
            connection.open(address, until)
            if self._context is not None:
                connection.secure(self._context, self.origin.host, until)
        except Expired:
            return budget.expired("connect")
        except (ssl.SSLError, ValueError) as error:  # ValueError: a name TLS cannot verify
            return TlsFailed(f"{place}: {error}", "connect")
        except OSError as error:
            return ConnectFailed(f"{place}: {error}", "connect")
        return None


def _shown(address: Address) -> str:
    place = address.sockaddr
    return str(place) if address.family == socket.AF_UNIX else f"{place[0]} port {place[1]}"
