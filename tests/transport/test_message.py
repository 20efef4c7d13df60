from __future__ import annotations

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from gateway.transport import Origin, OutboundRequest, serialize_head

ORIGIN = Origin.parse("http://live:8080/base")


def build(
    method: str = "GET",
    target: str = "/",
    fields: tuple[tuple[str, str], ...] = (),
    body: bytes = b"",
) -> OutboundRequest:
    return OutboundRequest(method, ORIGIN, target, fields, body)


@pytest.mark.parametrize(
    "target",
    [
        "/a%2Fb//c;x?q=1&q=2&r=%00",
        "/?",
        "/",
        "*",
        "/%2e%2e/%zz",
        "//other/",
        "/\xc3\xa9",  # the two bytes of a raw UTF-8 é
        '/"<>\\^`{|}',
    ],
)
def test_targets_go_out_as_they_are(target: str) -> None:
    """Nothing is quoted, joined or normalised on the request line."""
    head = serialize_head(build(target=target))
    assert head == b"GET " + target.encode("latin-1") + b" HTTP/1.1\r\n\r\n"


def test_fields_go_out_verbatim_and_in_order() -> None:
    """Order, repeats, casing, empty and non-ASCII values are the caller's."""
    fields = (("hOst", "x"), ("B", "2"), ("A", ""), ("B", "\xff é"), ("C", " \t a  b "))
    head = serialize_head(build("PROPFIND", fields=fields))
    assert (
        head
        == b"PROPFIND / HTTP/1.1\r\nhOst: x\r\nB: 2\r\nA: \r\nB: \xff \xe9\r\nC:  \t a  b \r\n\r\n"
    )


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"method": "GET /x HTTP/1.1\r\n"}, id="line in the method"),
        pytest.param({"method": ""}, id="no method"),
        pytest.param({"method": "CONNECT"}, id="a tunnel"),
        pytest.param({"target": ""}, id="no target"),
        pytest.param({"target": "/ x"}, id="space"),
        pytest.param({"target": "/\r\nX: y"}, id="CR LF in the target"),
        pytest.param({"target": "/\x00"}, id="NUL in the target"),
        pytest.param({"target": "/\x7f"}, id="DEL in the target"),
        pytest.param({"target": "/\t"}, id="tab in the target"),
        pytest.param({"target": "http://other/"}, id="absolute-form"),
        pytest.param({"target": "@other/"}, id="would change the host"),
        pytest.param({"target": "**"}, id="not quite asterisk-form"),
        pytest.param({"target": "/\u20ac"}, id="target not latin-1"),
        pytest.param({"fields": (("A", "b\r\nC: d"),)}, id="a value with a line"),
        pytest.param({"fields": (("A", "b\nC: d"),)}, id="LF in a value"),
        pytest.param({"fields": (("A", "b\rC: d"),)}, id="CR in a value"),
        pytest.param({"fields": (("A", "b\x00"),)}, id="NUL in a value"),
        pytest.param({"fields": (("A", "b\r\n"),)}, id="a line end at the end"),
        pytest.param({"fields": (("A\r\nB", "c"),)}, id="CR LF in a name"),
        pytest.param({"fields": (("A: b\r\nC", "c"),)}, id="a whole field in a name"),
        pytest.param({"fields": (("Content-Length ", "1"),)}, id="space after a name"),
        pytest.param({"fields": (("", "x"),)}, id="no name"),
        pytest.param({"fields": (("A", "\u20ac"),)}, id="value not latin-1"),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(changed: dict[str, object]) -> None:
    """A request that exists can be sent: the rest raises ValueError when it is made."""
    with pytest.raises(ValueError):  # noqa: PT011 (several, all requests' own)
        build(**changed)  # type: ignore[arg-type]


@given(
    st.text(max_size=8),
    st.lists(st.tuples(st.text(min_size=1, max_size=6), st.text(max_size=12)), max_size=4),
)
def test_a_head_has_exactly_the_lines_it_was_given(
    path: str, fields: list[tuple[str, str]]
) -> None:
    """Whatever text comes, it is refused or takes up one line, its own."""
    try:
        head = serialize_head(build(target="/" + path, fields=tuple(fields)))
    except ValueError:
        return
    lines = head.split(b"\r\n")
    assert lines[0] == b"GET /" + path.encode("latin-1") + b" HTTP/1.1"
    assert lines[1:] == [f"{n}: {v}".encode("latin-1") for n, v in fields] + [b"", b""]
    assert head.count(b"\n") == head.count(b"\r") == len(fields) + 2


def test_requests_sees_what_it_needs() -> None:
    """url, path_url, headers with their repeats, body and hooks are there."""
    fields = (("Host", "h"), ("X", "1"), ("x", "2"))
    request = build("POST", "/base/a?b", fields, b"body")
    assert isinstance(request, requests.PreparedRequest)
    assert (request.url, request.path_url) == ("http://live:8080/base/a?b", "/base/a?b")
    assert list(request.headers.iteritems()) == [("Host", "h"), ("X", "1"), ("X", "2")]
    assert request.headers["x"] == "1, 2"
    assert (request.body, request.hooks) == (b"body", {"response": []})
    assert repr(request) == "<OutboundRequest POST http://live:8080/base/a?b>"


def test_asterisk_form_still_has_a_url() -> None:
    """OPTIONS * goes out as *, and its URL finds the adapter."""
    request = build("OPTIONS", "*")
    assert serialize_head(request).startswith(b"OPTIONS * HTTP/1.1\r\n")
    assert request.url == "http://live:8080/*"


def test_no_body_is_none_for_stock_adapters() -> None:
    """A stock adapter would send b"" without Content-Length as a chunked body."""
    assert build(body=b"").body is None
