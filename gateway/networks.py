"""A set of IP networks that answers quickly, however many there are.

A leaf. An address is in it when one of its prefixes is: one look into a set for
each length of prefix in use, not one comparison for each network.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Networks:
    """The networks in some texts such as ``10.0.0.0/8``. Immutable."""

    __slots__ = ("_prefixes", "_size")

    def __init__(self, networks: Iterable[str]) -> None:
        prefixes: dict[tuple[int, int], set[int]] = {}
        for network in map(ipaddress.ip_network, networks):
            shift = network.max_prefixlen - network.prefixlen
            found = prefixes.setdefault((network.version, shift), set())
            found.add(int(network.network_address) >> shift)
        self._prefixes = prefixes
        self._size = sum(map(len, prefixes.values()))

    def __contains__(self, address: Address) -> bool:
        number, version = int(address), address.version
        return any(
            number >> shift in found
            for (of_version, shift), found in self._prefixes.items()
            if of_version == version
        )

    def __len__(self) -> int:
        return self._size

    def __repr__(self) -> str:
        return f"<Networks {self._size}>"
