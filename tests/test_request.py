"""The body is read once."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadRequest, BodyTooLarge, LengthRequired
from gateway.request import BufferedRequest

LIMIT = 100


class CountingStream:
    """A server's stream: counts what is read, and gives at most ``most`` bytes at a time."""

    def __init__(self, data: bytes, most: int = 1 << 30) -> None:
        self._data = io.BytesIO(data)
        self._most = most
        self.bytes_read = 0

    def read(self, size: int = -1) -> bytes:
        size = self._most if size < 0 else min(size, self._most)
        data = self._data.read(size)
        self.bytes_read += len(data)
        return data


def environ(stream: Any, **changes: Any) -> dict[str, Any]:
    return {
        "REQUEST_METHOD": "POST",
        "RAW_URI": "/x",
        "PATH_INFO": "/x",
        "SERVER_NAME": "gateway.test",
        "SERVER_PORT": "80",
        "wsgi.url_scheme": "http",
        "wsgi.input": stream,
        **changes,
    }


@given(st.binary(max_size=LIMIT), st.integers(1, 50))
def test_each_consumer_has_its_own_reader_and_the_stream_is_read_once(
    body: bytes, most: int
) -> None:
    """However many ask, and however little the server gives at a time."""
    stream = CountingStream(body, most)
    sent = environ(stream, CONTENT_LENGTH=str(len(body)))
    first = BufferedRequest.of(sent, LIMIT)
    second = BufferedRequest.of(sent, LIMIT)
    readers = [first.reader(), second.reader(), sent["wsgi.input"], first.stream]
    assert [reader.read() for reader in readers] == [body] * 4
    assert stream.bytes_read == len(body)
    assert first.body is second.body


def test_the_servers_stream_is_not_handed_on() -> None:
    """Neither in environ nor through the request."""
    stream = CountingStream(b"abc")
    sent = environ(stream, CONTENT_LENGTH="3")
    request = BufferedRequest.of(sent, LIMIT)
    assert sent["wsgi.input"] is not stream
    assert request.environ["wsgi.input"] is not stream


@pytest.mark.parametrize("size", [LIMIT, LIMIT - 1, 1, 0])
def test_a_body_up_to_the_limit_is_taken(size: int) -> None:
    """The limit itself included."""
    sent = environ(CountingStream(b"x" * size), CONTENT_LENGTH=str(size))
    assert BufferedRequest.of(sent, LIMIT).body == b"x" * size


def test_a_larger_body_is_refused_before_a_byte_of_it_is_read() -> None:
    """Its Content-Length is enough to know."""
    stream = CountingStream(b"x" * (LIMIT + 1))
    with pytest.raises(BodyTooLarge):
        BufferedRequest.of(environ(stream, CONTENT_LENGTH=str(LIMIT + 1)), LIMIT)
    assert stream.bytes_read == 0


def chunked(data: bytes, **changes: Any) -> dict[str, Any]:
    # The server has removed the chunk framing by the time we read.
    changes = {"wsgi.input_terminated": True, **changes}
    return environ(CountingStream(data, 7), HTTP_TRANSFER_ENCODING="chunked", **changes)


@pytest.mark.parametrize("size", [LIMIT, 8, 1, 0])
def test_a_chunked_body_is_read_to_its_end(size: int) -> None:
    """And its length is known afterwards."""
    request = BufferedRequest.of(chunked(b"y" * size), LIMIT)
    assert request.body == b"y" * size
    assert request.had_body
    assert request.content_length == size


def test_a_chunked_body_over_the_limit_is_refused_as_soon_as_it_is() -> None:
    """An endless one is not read on."""
    sent = chunked(b"y" * LIMIT * 10)
    stream = sent["wsgi.input"]
    with pytest.raises(BodyTooLarge):
        BufferedRequest.of(sent, LIMIT)
    assert stream.bytes_read == LIMIT + 1


def test_a_chunked_body_needs_a_server_that_can_say_where_it_ends() -> None:
    """Else reading on could take the next request's bytes."""
    with pytest.raises(LengthRequired):
        BufferedRequest.of(chunked(b"y", **{"wsgi.input_terminated": False}), LIMIT)


def test_a_short_body_is_refused() -> None:
    """gunicorn reports no error; forwarding it would be forwarding a lie."""
    with pytest.raises(BadRequest, match="2 of 5 bytes"):
        BufferedRequest.of(environ(CountingStream(b"ab"), CONTENT_LENGTH="5"), LIMIT)


@pytest.mark.parametrize("length", ["-1", "+1", "1_0", "²", "0x1", " 1", "1,1"])
def test_a_content_length_that_is_no_number_is_refused(length: str) -> None:
    """RFC 9110 section 8.6: digits only."""
    with pytest.raises(BadRequest):
        BufferedRequest.of(environ(CountingStream(b"a"), CONTENT_LENGTH=length), LIMIT)


def test_an_error_of_the_stream_is_the_clients_fault() -> None:
    """Reset, or broken chunk framing."""

    class Broken:
        def read(self, size: int) -> bytes:
            raise ConnectionResetError

    with pytest.raises(BadRequest) as caught:
        BufferedRequest.of(environ(Broken(), CONTENT_LENGTH="1"), LIMIT)
    assert isinstance(caught.value.__cause__, ConnectionResetError)


def test_a_request_without_a_body_leaves_the_stream_alone() -> None:
    """Reading it could wait for ever."""

    class Untouchable:
        def read(self, size: int) -> bytes:
            raise AssertionError("read")

    request = BufferedRequest.of(environ(Untouchable()), LIMIT)
    assert (request.body, request.had_body) == (b"", False)


@pytest.mark.parametrize("value", ["a\r\n b", "a\nX: y", "a\0b", "a\x7f"])
def test_a_field_with_a_control_character_is_refused(value: str) -> None:
    """Some parsers let folded lines pass as they are."""
    with pytest.raises(BadRequest):
        BufferedRequest.of(environ(CountingStream(b""), HTTP_X=value), LIMIT)
