"""A set of networks."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.networks import Networks


@pytest.mark.parametrize(
    ("address", "inside"),
    [
        ("10.0.0.0", True),
        ("10.255.255.255", True),
        ("11.0.0.0", False),
        ("192.0.2.7", True),
        ("192.0.2.8", False),
        ("2001:db8::1", True),
        ("2001:db9::1", False),
        ("::a00:1", False),
    ],
)
def test_what_is_in_a_network_is_in_the_set(address: str, inside: bool) -> None:
    """Of its own version of IP only."""
    networks = Networks(["10.0.0.0/8", "192.0.2.7", "2001:db8::/32"])
    assert (ipaddress.ip_address(address) in networks) is inside
    assert len(networks) == 3


def test_everything_and_nothing() -> None:
    """/0 has every address; no networks have none."""
    address = ipaddress.ip_address("192.0.2.1")
    assert address in Networks(["0.0.0.0/0"])
    assert address not in Networks(["::/0"])
    assert address not in Networks([])


@given(
    networks=st.lists(
        st.tuples(st.ip_addresses(v=4), st.integers(0, 32)).map(
            lambda pair: str(ipaddress.ip_network(pair, strict=False))
        ),
        max_size=5,
    ),
    address=st.ip_addresses(v=4),
)
def test_it_says_what_looking_at_each_would(
    networks: list[str], address: ipaddress.IPv4Address
) -> None:
    """The standard library is the judge."""
    expected = any(address in ipaddress.ip_network(network) for network in networks)
    assert (address in Networks(networks)) is expected
