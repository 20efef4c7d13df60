"""A body taken once from the server: what the copy gets, and what the application reads."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.embedded.body import Body, take_body
from gateway.shadow.outcome import Outcome


class Stream:
    """A server's stream: ``read`` gives at most ``most`` at once, and may break."""

    def __init__(self, data: bytes, most: int = 1 << 20, error: Exception | None = None) -> None:
        self._data = io.BytesIO(data)
        self._most = most
        self._error = error
        self.calls = 0

    def _part(self, part: bytes, size: int) -> bytes:
        self.calls += 1
        if not part and size and self._error is not None:
            raise self._error
        return part

    def read(self, size: int = -1) -> bytes:
        size = self._most if size < 0 else min(size, self._most)
        return self._part(self._data.read(size), size)

    def readline(self, size: int = -1) -> bytes:
        return self._part(self._data.readline(size), size)


def environ(stream: Any, length: str | None = None, **changes: Any) -> dict[str, Any]:
    sent = {"wsgi.input": stream, **changes}
    if length is not None:
        sent["CONTENT_LENGTH"] = length
    return sent


CHUNKED = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}


@pytest.mark.parametrize(
    ("length", "changes", "had_body"),
    [
        pytest.param("6", {}, True, id="by its length"),
        pytest.param(None, CHUNKED, True, id="chunked"),
        pytest.param("", CHUNKED, True, id="chunked with an empty length"),
        pytest.param(None, {"wsgi.input_terminated": True}, True, id="not announced, but there"),
    ],
)
def test_a_body_is_read_to_its_end_once(
    length: str | None, changes: dict[str, Any], had_body: bool
) -> None:
    """However the server says where that is, and however little it gives at once."""
    sent = environ(Stream(b"a\nb\ncd", most=4), length, **changes)
    before = {k: v for k, v in sent.items() if k != "wsgi.input"}
    assert take_body(sent, 10) == Body(b"a\nb\ncd", had_body)
    assert {k: v for k, v in sent.items() if k != "wsgi.input"} == before
    reader = sent["wsgi.input"]
    assert (reader.read(1), reader.readline(), list(reader)) == (b"a", b"\n", [b"b\n", b"cd"])
    reader.seek(0)
    assert reader.readlines() == [b"a\n", b"b\n", b"cd"]


@pytest.mark.parametrize(
    ("length", "changes", "taken"),
    [
        pytest.param(None, {}, Body(b"", False), id="no body"),
        pytest.param("", {}, Body(b"", False), id="empty length"),
        pytest.param("0", {}, Body(b"", True), id="zero"),
        pytest.param("11", {}, Outcome.SKIPPED_TOO_LARGE, id="over the limit"),
        pytest.param("9" * 30, {}, Outcome.SKIPPED_TOO_LARGE, id="far over the limit"),
        pytest.param("-1", {}, Outcome.SKIPPED_UNREADABLE, id="negative"),
        pytest.param("²", {}, Outcome.SKIPPED_UNREADABLE, id="not a number"),
        pytest.param(
            None,
            {"HTTP_TRANSFER_ENCODING": "chunked"},
            Outcome.SKIPPED_UNREADABLE,
            id="chunked, and the server promises no end",
        ),
    ],
)
def test_what_cannot_or_need_not_be_read_is_not_touched(
    length: str | None, changes: dict[str, Any], taken: Any
) -> None:
    """The application gets the server's own stream, of which nothing was read."""
    stream = Stream(b"abc")
    sent = environ(stream, length, **changes)
    assert take_body(sent, 10) == taken
    assert sent["wsgi.input"] is stream
    assert stream.calls == 0


def test_a_chunked_body_over_the_limit_goes_on_where_we_stopped() -> None:
    """Of 2 GB no more than the limit and a byte was ever here."""
    stream = Stream(b"0123456789" * 3)
    sent = environ(stream, **CHUNKED)
    assert take_body(sent, 4) is Outcome.SKIPPED_TOO_LARGE
    assert stream._data.tell() == 5
    assert sent["wsgi.input"].read() == b"0123456789" * 3


@pytest.mark.parametrize(
    ("sent", "limit"),
    [
        pytest.param(environ(None, "9"), 10, id="sized"),
        pytest.param(environ(None, None, **CHUNKED), 10, id="chunked"),
    ],
)
def test_what_breaks_off_breaks_off_for_the_application_too(
    sent: dict[str, Any], limit: int
) -> None:
    """At the same byte, with the same error, as often as it asks."""
    error = OSError("request data read error")
    environ = {**sent, "wsgi.input": Stream(b"ab\ncd", error=error)}
    assert take_body(environ, limit) is Outcome.SKIPPED_ABANDONED
    reader = environ["wsgi.input"]
    assert reader.read(5) == b"ab\ncd"
    for _ in range(2):
        with pytest.raises(OSError, match="read error") as raised:
            reader.read(1)
        assert raised.value is error


def test_a_short_body_is_short_for_the_application_and_is_not_mirrored() -> None:
    """To forward it would be to forward a lie."""
    sent = environ(Stream(b"abc"), "9")
    assert take_body(sent, 10) is Outcome.SKIPPED_ABANDONED
    assert (sent["wsgi.input"].read(9), sent["wsgi.input"].read(9)) == (b"abc", b"")


SIZES = st.one_of(st.none(), st.integers(-1, 12))
CALLS = st.lists(st.tuples(st.sampled_from(["read", "readline", "readlines"]), SIZES), max_size=8)


@given(st.text("ab\n", max_size=40), st.integers(0, 12), CALLS)
def test_a_chained_stream_reads_like_the_whole(text: str, limit: int, calls: Any) -> None:
    """Whatever is asked of it in whatever order: as ``io.BytesIO`` over all of it."""
    data = text.encode()
    sent = environ(io.BytesIO(data), **CHUNKED)
    take_body(sent, limit)
    whole = io.BytesIO(data)
    for method, size in calls:
        got = getattr(sent["wsgi.input"], method)(size)
        assert got == getattr(whole, method)(size), (method, size)
    assert list(sent["wsgi.input"]) == list(whole)
