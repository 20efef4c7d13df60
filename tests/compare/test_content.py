"""Bodies: as sent, decoded, as JSON, and byte for byte."""

from __future__ import annotations

import gzip
import zlib
from hashlib import blake2b
from typing import Any

import pytest

from gateway.compare.answer import Answer
from gateway.compare.verdict import Count, NotCompared, Verdict
from gateway.settings.comparison import TextRule
from tests.compare.making import REQUEST, answer, compared, places

GZIP = ("Content-Encoding", "gzip")
TEXT = "text/plain"


def packed(body: bytes, **more: Any) -> Answer:
    return answer(gzip.compress(body), GZIP, **more)


def unread(size: int, *fields: tuple[str, str]) -> Answer:
    """A body that nobody read to its end, or of which a recording has nothing but the size."""
    return answer(None, *fields, media=TEXT, size=size)


def cut(size: int, digest: bytes = b"d", *fields: tuple[str, str], media: str = TEXT) -> Answer:
    """A body beyond the cap."""
    return answer(None, *fields, media=media, size=size, digest=blake2b(digest).digest())


SAME = {
    "coded-or-not": (packed(b'{"a": 1}'), answer('{"a":1}')),
    "coded-otherwise": (
        packed(b"x" * 99, media=TEXT),
        answer(zlib.compress(b"x" * 99), ("Content-Encoding", "deflate"), media=TEXT),
    ),
    "both-empty": (answer(b""), answer(b"")),
    "same-bytes-no-json": (answer("{nonsense"), answer("{nonsense")),
    "same-bytes-undecodable": (answer("x", GZIP), answer("x", GZIP)),
    "same-bytes-unknown-coding": (
        answer("x", ("Content-Encoding", "rot13")),
        answer("x", ("Content-Encoding", "rot13")),
    ),
    "same-digest": (cut(10**6), cut(10**6)),
    "json-by-suffix": (
        answer('{"a": 1, "b": 2}', media="application/problem+json"),
        answer('{"b": 2, "a": 1}', media="application/problem+json"),
    ),
}


@pytest.mark.parametrize(("live", "shadow"), SAME.values(), ids=SAME)
def test_bodies_with_the_same_content_match(live: Answer, shadow: Answer) -> None:
    """However they were sent."""
    assert compared(live, shadow).counts_as is Count.MATCH


DIFFERENT = {
    "text": (answer("one", media=TEXT), answer("two", media=TEXT)),
    "spaces-in-text": (answer('{"a":1}', media=TEXT), answer('{"a": 1}', media=TEXT)),
    "one-is-no-json": (answer('{"a":1}'), answer("{'a':1}")),
    "a-key-twice": (answer('{"a":1}'), answer('{"a":1,"a":1}')),
    "empty": (answer('{"a":1}'), answer("")),
    "digests": (cut(10**6, b"a"), cut(10**6, b"b")),
    "digest-and-body": (cut(10**6, b"a"), answer("small", media=TEXT)),
    "no-type": (answer("{}", media=""), answer("{ }", media="")),
}


@pytest.mark.parametrize(("live", "shadow"), DIFFERENT.values(), ids=DIFFERENT)
def test_what_is_no_json_is_compared_byte_for_byte(live: Answer, shadow: Answer) -> None:
    """One difference of the whole, with something of both."""
    comparison = compared(live, shadow)
    assert (comparison.verdict, places(comparison)) == (Verdict.BODY, [("content", "")])
    (only,) = comparison.differences
    assert only.live != only.shadow


def _bomb() -> Answer:
    return packed(b"[" + b"1," * 10**6 + b"1]")


UNKNOWN = {
    "unknown-coding": (answer("{}", ("Content-Encoding", "rot13")), NotCompared.UNREADABLE),
    "broken-coding": (answer("{}", GZIP), NotCompared.UNREADABLE),
    "large-when-decoded": (_bomb(), NotCompared.TOO_LARGE),
    "large": (cut(10**6, media="application/json"), NotCompared.TOO_LARGE),
    "large-and-coded": (cut(10**6, b"d", GZIP), NotCompared.TOO_LARGE),
}


@pytest.mark.parametrize(("shadow", "reason"), UNKNOWN.values(), ids=UNKNOWN)
def test_what_cannot_be_looked_into_is_not_compared(shadow: Answer, reason: NotCompared) -> None:
    """With the reason; it is neither a match nor a difference."""
    comparison = compared(answer('{"a": 1}'), shadow, headers=("X-None",))
    assert (comparison.verdict, comparison.reason) == (Verdict.NOT_COMPARED, reason.value)


MIB = 2**20


@pytest.mark.parametrize(
    ("live", "shadow", "verdict"),
    [
        pytest.param(unread(5 * MIB), unread(4 * MIB + 9), Verdict.NOT_COMPARED, id="neither read"),
        pytest.param(unread(MIB), cut(MIB), Verdict.NOT_COMPARED, id="one digest"),
        pytest.param(unread(4), answer("text", media=TEXT), Verdict.NOT_COMPARED, id="one body"),
        pytest.param(cut(3 * MIB), unread(5 * MIB), Verdict.BODY, id="longer than a digest's"),
        pytest.param(answer("", media=TEXT), unread(5 * MIB), Verdict.BODY, id="instead of none"),
        pytest.param(cut(MIB), cut(MIB, b"e"), Verdict.BODY, id="two digests"),
    ],
)
def test_bodies_that_nobody_read_differ_only_if_that_is_known(
    live: Answer, shadow: Answer, verdict: Verdict
) -> None:
    """Two downloads of 5 MiB that may be the same are no bug of the shadow's."""
    for one, other in ((live, shadow), (shadow, live)):
        comparison = compared(one, other)
        assert comparison.verdict is verdict
        assert (comparison.reason == "too_large") is (verdict is Verdict.NOT_COMPARED)


def test_a_known_difference_counts_although_the_body_is_unknown() -> None:
    """The status says enough."""
    comparison = compared(answer("{}"), answer("{}", GZIP, status=500))
    assert comparison.verdict is Verdict.STATUS


@pytest.mark.parametrize("status", [204, 304])
def test_answers_without_a_body_have_none_to_compare(status: int) -> None:
    """Whatever their fields say."""
    live = answer(b"", GZIP, status=status)
    assert compared(live, answer(b"", status=status)).verdict is Verdict.MATCH


def test_the_body_of_an_answer_to_head_is_not_compared() -> None:
    """There is none."""
    request = REQUEST._replace(method="HEAD")
    assert compared(answer(b""), answer(b"x"), request=request).verdict is Verdict.MATCH


def test_a_body_is_compared_up_to_the_limit() -> None:
    """One that is longer as it was sent, too."""
    assert compared("[1, 2]", "[1,2] ", max_body=6).verdict is Verdict.MATCH
    assert compared("[1, 2]", "[1, 2] ", max_body=6).reason == "too_large"


def test_texts_can_be_normalised() -> None:
    """As a whole, by rules without a path."""
    live, shadow = answer("at 12:00 é", media=TEXT), answer("at 12:01 é", media=TEXT)
    rule = TextRule(pattern=r"\d\d:\d\d", replace="…")
    assert compared(live, shadow, normalise=(rule,)).counts_as is Count.MATCH_AFTER_IGNORING
    elsewhere = TextRule(pattern=r"\d\d:\d\d", path="$..*")
    assert compared(live, shadow, normalise=(elsewhere,)).verdict is Verdict.BODY
    latin = answer("é 12:00".encode("latin-1"), media=f"{TEXT}; charset=latin-1")
    other = answer("é 13:00".encode("latin-1"), media=f"{TEXT}; charset=latin-1")
    assert compared(latin, other, normalise=(rule,)).verdict is Verdict.MATCH


def test_texts_beyond_the_cap_that_would_be_normalised_are_not_compared() -> None:
    """Their digests say nothing."""
    rule = TextRule(pattern="x")
    comparison = compared(cut(10**6, b"a"), cut(10**6, b"b"), normalise=(rule,))
    assert comparison.reason == "too_large"
