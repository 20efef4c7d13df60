"""What may be refused without being read: exactly one plain request, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.server.glance import one_plain_request
from tests.server.test_reader import reader as make_reader

NAMES = st.sampled_from(["X-A", "Accept", "Content-Type", "X-Content-Length", "Cookie"])
VALUES = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=20)
TARGETS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=30)


def request(line: str = "GET /a HTTP/1.1", fields: str = "Host: a\r\n", body: bytes = b"") -> bytes:
    return f"{line}\r\n{fields}\r\n".encode("latin-1") + body


@given(
    st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]),
    TARGETS,
    st.dictionaries(NAMES, VALUES, max_size=5),
    st.binary(max_size=50),
)
def test_what_is_one_request_is_the_one_the_parser_reads(
    method: str, target: str, fields: dict[str, str], body: bytes
) -> None:
    """Same method, same target, and not a byte left over."""
    lines = "Host: a\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    data = request(f"{method} /{target} HTTP/1.1", f"{lines}Content-Length: {len(body)}\r\n", body)
    assert one_plain_request(data) == (method, f"/{target}")
    reader = make_reader()
    assert reader.feed(data)
    assert (reader.request.method, reader.request.uri) == (method, f"/{target}")
    reader.drop()
    assert reader.idle


@given(st.binary(max_size=30), st.integers(0, 80))
def test_a_byte_more_or_less_is_not_one_request(more: bytes, cut: int) -> None:
    """What is incomplete, or followed by something, is the parser's."""
    data = request("POST /a HTTP/1.1", "Content-Length: 9\r\n", b"123456789")
    assert one_plain_request(data[:cut] if cut < len(data) else data + b"x") is None
    assert one_plain_request(data + more) == (None if more else ("POST", "/a"))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(request("HEAD /a HTTP/1.1"), id="an answer without a body"),
        pytest.param(request("GET /a HTTP/1.0"), id="a connection that ends"),
        pytest.param(request("GET /a b HTTP/1.1"), id="no target"),
        pytest.param(request("GET /\x80 HTTP/1.1"), id="bytes beyond ASCII"),
        pytest.param(request("BREW /a HTTP/1.1"), id="another method"),
        pytest.param(request(fields="Transfer-Encoding: chunked\r\n"), id="chunked"),
        pytest.param(request(fields="TRANSFER-encoding: gzip\r\n"), id="another coding"),
        pytest.param(request(fields="Connection: close\r\n"), id="what ends the connection"),
        pytest.param(request(fields="Expect: 100-continue\r\n"), id="who waits for us"),
        pytest.param(request(fields="Upgrade: h2c\r\n"), id="an upgrade"),
        pytest.param(
            request(fields="Content-Length: 0\r\ncontent-length: 0\r\n"), id="two lengths"
        ),
        pytest.param(request(fields="Content-Length: +0\r\n"), id="a signed length"),
        pytest.param(request(fields="Content-Length: 0, 0\r\n"), id="a list of lengths"),
        pytest.param(request(fields="Content-Length: \r\n"), id="no length"),
        pytest.param(request(fields="Content-Length: ²\r\n", body=b"12"), id="not a digit"),
    ],
)
def test_what_is_unusual_is_left_to_the_parser(data: bytes) -> None:
    """Whatever could mean something else to somebody else."""
    assert one_plain_request(data) is None
