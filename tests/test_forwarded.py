"""What upstreams are told of the client."""

from __future__ import annotations

from gateway.forwarded import Client, Tell, forwarded

CLIENT = Client("192.0.2.7", "http", "h.test")


def test_nothing_is_added_by_default() -> None:
    """No X-Forwarded-* unless a setting asks for it."""
    assert forwarded([("A", "1")], Tell("off", "append"), CLIENT) == [("A", "1")]


def test_x_forwarded_for_is_appended_to_what_earlier_proxies_said() -> None:
    """In one field, this hop last; proto and host as the first proxy saw them."""
    sent = [("X-Forwarded-For", "198.51.100.1"), ("X-Forwarded-Proto", "https")]
    assert forwarded(sent, Tell("x-forwarded", "append"), CLIENT) == [
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-For", "198.51.100.1, 192.0.2.7"),
        ("X-Forwarded-Host", "h.test"),
    ]


def test_replacing_believes_nothing_the_client_sent() -> None:
    """At the edge of the network."""
    sent = [("x-forwarded-for", "spoofed"), ("X-Forwarded-Host", "spoofed")]
    assert dict(forwarded(sent, Tell("x-forwarded", "replace"), CLIENT)) == {
        "X-Forwarded-For": "192.0.2.7",
        "X-Forwarded-Proto": "http",
        "X-Forwarded-Host": "h.test",
    }


def test_forwarded_follows_rfc_7239() -> None:
    """IPv6 addresses are quoted and in brackets."""
    sent = [("Forwarded", "for=198.51.100.1")]
    client = CLIENT._replace(address="2001:db8::1")
    assert forwarded(sent, Tell("forwarded", "append"), client) == [
        ("Forwarded", 'for=198.51.100.1, for="[2001:db8::1]";proto=http;host="h.test"')
    ]


def test_a_client_cannot_say_more_than_its_host_in_forwarded() -> None:
    """It chooses its Host, and a quote in it must not end the value."""
    client = CLIENT._replace(host='a";for=6.6.6.6;x="\\')
    ((_, value),) = forwarded([], Tell("forwarded", "replace"), client)
    assert value == r'for=192.0.2.7;proto=http;host="a\";for=6.6.6.6;x=\"\\"'


def test_no_address_is_unknown() -> None:
    """As on a Unix socket."""
    ((_, value),) = forwarded([], Tell("forwarded", "replace"), Client("", "https", ""))
    assert value == "for=unknown;proto=https"
