"""What requests are counted by: an identity, an address, a route or a header field."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from gateway.exchange import Exchange
from gateway.headers import environ_name

Key = Callable[[Mapping[str, Any], Exchange], bytes]

# RFC 4291 section 2.5.5.2: an IPv4 client as a socket for both families sees it.
_MAPPED = bytes(10) + b"\xff\xff"


def key_by(by: str) -> Key:
    """How to find the key of a request. ``by``: identity, address, route or header:NAME."""
    kind, _, name = by.partition(":")
    if kind == "header":
        return _by_field(environ_name(name))
    return _KINDS[kind]


def _by_address(environ: Mapping[str, Any], exchange: Exchange) -> bytes:
    return network(exchange.client or environ.get("REMOTE_ADDR") or "")


def _by_identity(environ: Mapping[str, Any], exchange: Exchange) -> bytes:
    # The prefix keeps a client named "10.0.0.1" apart from the address.
    if exchange.identity is not None:
        return b"i" + _encoded(exchange.identity)
    return b"a" + _by_address(environ, exchange)


def _by_route(environ: Mapping[str, Any], exchange: Exchange) -> bytes:
    return _encoded(exchange.route or "")


_KINDS: Mapping[str, Key] = MappingProxyType(
    {"address": _by_address, "identity": _by_identity, "route": _by_route}
)


def _by_field(variable: str) -> Key:
    # Without the field all count as one: leaving it out must not be a way around.
    return lambda environ, exchange: _encoded(environ.get(variable, ""))


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")


def network(address: str) -> bytes:
    """The address, or the /64 of an IPv6 address: one subscriber has at least that many.

    RFC 6177 section 2. What is no address is taken as it is.
    """
    if ":" not in address:
        return _encoded(address)
    try:
        packed = socket.inet_pton(socket.AF_INET6, address.partition("%")[0])
    except (OSError, ValueError):
        return _encoded(address)
    if packed.startswith(_MAPPED):
        return socket.inet_ntoa(packed[12:]).encode()
    return packed[:8]
