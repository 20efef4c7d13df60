"""Where the parameters of a request are."""

from __future__ import annotations

import pytest

from gateway.validation.parts import UNESCAPE, cookie_pairs, header_pairs, query_pairs
from gateway.validation.styles import Unreadable


@pytest.mark.parametrize(
    ("target", "pairs"),
    [
        ("/a", []),
        ("/a?", []),
        ("/a?x=1&y=2&x=3", [("x", "1"), ("y", "2"), ("x", "3")]),
        ("/a?x", [("x", "")]),
        ("/a?x=a=b&&y=%26", [("x", "a=b"), ("y", "%26")]),
        ("/a?f%5Ba%5D=1&g+h=2", [("f[a]", "1"), ("g h", "2")]),
        ("/a?%FF=1", [("�", "1")]),
        ("/a?b?c=1", [("b?c", "1")]),
        ("/a?x=1;y=2", [("x", "1;y=2")]),
    ],
)
def test_a_query_is_names_and_raw_values(target: str, pairs: list[tuple[str, str]]) -> None:
    """Names are compared as they are meant; values keep their escapes for now."""
    assert query_pairs(target) == pairs


def test_fields_go_by_their_names_in_lower_case() -> None:
    """In their order, with repeats."""
    fields = [("X-A", "1"), ("x-a", "2"), ("B", "3")]
    assert header_pairs(fields) == [("x-a", "1"), ("x-a", "2"), ("b", "3")]


def test_cookies_come_from_all_cookie_fields() -> None:
    """HTTP/2 clients send several (RFC 9113 section 8.2.3)."""
    fields = [("Cookie", "a=1; b=2=3;c"), ("X", "d=4"), ("cookie", " e = 5 ;")]
    assert cookie_pairs(fields) == [("a", "1"), ("b", "2=3"), ("e", "5")]


@pytest.mark.parametrize(
    ("where", "text", "meant"),
    [
        ("path", "a%2Fb+c", "a/b+c"),
        ("path", "%C3%BC", "ü"),
        ("path", "\xc3\xbc", "ü"),
        ("path", "100%", "100%"),
        ("query", "a+b%2Bc", "a b+c"),
        ("header", "a%20b+", "a%20b+"),
        ("cookie", "a%20b+", "a%20b+"),
    ],
)
def test_values_are_unescaped_as_their_place_has_it(where: str, text: str, meant: str) -> None:
    """Bytes that were sent raw count too: targets are text of latin-1 bytes."""
    assert UNESCAPE[where](text) == meant


@pytest.mark.parametrize("text", ["%FF", "%C3", "\xff", "\u20ac"])
@pytest.mark.parametrize("where", ["path", "query"])
def test_what_is_not_utf_8_is_unreadable(where: str, text: str) -> None:
    """Live might read it in any other way."""
    with pytest.raises(Unreadable):
        UNESCAPE[where](text)
