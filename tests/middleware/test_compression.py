"""Answers are encoded as they stream, around any application."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from typing import Any
from wsgiref.validate import validator

import brotli
import flask
import pytest
from backports import zstd

from gateway.middleware.compression import Compression, ShortAnswer
from gateway.routes import RouteTable
from gateway.settings.compression import Compression as Config
from tests.middleware.wsgi import Answer, Got, call, environ
from tests.test_encoders import decoder

TEXT = b"a line of a report, much like the others\n" * 100
DECODE = {"gzip": gzip.decompress, "br": brotli.decompress, "zstd": zstd.decompress}
ALL = Config(codings=("zstd", "br", "gzip"))


def around(app: Any, config: Config | None = ALL) -> Compression:
    return Compression(app, RouteTable((), config))


def answering(
    body: Any = (TEXT,), status: str = "200 OK", length: int | None = None, **fields: str
) -> Any:
    """An application that always answers this."""

    def app(environ: Any, start_response: Any) -> Any:
        said = {"Content-Type": "text/plain", **fields}
        if length is not None:
            said["Content-Length"] = str(length)
        start_response(status, [(k.replace("_", "-"), v) for k, v in said.items()])
        return body

    return app


@pytest.fixture
def reports() -> flask.Flask:
    """An application of somebody else's."""
    app = flask.Flask("reports")

    @app.get("/report")
    def report() -> flask.Response:
        answer = flask.Response(TEXT, mimetype="text/plain")
        answer.set_etag("1")
        return answer.make_conditional(flask.request)

    @app.get("/stream")
    def stream() -> flask.Response:
        return flask.Response((b"%d\n" % n for n in range(3)), mimetype="text/plain")

    return app


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd"])
def test_a_flask_application_is_encoded_for_who_asks(reports: flask.Flask, coding: str) -> None:
    """Decoded it is the same, its length is that of what was sent, its validator is weak."""
    got = call(validator(around(reports)), target="/report", HTTP_ACCEPT_ENCODING=coding)
    assert got.value("Content-Encoding") == coding
    assert DECODE[coding](got.body) == TEXT
    assert got.value("Content-Length") == str(len(got.body))
    assert got.value("ETag") == 'W/"1"'
    assert got.value("Vary") == "Accept-Encoding"
    assert len(got.body) < len(TEXT) / 4


def test_who_does_not_ask_gets_the_same_bytes(reports: flask.Flask) -> None:
    """And caches are told that others may get others."""
    plain = call(reports, target="/report")
    got = call(around(reports), target="/report")
    assert got.body == TEXT
    assert got.fields == [*plain.fields, ("Vary", "Accept-Encoding")]


def test_a_client_that_has_the_encoded_answer_is_told_so_by_the_same_validator(
    reports: flask.Flask,
) -> None:
    """304 has the ETag that the 200 had."""
    app = around(reports)
    for etag in ('W/"1"', '"1"'):
        got = call(app, target="/report", HTTP_ACCEPT_ENCODING="gzip", HTTP_IF_NONE_MATCH=etag)
        assert got.status.startswith("304")
        assert (got.body, got.value("ETag")) == (b"", etag)
        assert got.value("Content-Encoding") is None


def test_head_tells_what_get_would() -> None:
    """But for the length, which only encoding would show."""
    app = around(answering(length=len(TEXT), ETag='"1"', Accept_Ranges="bytes"))
    get = call(app, HTTP_ACCEPT_ENCODING="gzip")
    head = call(
        around(answering([], length=len(TEXT), ETag='"1"')), "HEAD", HTTP_ACCEPT_ENCODING="gzip"
    )
    assert head.fields == [field for field in get.fields if field[0] != "Content-Length"]
    assert head.body == b""


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd"])
def test_a_stream_is_passed_on_part_by_part(coding: str) -> None:
    """A client can decode each part when it comes, before the next one is there."""
    decode = decoder(coding)
    made: list[bytes] = []

    def slowly() -> Iterator[bytes]:
        for part in (b"", b"one", b"", b"two" * 20_000, b"three"):
            made.append(part)
            yield part

    got = Got()
    answer = around(answering(slowly()))(environ(HTTP_ACCEPT_ENCODING=coding), got.start)
    decoded = b""
    for part in answer:
        assert got.starts == 1, "the head goes out with the first part, even an empty one"
        decoded += decode(part) if part else b""
        assert decoded == b"".join(made)
    assert got.value("Content-Length") is None
    assert decoded == b"one" + b"two" * 20_000 + b"three"


_UNTOUCHED: list[tuple[str, Any, dict[str, str]]] = [
    ("encoded", answering(Content_Encoding="br"), {}),
    ("no-transform", answering(Cache_Control="no-transform"), {}),
    ("range", answering(status="206 Partial Content", Content_Range="bytes 0-1/9"), {}),
    ("event-stream", answering(Content_Type="text/event-stream"), {}),
    ("image", answering(Content_Type="image/png"), {}),
    ("short", answering([b"ok"], length=2), {}),
    ("digest", answering(Content_Digest="sha-256=:x:"), {}),
    ("no-content", answering([], status="204 No Content"), {}),
]


@pytest.mark.parametrize("app", [row[1] for row in _UNTOUCHED], ids=[row[0] for row in _UNTOUCHED])
def test_what_must_not_be_encoded_passes_untouched(app: Any) -> None:
    """Status, fields and bytes; the application's own iterable goes to the server."""
    plain, got = Got(), Got()
    expected = app(environ(), plain.start)
    answer = around(app)(environ(HTTP_ACCEPT_ENCODING="gzip"), got.start)
    assert answer is expected
    assert (got.status, got.fields) == (plain.status, plain.fields)


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"HTTP_ACCEPT_ENCODING": "gzip;q=0"},
        {"HTTP_ACCEPT_ENCODING": "identity"},
        {"HTTP_ACCEPT_ENCODING": "gzip", "HTTP_RANGE": "bytes=0-9"},
        {"HTTP_ACCEPT_ENCODING": "gzip", "HTTP_CACHE_CONTROL": "no-transform"},
    ],
    ids=["nothing", "refused", "identity", "range", "no-transform"],
)
def test_who_must_not_get_it_encoded_gets_it_plain(asked: dict[str, str]) -> None:
    """Others do, so the answer varies."""
    got = call(around(answering()), **asked)
    assert got.body == TEXT
    assert got.fields == [("Content-Type", "text/plain"), ("Vary", "Accept-Encoding")]


@pytest.mark.parametrize("config", [None, Config(enabled=False), Config(codings=())])
def test_switched_off_nothing_is_touched(config: Config | None) -> None:
    """For a route, or in general."""
    on_elsewhere = RouteTable([("/off", (), config)], ALL)
    got = call(Compression(answering(), on_elsewhere), target="/off/x", HTTP_ACCEPT_ENCODING="gzip")
    assert got.fields == [("Content-Type", "text/plain")]
    got = call(Compression(answering(), on_elsewhere), target="/on", HTTP_ACCEPT_ENCODING="gzip")
    assert got.value("Content-Encoding") == "gzip"


def test_an_application_that_raises_midway_does_not_end_well() -> None:
    """The error goes on, the frame has no end, and the answer is closed once."""
    body = Answer([b"one", ValueError("broke off")])
    got = Got()
    answer = around(answering(body))(environ(HTTP_ACCEPT_ENCODING="gzip"), got.start)
    with pytest.raises(ValueError, match="broke off"):
        got.parts += answer
    answer.close()  # type: ignore[attr-defined]
    assert body.closed == 1
    with pytest.raises(EOFError):
        gzip.decompress(b"".join(got.parts))


def test_an_application_that_raises_at_once_leaves_the_answer_open() -> None:
    """No head has gone out: whoever is outside can still refuse."""
    got = Got()
    app = around(answering(Answer([ValueError("no answer")]), length=len(TEXT)))
    answer = app(environ(HTTP_ACCEPT_ENCODING="gzip"), got.start)
    with pytest.raises(ValueError, match="no answer"):
        list(answer)
    assert got.starts == 0


def test_a_client_that_leaves_early_closes_the_answer_once() -> None:
    """Nothing more is read."""
    body = Answer([b"one", b"two", ValueError("read on")])
    answer = around(answering(body))(environ(HTTP_ACCEPT_ENCODING="gzip"), Got().start)
    next(iter(answer))
    answer.close()  # type: ignore[attr-defined]
    assert body.closed == 1


@pytest.mark.parametrize("parts", [[], [b""], [TEXT[:-1]], [b"x", b"y"]])
def test_an_answer_shorter_than_its_length_is_no_answer(parts: list[bytes]) -> None:
    """The server would have noticed by the length that is gone."""
    got = Got()
    app = around(answering(parts, length=len(TEXT)))
    with pytest.raises(ShortAnswer):
        got.parts += app(environ(HTTP_ACCEPT_ENCODING="gzip"), got.start)


def test_what_is_beyond_the_length_is_cut() -> None:
    """As servers do; and the application is read to its end."""
    body = Answer([TEXT[:10], TEXT[10:] + b"more", b"and more"])
    got = call(around(answering(body, length=len(TEXT))), HTTP_ACCEPT_ENCODING="gzip")
    assert gzip.decompress(got.body) == TEXT
    assert next(body._parts, None) is None
    assert body.closed == 1


def test_an_empty_answer_of_unknown_length_is_a_complete_frame() -> None:
    """Content-Encoding over nothing at all would not be one."""
    got = call(around(answering([])), HTTP_ACCEPT_ENCODING="gzip")
    assert gzip.decompress(got.body) == b""
    assert got.value("Content-Length") == str(len(got.body))


def test_parts_that_are_written_are_encoded_too() -> None:
    """PEP 3333 has that old way as well."""

    def app(environ: Any, start_response: Any) -> Any:
        write = start_response("200 OK", [("Content-Type", "text/plain")])
        write(b"one ")
        write(b"two ")
        return [b"three"]

    got = call(validator(around(app)), HTTP_ACCEPT_ENCODING="gzip")
    assert gzip.decompress(got.body) == b"one two three"
    assert call(around(app)).body == b"one two three"


def test_an_application_may_start_its_answer_as_late_as_it_likes() -> None:
    """A generator does so when its first part is asked for."""

    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Type", environ["HTTP_ACCEPT"])])
        yield b"one "
        yield b"two"

    got = call(around(app), HTTP_ACCEPT="text/plain", HTTP_ACCEPT_ENCODING="gzip")
    assert gzip.decompress(got.body) == b"one two"
    got = call(around(app), HTTP_ACCEPT="image/png", HTTP_ACCEPT_ENCODING="gzip")
    assert got.parts == [b"one ", b"two"]


def test_an_application_may_take_its_answer_back_before_it_is_sent() -> None:
    """``exc_info`` replaces the head, and the encoding with it."""

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [("Content-Type", "text/plain")])
        try:
            raise ValueError("changed my mind")
        except ValueError as error:
            info = (ValueError, error, error.__traceback__)
            start_response("500 Oops", [("Content-Type", "image/png")], info)
        return [b"oops"]

    got = call(around(app), HTTP_ACCEPT_ENCODING="gzip")
    assert (got.status, got.body, got.starts) == ("500 Oops", b"oops", 1)


def test_an_application_cannot_take_back_what_is_sent() -> None:
    """Then the server raises what happened."""

    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        yield b"one"
        error = ValueError("too late")
        start_response("500 Oops", [], (ValueError, error, None))

    got = Got()
    answer = iter(around(app)(environ(HTTP_ACCEPT_ENCODING="gzip"), got.start))
    got.parts.append(next(answer))
    with pytest.raises(ValueError, match="too late"):
        next(answer)
