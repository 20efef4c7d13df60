"""Which of the two transports a gateway uses (setting ``transport``)."""

from __future__ import annotations

import socket
from importlib import import_module
from typing import TYPE_CHECKING, Literal, Union

from gateway.transport.adapter import Http1Adapter

if TYPE_CHECKING:
    from gateway.transport.stock import StockAdapter

Transport = Union[Http1Adapter, "StockAdapter"]


def adapter_for(
    transport: Literal["gateway", "urllib3"], *, pool_size: int = 256, retry_stale: bool = True
) -> Transport:
    """An adapter of the transport with this name. ``retry_stale``: urllib3's retries nothing."""
    if transport == "urllib3":
        made: StockAdapter = import_module("gateway.transport.stock").StockAdapter(
            pool_size=pool_size
        )
        return made
    # Looked up now: gevent's worker replaces it after this module was imported.
    lookup = socket.getaddrinfo
    return Http1Adapter(pool_size=pool_size, retry_stale=retry_stale, lookup=lookup)
