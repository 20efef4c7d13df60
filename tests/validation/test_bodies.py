"""Bodies for those who look inside."""

from __future__ import annotations

import gzip

import pytest

from gateway.validation.media import MediaType
from gateway.validation.rejection import Rejected
from tests.validation.messages import JSON, Request, bodies, post

KIND = MediaType("application/json", None)


def outcome(request: Request, kind: MediaType = KIND) -> tuple[str, int] | None:
    try:
        bodies(max_size=100_000, max_ratio=2).check(request, kind, None)
    except Rejected as rejection:
        return rejection.reason.value, rejection.refusal.status
    return None


def coded(body: bytes, *codings: str) -> Request:
    return post(body, JSON, *(("Content-Encoding", coding) for coding in codings))


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (post(b"{}"), None),
        (coded(gzip.compress(b"{}"), "gzip"), None),
        (coded(gzip.compress(gzip.compress(b"{}")), "gzip", "gzip"), None),
        (post(b"{"), ("malformed", 400)),
        (coded(gzip.compress(b"{"), "gzip"), ("malformed", 400)),
        (coded(b"{}", "gzip"), ("content_coding", 400)),
        (coded(gzip.compress(b"{}")[:-1], "gzip"), ("content_coding", 400)),
        (coded(b"{}", "snappy"), ("content_coding", 415)),
        (coded(gzip.compress(b" " * 99_000), "gzip"), ("too_large", 413)),
        (coded(gzip.compress(b"x" * 10**6), "gzip"), ("too_large", 413)),
        (post(b" " * 99_999 + b"1"), None),
        (post(b" " * 100_000 + b"1"), ("too_large", 413)),
        (post(b"[" * 9 + b"]" * 9), ("too_deep", 400)),
        (post(b'{"a": 1, "a": 1}'), ("duplicate_key", 400)),
    ],
    ids=[
        "plain", "encoded", "twice encoded", "malformed", "malformed, encoded", "not encoded",
        "cut", "unknown coding", "ratio", "bomb", "largest", "too large", "deep", "twice",
    ],
)  # fmt: skip
def test_bodies_are_decoded_parsed_and_bounded(
    request_: Request, expected: tuple[str, int] | None
) -> None:
    """Each fault with its own status."""
    assert outcome(request_) == expected


def test_codings_that_would_do_are_named() -> None:
    """RFC 9110 section 15.5.16."""
    with pytest.raises(Rejected) as caught:
        bodies().check(coded(b"x", "snappy"), KIND, None)
    assert caught.value.refusal.headers == (("Accept-Encoding", "gzip, deflate, br, zstd"),)


def test_json_in_another_charset_is_refused() -> None:
    """Live might decode it by that name, and see another document."""
    assert outcome(post(b"{}"), MediaType("application/json", "utf-16")) == ("content_type", 415)
