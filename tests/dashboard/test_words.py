"""Numbers and differences as people read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.admin.dashboard import words
from gateway.compare.verdict import Kind, Part
from gateway.store.grouping import GroupKey


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (1.0, "100 %"),
        (0.0, "0 %"),
        (0.5, "50 %"),
        (0.99512, "99.51 %"),
        (0.999999, "99.9999 %"),
        (0.0000012, "0.0001 %"),
        (0.9, "90 %"),
    ],
)
def test_percent(share: float, text: str) -> None:
    """As many digits as tell it from all and from nothing."""
    assert words.percent(share).replace("\u202f", " ") == text


@given(st.integers(0, 10**6), st.integers(1, 10**6))
def test_a_share_that_is_not_all_is_never_shown_as_all(number: int, of: int) -> None:
    """Nor one that is something as nothing."""
    share = min(number, of) / of
    text = words.percent(share).replace("\u202f%", "")
    assert (float(text) == 100) is (share == 1)
    assert (float(text) == 0) is (share == 0)


def test_other_numbers() -> None:
    """Each in the unit that fits."""
    plain = [
        words.number(1234567),
        words.duration(0.00123),
        words.duration(2.5),
        words.rate(3.456),
        words.rate(1234.5),
        words.size(100),
        words.size(2048),
        words.size(3 * 2**30),
        words.ago(2),
        words.ago(65),
        words.ago(3600),
        words.ago(86400 * 3),
        words.moment(0),
        words.iso(1e30),
    ]
    assert [text.replace("\u202f", " ") for text in plain] == [
        "1 234 567",
        "1.23 ms",
        "2.5 s",
        "3.46 / s",
        "1234 / s",
        "100 bytes",
        "2 KiB",
        "3 GiB",
        "just now",
        "65 s ago",
        "60 min ago",
        "3 days ago",
        "1970-01-01 00:00:00",
        "9999-12-31T23:59:59Z",
    ]


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("part", Part)
def test_every_kind_of_difference_has_words(part: Part, kind: Kind) -> None:
    """Also combinations that nobody has seen yet."""
    said = words.said(GroupKey("s", "r", part.value, kind.value, "/a~1b"))
    assert said.lead
    assert said.place == ("a/b" if part is Part.HEADERS else "/a~1b")


def test_what_is_no_place_is_not_shown_as_one() -> None:
    """A whole body, too many groups, a reason that repeats the verdict."""
    for pattern, kind, part, text in (
        ("", "value", "body", "Another value at the whole body"),
        ("", "content", "body", "Another body"),
        ("…", "value", "body", "More of body than is told apart"),
        ("timed_out", "timed_out", "exchange", "The shadow took too long"),
        ("reset", "shadow_failed", "exchange", "The shadow gave no usable answer reset"),
    ):
        assert words.said(GroupKey("s", "r", part, kind, pattern)).text == text
