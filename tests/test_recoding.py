"""Which answers may be encoded, and what becomes of their fields."""

from __future__ import annotations

import pytest

from gateway.recoding import (
    content_length,
    encoded,
    forbids_transforming,
    may_encode,
    media_types,
    revalidated,
)

WANTED = media_types(("text/*", "application/json", "application/*+json"))
JSON = ("Content-Type", "application/json")


@pytest.mark.parametrize(
    ("content_type", "wanted"),
    [
        ("text/html; charset=utf-8", True),
        ("TEXT/HTML", True),
        (" application/json ", True),
        ("application/problem+json", True),
        ("application/jsonp", False),
        ("image/png", False),
        ("text/event-stream", False),
        ("text/event-stream;charset=utf-8", False),
        ("text", False),
        ("", False),
        ("text/a/b", False),
    ],
)
def test_content_types(content_type: str, wanted: bool) -> None:
    """Patterns match in full; event streams are never wanted."""
    assert WANTED(content_type) is wanted


def test_no_patterns_want_nothing() -> None:
    """Not everything."""
    assert not media_types(())("text/html")


@pytest.mark.parametrize(
    ("status", "fields", "may"),
    [
        pytest.param(200, [JSON], True, id="unknown-length"),
        pytest.param(200, [JSON, ("content-length", "100")], True, id="long-enough"),
        pytest.param(404, [JSON], True, id="errors-too"),
        pytest.param(200, [JSON, ("Content-Length", "99")], False, id="short"),
        pytest.param(200, [JSON, ("Content-Length", "1e3")], False, id="no-length"),
        pytest.param(200, [], False, id="no-type"),
        pytest.param(200, [("Content-Type", "image/png")], False, id="type"),
        pytest.param(101, [JSON], False, id="interim"),
        pytest.param(204, [JSON], False, id="no-content"),
        pytest.param(205, [JSON], False, id="reset-content"),
        pytest.param(206, [JSON], False, id="range"),
        pytest.param(304, [JSON], False, id="not-modified"),
        pytest.param(200, [JSON, ("Content-Range", "bytes 0-1/2")], False, id="content-range"),
        pytest.param(200, [JSON, ("Content-Encoding", "br")], False, id="encoded"),
        pytest.param(200, [JSON, ("content-encoding", "identity")], False, id="said-not-encoded"),
        pytest.param(200, [JSON, ("Cache-Control", "public, No-Transform")], False, id="transform"),
        pytest.param(200, [JSON, ("Cache-Control", "public")], True, id="cached"),
        pytest.param(200, [JSON, ("Content-Digest", "sha-256=:x:")], False, id="digest"),
        pytest.param(200, [JSON, ("Signature", "sig=:x:")], False, id="signed"),
    ],
)
def test_which_answers_may_be_encoded(
    status: int, fields: list[tuple[str, str]], may: bool
) -> None:
    """Whatever may be wrong to encode is not."""
    assert may_encode(status, fields, WANTED, 100) is may


def test_nothing_is_never_encoded() -> None:
    """An empty body would grow to twenty bytes, also where every size is wanted."""
    assert not may_encode(200, [JSON, ("Content-Length", "0")], WANTED, 0)


@pytest.mark.parametrize(
    ("etag", "weak"),
    [('"a"', ['W/"a"']), ('W/"a"', ['W/"a"']), ("a", [])],
    ids=["strong", "weak", "malformed"],
)
def test_the_fields_of_an_encoded_answer(etag: str, weak: list[str]) -> None:
    """No length, no ranges, a weak validator; the rest in its order."""
    before = [
        ("Date", "now"),
        ("Content-Length", "200"),
        ("ETag", etag),
        ("Accept-Ranges", "bytes"),
        JSON,
        ("Set-Cookie", "a"),
        ("Set-Cookie", "b"),
    ]
    assert encoded(before, "gzip") == [
        ("Date", "now"),
        *(("ETag", value) for value in weak),
        JSON,
        ("Set-Cookie", "a"),
        ("Set-Cookie", "b"),
        ("Vary", "Accept-Encoding"),
        ("Content-Encoding", "gzip"),
    ]
    assert content_length(before) == 200
    assert content_length([JSON]) is None


@pytest.mark.parametrize(
    ("if_none_match", "etag", "told"),
    [
        ('W/"a"', '"a"', 'W/"a"'),
        ('"x", W/"a"', '"a"', 'W/"a"'),
        ('"a"', '"a"', '"a"'),
        ('W/"a"', 'W/"a"', 'W/"a"'),
        ("*", '"a"', '"a"'),
        ("", '"a"', '"a"'),
    ],
    ids=["weak", "one-of-them", "strong", "weak-anyway", "any", "not-asked"],
)
def test_not_modified_tells_the_etag_that_the_client_knows(
    if_none_match: str, etag: str, told: str
) -> None:
    """The weak form to whoever has the encoded answer."""
    fields = dict(revalidated([("ETag", etag), ("Date", "now")], if_none_match))
    assert fields["ETag"] == told
    assert ("Vary" in fields) is (told != etag)


def test_no_transform_is_found_in_any_case() -> None:
    """Among other directives."""
    assert forbids_transforming("max-age=0, No-Transform")
    assert not forbids_transforming("max-age=0")
