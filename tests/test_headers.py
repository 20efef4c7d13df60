"""What a proxy does to header fields."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.headers import end_to_end, framed, received_fields, rewritten, varied, with_host

_NAMES = st.text("abcdefghXYZ-", min_size=1, max_size=12).map(lambda s: "X" + s)
_VALUES = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"))
_FIELDS = st.lists(st.tuples(_NAMES, _VALUES))


@given(_FIELDS)
def test_end_to_end_fields_pass_in_order_and_with_repeats(fields: list[tuple[str, str]]) -> None:
    """Nothing that is not hop-by-hop is lost, changed, joined or reordered."""
    hops = [("Connection", "keep-alive"), ("Keep-Alive", "5"), ("TE", "trailers")]
    assert end_to_end([*hops[:1], *fields, *hops[1:]]) == fields


def test_fields_named_in_connection_are_removed() -> None:
    """RFC 9110 section 7.6.1, whatever the case, in however many Connection fields."""
    sent = [
        ("X-Hop", "1"),
        ("connection", "x-hop , Close"),
        ("Connection", "X-Two"),
        ("X-Two", "2"),
    ]
    assert end_to_end([*sent, ("X-End", "3")]) == [("X-End", "3")]


@pytest.mark.parametrize("name", ["Host", "Content-Length"])
def test_connection_cannot_remove_what_an_upstream_relies_on(name: str) -> None:
    """A client that names Host in Connection does not strip it."""
    assert (name, "v") in end_to_end([(name, "v"), ("Connection", name)])


@pytest.mark.parametrize(
    "name",
    ["Trailer", "Proxy-Connection", "HTTP2-Settings", "Transfer-Encoding", "Upgrade", "Keep-Alive"],
)
def test_hop_by_hop_fields_need_not_be_named(name: str) -> None:
    """They are about one connection by definition."""
    assert end_to_end([(name, "x")]) == []


def test_content_length_is_set_in_its_old_place() -> None:
    """One field, with the size of the buffer."""
    sent = [("A", "1"), ("content-length", "999"), ("B", "2")]
    expected = [("A", "1"), ("content-length", "3"), ("B", "2")]
    assert framed(sent, b"abc", had_body=True) == expected


def test_a_chunked_body_gets_a_content_length() -> None:
    """Transfer-Encoding is gone by then; the buffer's size takes its place."""
    assert framed([("A", "1")], b"abc", had_body=True) == [("A", "1"), ("Content-Length", "3")]


def test_no_content_length_is_invented_for_a_request_without_a_body() -> None:
    """RFC 9110 section 8.6: a GET without one stays without one."""
    assert framed([("A", "1")], b"", had_body=False) == [("A", "1")]


def test_an_announced_empty_body_stays_announced() -> None:
    """Content-Length: 0 is not the same as none."""
    assert framed([("Content-Length", "0")], b"", had_body=True) == [("Content-Length", "0")]


@pytest.mark.parametrize(
    ("rule", "sent", "expected"),
    [
        ("keep", [("Host", "client.test")], "client.test"),
        ("keep", [], "up.test:81"),
        ("upstream", [("Host", "client.test")], "up.test:81"),
        ("literal.test", [("Host", "client.test")], "literal.test"),
    ],
    ids=["keep", "keep-none", "upstream", "literal"],
)
def test_host_follows_its_rule(rule: str, sent: list[tuple[str, str]], expected: str) -> None:
    """The client's, the upstream's or a literal; never with a suffix, never two."""
    hosts = [v for n, v in with_host(sent, rule, "up.test:81") if n == "Host"]
    assert hosts == [expected]


def test_rewriting_replaces_every_repeat_and_removes_by_any_case() -> None:
    """So that credentials can be swapped for good."""
    sent = [("Authorization", "live"), ("authorization", "two"), ("Cookie", "c"), ("A", "1")]
    assert rewritten(sent, {"Authorization": "shadow"}, ["COOKIE"]) == [
        ("A", "1"),
        ("Authorization", "shadow"),
    ]


def test_fields_come_from_environ_where_the_server_kept_no_list() -> None:
    """Content-Type and Content-Length have names of their own there."""
    environ = {
        "HTTP_X_A": "1",
        "CONTENT_TYPE": "text/plain",
        "CONTENT_LENGTH": "",
        "REQUEST_METHOD": "GET",
    }
    assert received_fields(environ) == (("X-A", "1"), ("Content-Type", "text/plain"))


def test_the_list_that_the_worker_kept_is_preferred() -> None:
    """It has the repeats that environ joins."""
    kept = [("X-A", "1"), ("X-A", "2")]
    assert received_fields({"HTTP_X_A": "1,2", "gateway.fields": kept}) == tuple(kept)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param([], [("Vary", "Accept-Encoding")], id="none"),
        pytest.param([("vary", "Origin")], [("vary", "Origin, Accept-Encoding")], id="others"),
        pytest.param([("Vary", "*")], [("Vary", "*")], id="everything"),
        pytest.param(
            [("Vary", "Origin, accept-encoding")], [("Vary", "Origin, accept-encoding")], id="there"
        ),
        pytest.param(
            [("Vary", "A"), ("Vary", "B")],
            [("Vary", "A"), ("Vary", "B, Accept-Encoding")],
            id="repeated",
        ),
        pytest.param(
            [("Vary", "X-Accept-Encoding")],
            [("Vary", "X-Accept-Encoding, Accept-Encoding")],
            id="similar",
        ),
    ],
)
def test_vary_names_what_the_answer_varies_by(
    before: list[tuple[str, str]], after: list[tuple[str, str]]
) -> None:
    """Once, beside what is there."""
    assert varied(before, "Accept-Encoding") == after
