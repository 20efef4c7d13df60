"""Whose request it is: the client's address, behind the proxies that are ours.

The peer of the connection is all a server knows for certain. Where that peer is
a proxy of one's own, the client is who that proxy says: the last address it put
into ``X-Forwarded-For``, and so on from right to left for as long as the
address found is a trusted proxy too. What stands further left was written by
somebody nobody vouches for, and never counts.

A leaf: addresses in, an address out. Not done here: believing ``Forwarded``,
or anything a client says about its scheme or host.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from gateway.networks import Address, Networks

# In the setting: whoever connects through a Unix socket. Such a peer has no address.
UNIX = "unix"

# The longest chain of one's own proxies that is followed.
_MOST_PROXIES = 16
# Distinct peers and proxies whose networks are remembered.
_REMEMBERED = 4096

# An IPv4 address with a port, or an IPv6 address in brackets, with or without one:
# what some proxies write instead of the bare address.
_WITH_PORT = re.compile(r"([0-9.]+):[0-9]{1,5}|\[([0-9A-Fa-f:.]+)\](?::[0-9]{1,5})?")
_LONGEST = len("[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]:65535")


class ClientAddresses:
    """Finds the client of a request.

    ``trusted``: networks of the proxies whose ``X-Forwarded-For`` is believed,
    and ``"unix"``.

    Threads: any thread may call it. It changes nothing but a bounded cache,
    which has a lock of its own.
    """

    def __init__(self, trusted: Iterable[str] = ()) -> None:
        trusted = tuple(trusted)
        self._unix = UNIX in trusted
        self._networks = Networks(each for each in trusted if each != UNIX)
        self._named = ", ".join(trusted) or "nobody"
        self._trusted = lru_cache(maxsize=_REMEMBERED)(self._is_trusted)

    def __call__(self, environ: Mapping[str, Any]) -> str | None:
        """The client's address; None for a peer without one, on a Unix socket."""
        client = peer_of(environ)
        told = environ.get("HTTP_X_FORWARDED_FOR")
        if told is None or not (self._networks or self._unix):
            return client
        for _ in range(_MOST_PROXIES):
            if not self._trusted(client):
                return client
            told, _, last = told.rpartition(",")
            before = plain_address(last.strip(" \t"))
            if before is None:
                # "unknown", nothing at all, or not an address: the proxy itself is all we know.
                return client
            client = before
        return client

    def _is_trusted(self, client: str | None) -> bool:
        if client is None:
            return self._unix
        # A link-local peer comes with its interface, as in fe80::1%eth0.
        address = _parsed(client.partition("%")[0])
        return address is not None and address in self._networks

    def __repr__(self) -> str:
        return f"<ClientAddresses trusting {self._named}>"


def peer_of(environ: Mapping[str, Any]) -> str | None:
    """The address of whoever is connected; None on a Unix socket."""
    peer = environ.get("REMOTE_ADDR")
    if peer and peer.startswith("::ffff:"):
        # An IPv4 client of a socket that listens on both (RFC 4291 section 2.5.5.2).
        return plain_address(peer) or str(peer)
    return peer or None


def plain_address(text: str) -> str | None:
    """The address in a text, in its one canonical form, without port; None if there is none."""
    # The length first: what is remembered of what clients send must be small.
    return _plain(text) if len(text) <= _LONGEST else None


@lru_cache(maxsize=_REMEMBERED)
def _plain(text: str) -> str | None:
    with_port = _WITH_PORT.fullmatch(text)
    address = _parsed(text if with_port is None else with_port[1] or with_port[2])
    return None if address is None else str(address)


def _parsed(text: str) -> Address | None:
    if "%" in text:  # a zone, in which ipaddress takes any character for good
        return None
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if address.version == 6 and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
