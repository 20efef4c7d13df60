"""Header fields: which count, and when two are the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.compare.fields import NEVER_COUNT
from gateway.compare.verdict import Count, Verdict
from gateway.headers import HOP_BY_HOP
from gateway.settings.comparison import TextRule
from tests.compare.making import answer, compared

PAGE = Path(__file__).parents[2] / "docs" / "comparison.md"
Fields = tuple[tuple[str, str], ...]


def of(live: Fields, shadow: Fields, **rules: Any) -> Any:
    return compared(answer("{}", *live), answer("{}", *shadow), **rules)


SAME: dict[str, tuple[Fields, Fields]] = {
    "case-of-names": ((("X-A", "1"),), (("x-a", "1"),)),
    "order-of-names": ((("X-A", "1"), ("X-B", "2")), (("X-B", "2"), ("X-A", "1"))),
    "joined": ((("X-A", "1"), ("X-A", "2")), (("X-A", "1, 2"),)),
    "spaces": ((("X-A", " 1"),), (("X-A", "1 "),)),
    "vary": ((("Vary", "Accept, Origin"),), (("Vary", "origin,accept"),)),
    "cache-control": (
        (("Cache-Control", "private, max-age=5"),),
        (("Cache-Control", "max-age=5,private"),),
    ),
    "date": ((("Date", "now"),), (("Date", "then"),)),
    "server-missing": ((("Server", "nginx"),), ()),
    "length": ((("Content-Length", "2"),), (("Content-Length", "3"),)),
    "cookie-value": ((("Set-Cookie", "s=abc; Path=/"),), (("Set-Cookie", "s=xyz; path=/"),)),
    "cookie-expiry": (
        (("Set-Cookie", "s=1; Expires=Thu, 01 Jan 2026 00:00:00 GMT"),),
        (("Set-Cookie", "s=1; Expires=Thu, 01 Jan 2026 00:00:01 GMT"),),
    ),
    "order-of-cookies": (
        (("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")),
        (("Set-Cookie", "b=3"), ("Set-Cookie", "a=4")),
    ),
}


@pytest.mark.parametrize(("live", "shadow"), SAME.values(), ids=SAME)
def test_what_any_two_runs_differ_in_does_not_count(live: Fields, shadow: Fields) -> None:
    """It is a match, not one after ignoring: nobody asked to ignore it."""
    assert of(live, shadow).counts_as is Count.MATCH


DIFFERENT: dict[str, tuple[Fields, Fields, str, str]] = {
    "value": ((("X-A", "1"),), (("X-A", "2"),), "value", "/x-a"),
    "missing": ((("X-A", "1"),), (), "missing", "/x-a"),
    "added": ((), (("X-A", "1"),), "added", "/x-a"),
    "order-of-values": ((("X-A", "1"), ("X-A", "2")), (("X-A", "2, 1"),), "value", "/x-a"),
    "location": ((("Location", "/a"),), (("Location", "/b"),), "value", "/location"),
    "cookie-missing": ((("Set-Cookie", "s=1"),), (), "missing", "/set-cookie"),
    "cookie-added": ((), (("Set-Cookie", "s=1"),), "added", "/set-cookie"),
    "cookie-flag": (
        (("Set-Cookie", "s=1; HttpOnly"),),
        (("Set-Cookie", "s=1"),),
        "value",
        "/set-cookie",
    ),
    "cookie-emptied": ((("Set-Cookie", "s=1"),), (("Set-Cookie", "s="),), "value", "/set-cookie"),
    "slash-in-a-name": ((("X/A", "1"),), (("X/A", "2"),), "value", "/x~1a"),
}


@pytest.mark.parametrize(("live", "shadow", "kind", "pointer"), DIFFERENT.values(), ids=DIFFERENT)
def test_what_differs_is_named(live: Fields, shadow: Fields, kind: str, pointer: str) -> None:
    """With both values."""
    comparison = of(live, shadow)
    (only,) = comparison.differences
    assert comparison.verdict is Verdict.HEADERS
    assert (only.part.value, only.kind.value, only.pointer) == ("headers", kind, pointer)
    assert (only.live is None, only.shadow is None) == (kind == "added", kind == "missing")


def test_a_cookies_value_counts_if_that_is_set() -> None:
    """For those whose cookies say something."""
    fields = (("Set-Cookie", "s=1"),), (("Set-Cookie", "s=2"),)
    assert of(*fields, cookie_values=True).verdict is Verdict.HEADERS


def test_fields_can_be_ignored() -> None:
    """That is counted as ignoring, whatever way they differ."""
    for shadow in ((), (("X-A", "2"),)):
        comparison = of((("X-A", "1"),), shadow, ignore_headers=("x-A",))
        assert comparison.counts_as is Count.MATCH_AFTER_IGNORING
    assert of((("X-A", "1"),), (("X-A", "1"),), ignore_headers=("x-A",)).counts_as is Count.MATCH


def test_only_some_fields_can_count() -> None:
    """Also one that otherwise never does."""
    live, shadow = (("X-A", "1"), ("Date", "1")), (("X-A", "2"), ("Date", "2"))
    (only,) = of(live, shadow, headers=("Date",)).differences
    assert only.pointer == "/date"


def test_values_can_be_normalised() -> None:
    """In the field that the rule names, and nowhere else."""
    rules: dict[str, Any] = {
        "normalise": (TextRule(pattern=r"\d+", replace="n", header="Location"),)
    }
    same = of((("Location", "/a/17"),), (("Location", "/a/4"),), **rules)
    assert same.counts_as is Count.MATCH_AFTER_IGNORING
    assert of((("X-A", "17"),), (("X-A", "4"),), **rules).verdict is Verdict.HEADERS


@pytest.mark.parametrize(
    ("live", "shadow", "same"),
    [
        ("application/json", "Application/JSON; charset=utf-8", True),
        ("text/html; charset=UTF-8", "text/html;charset=utf-8", True),
        ("text/html", "text/html; charset=latin-1", False),
        ("application/json", "text/plain", False),
        ("application/json; v=1", "application/json; v=2", False),
    ],
)
def test_content_types_are_compared_by_what_they_say(live: str, shadow: str, same: bool) -> None:
    """The charset of JSON says nothing."""
    comparison = compared(answer("{}", media=live), answer("{}", media=shadow))
    assert (comparison.verdict is Verdict.MATCH) == same


def test_the_page_lists_what_never_counts() -> None:
    """All of it, and nothing else."""
    text = PAGE.read_text()
    listed = text.split("<!-- never -->")[1].split("<!-- end -->")[0]
    named = {name.strip("` \n").lower() for name in listed.replace("|", ",").split(",")} - {""}
    assert named == set(NEVER_COUNT - HOP_BY_HOP)
