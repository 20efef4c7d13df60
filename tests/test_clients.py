"""Whose address counts, and what a client can write without being believed."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.clients import ClientAddresses, peer_of, plain_address

OURS = ("10.0.0.0/8", "2001:db8:1::/48")


def client(peer: str, forwarded: str | None = None, trusted: tuple[str, ...] = OURS) -> str | None:
    environ = {"REMOTE_ADDR": peer}
    if forwarded is not None:
        environ["HTTP_X_FORWARDED_FOR"] = forwarded
    return ClientAddresses(trusted)(environ)


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        pytest.param("198.51.100.7", None, "198.51.100.7", id="direct"),
        pytest.param("198.51.100.7", "1.1.1.1", "198.51.100.7", id="untrusted-peer"),
        pytest.param("10.0.0.1", None, "10.0.0.1", id="proxy-that-says-nothing"),
        pytest.param("10.0.0.1", "203.0.113.9", "203.0.113.9", id="one-proxy"),
        pytest.param("10.0.0.1", "203.0.113.9, 10.0.0.2", "203.0.113.9", id="two-proxies"),
        pytest.param("10.0.0.1", "1.1.1.1, 203.0.113.9", "203.0.113.9", id="spoofed-left"),
        pytest.param("10.0.0.1", "10.9.9.9, 203.0.113.9", "203.0.113.9", id="spoofed-as-ours"),
        pytest.param("10.0.0.1", "10.0.0.3,10.0.0.2", "10.0.0.3", id="all-ours"),
        pytest.param("10.0.0.1", "203.0.113.9\t,\t10.0.0.2", "203.0.113.9", id="tabs"),
        pytest.param("2001:db8:1::1", "2001:db8:2::1", "2001:db8:2::1", id="ipv6"),
        pytest.param("::ffff:10.0.0.1", "203.0.113.9", "203.0.113.9", id="mapped-proxy"),
        pytest.param("10.0.0.1", "::ffff:203.0.113.9", "203.0.113.9", id="mapped-client"),
        pytest.param("10.0.0.1", "2001:DB8:0:0::5", "2001:db8::5", id="canonical"),
        pytest.param("10.0.0.1", "203.0.113.9:4711", "203.0.113.9", id="with-port"),
        pytest.param("10.0.0.1", "[2001:db8::5]:4711", "2001:db8::5", id="ipv6-with-port"),
        pytest.param("10.0.0.1", "[2001:db8::5]", "2001:db8::5", id="brackets"),
    ],
)
def test_the_rightmost_untrusted_address_counts(
    peer: str, forwarded: str | None, expected: str
) -> None:
    """Each proxy of ours vouches for the address to its left, and nobody for the next one."""
    assert client(peer, forwarded) == expected


@pytest.mark.parametrize(
    "hostile",
    [
        pytest.param("", id="empty"),
        pytest.param(",", id="comma"),
        pytest.param("203.0.113.9,", id="nothing-last"),
        pytest.param("203.0.113.9, unknown", id="unknown"),
        pytest.param("203.0.113.9, _hidden", id="obfuscated"),
        pytest.param("localhost", id="name"),
        pytest.param("010.0.0.1", id="octal"),
        pytest.param("127.1", id="short"),
        pytest.param("2130706433", id="number"),
        pytest.param("10.0.0.256", id="out-of-range"),
        pytest.param('10.0.0.1" evil="', id="quotes"),
        pytest.param("fe80::1%\n", id="zone"),
        pytest.param("203.0.113.9%eth0", id="zone-of-ipv4"),
        pytest.param("１0.0.0.9", id="other-digits"),
        pytest.param("[::1", id="half-bracket"),
        pytest.param("1.2.3.4:port", id="port-name"),
        pytest.param("for=203.0.113.9", id="forwarded-syntax"),
        pytest.param("1" * 9000, id="long"),
    ],
)
def test_what_is_no_address_leaves_the_proxy_as_all_that_is_known(hostile: str) -> None:
    """Guessing would let a client choose its identity."""
    assert client("10.0.0.1", hostile) == "10.0.0.1"


def test_an_endless_chain_of_our_own_addresses_is_not_followed_to_its_end() -> None:
    """The work for one request is bounded, whatever it says."""
    chain = ", ".join(["203.0.113.9", *["10.0.0.2"] * 4000])
    assert client("10.0.0.1", chain) == "10.0.0.2"


@pytest.mark.parametrize(
    ("trusted", "expected"),
    [
        pytest.param((), None, id="untrusted"),
        pytest.param(("unix",), "203.0.113.9", id="trusted"),
    ],
)
def test_a_unix_socket_has_no_address_and_is_trusted_by_name(
    trusted: tuple[str, ...], expected: str | None
) -> None:
    """A proxy on the same machine connects that way."""
    assert client("", "203.0.113.9", trusted) == expected
    assert client("", None, trusted) is None


def test_without_trusted_proxies_nothing_a_client_says_counts() -> None:
    """The default."""
    assert client("127.0.0.1", "203.0.113.9", ()) == "127.0.0.1"


def test_a_link_local_peer_is_compared_without_its_interface() -> None:
    """The server gives its zone along."""
    assert client("fe80::1%eth0", "203.0.113.9", ("fe80::/10",)) == "203.0.113.9"


def test_an_ipv4_peer_of_a_socket_for_both_is_an_ipv4_address() -> None:
    """So that one client is not two to limits and lists."""
    assert peer_of({"REMOTE_ADDR": "::ffff:192.0.2.1"}) == "192.0.2.1"
    assert peer_of({"REMOTE_ADDR": "::ffff:nonsense"}) == "::ffff:nonsense"
    assert peer_of({}) is None


@given(st.ip_addresses(), st.sampled_from(["{}", "[{}]", "{}:80", "[{}]:80"]))
def test_every_address_comes_out_in_one_form(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, form: str
) -> None:
    """Whatever form its proxy uses for it; brackets are IPv6's."""
    plain = plain_address(form.format(address))
    fits = form == "{}" or (address.version == 6) == form.startswith("[")
    if fits:
        mapped = getattr(address, "ipv4_mapped", None)
        assert plain == str(mapped or address)


@given(st.text(), st.sampled_from(["10.0.0.1", "198.51.100.7"]))
def test_whatever_is_sent_an_address_comes_out(forwarded: str, peer: str) -> None:
    """It goes into logs and keys: always a parseable address, never a part of what was sent."""
    found = client(peer, forwarded)
    assert found is not None
    ipaddress.ip_address(found)


def test_the_repr_says_who_is_trusted() -> None:
    """The debugging interface."""
    assert repr(ClientAddresses(("10.0.0.0/8", "unix"))) == (
        "<ClientAddresses trusting 10.0.0.0/8, unix>"
    )
