"""What requests are counted by."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.exchange import Exchange
from gateway.ratelimit.keys import key_by, network


def key(by: str, *, identity: str | None = None, route: str | None = None, **environ: str) -> bytes:
    exchange = Exchange("id", 0.0)
    exchange.identity, exchange.route = identity, route
    return key_by(by)(environ, exchange)


SAME = {
    "one-64": ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff"),
    "spelling": ("2001:DB8:0:0::1", "2001:db8::1"),
    "mapped-ipv4": ("::ffff:192.0.2.7", "192.0.2.7"),
    "zone": ("fe80::1%eth0", "fe80::2%eth1"),
}
OTHERS = {
    "other-64": ("2001:db8:1:2::1", "2001:db8:1:3::1"),
    "ipv4": ("192.0.2.7", "192.0.2.8"),
    "two-mapped": ("::ffff:192.0.2.7", "::ffff:192.0.2.8"),
    "none": ("", "192.0.2.7"),
    "no-addresses": ("one:1", "two:2"),
}


@pytest.mark.parametrize(("one", "other"), SAME.values(), ids=SAME)
def test_addresses_that_count_together(one: str, other: str) -> None:
    """One subscriber, however it is written."""
    assert network(one) == network(other)


@pytest.mark.parametrize(("one", "other"), OTHERS.values(), ids=OTHERS)
def test_addresses_that_count_apart(one: str, other: str) -> None:
    """Different subscribers."""
    assert network(one) != network(other)


def test_the_found_address_goes_before_the_peers() -> None:
    """Behind a trusted proxy the peer is the proxy."""
    exchange = Exchange("id", 0.0)
    exchange.client = "192.0.2.7"
    found = key_by("address")({"REMOTE_ADDR": "10.0.0.1"}, exchange)
    assert found == key("address", REMOTE_ADDR="192.0.2.7")


def test_identity_goes_before_the_address_where_there_is_one() -> None:
    """And nobody can take an address for a name."""
    known = key("identity", identity="ann", REMOTE_ADDR="192.0.2.7")
    assert known == key("identity", identity="ann", REMOTE_ADDR="192.0.2.8")
    unknown = key("identity", REMOTE_ADDR="192.0.2.7")
    assert unknown not in {known, key("identity", REMOTE_ADDR="192.0.2.8")}
    assert unknown != key("identity", identity="192.0.2.7", REMOTE_ADDR="")
    assert known != key("identity", REMOTE_ADDR="iann")


def test_requests_without_the_field_count_as_one() -> None:
    """Leaving it out is no way around."""
    one = key("header:X-Tenant", HTTP_X_TENANT="a", REMOTE_ADDR="192.0.2.7")
    assert one == key("header:x-tenant", HTTP_X_TENANT="a", REMOTE_ADDR="192.0.2.8")
    assert one != key("header:X-Tenant", HTTP_X_TENANT="b")
    assert key("header:X-Tenant", REMOTE_ADDR="192.0.2.7") == key("header:X-Tenant")


def test_routes_count_apart() -> None:
    """All clients of one together."""
    assert key("route", route="a", REMOTE_ADDR="1") == key("route", route="a", REMOTE_ADDR="2")
    assert key("route", route="a") != key("route", route="b")


@given(st.text(), st.sampled_from(["address", "identity", "header:X"]))
def test_any_text_has_a_key(text: str, by: str) -> None:
    """Also what is no address, and what no encoding has."""
    assert isinstance(key(by, identity=text, REMOTE_ADDR=text, HTTP_X=text), bytes)
    assert isinstance(key("address", REMOTE_ADDR="\ud800:" + text), bytes)
