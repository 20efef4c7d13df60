"""Path rules and which of them wins."""

from __future__ import annotations

import itertools

import pytest

from gateway.routes import Matcher, PathRule, RouteTable, canonical_path


@pytest.mark.parametrize(
    ("rule", "path", "covered"),
    [
        ("/", "/anything", True),
        ("/a", "/a", True),
        ("/a", "/a/b", True),
        ("/a", "/ab", False),
        ("/a/", "/a/", True),
        ("/a/", "/a", False),
        ("/a/*", "/a/b", True),
        ("/a/*", "/a/b/c", False),
        ("/a/*/c", "/a/b/c", True),
        ("/a/*/c", "/a/b/c/d", False),
        ("/a/**", "/a/b/c", True),
        ("/**/pdf", "/x/y/pdf", True),
        ("/a.b", "/axb", False),
        ("/a", "/a\nb", False),
        ("/%61", "/a", True),
        ("*", "/x", False),
    ],
)
def test_a_rule_covers_whole_segments(rule: str, path: str, covered: bool) -> None:
    """Prefixes by segment; a pattern in full; other characters literally."""
    assert PathRule(rule).matches(path) is covered


def test_escapes_of_unreserved_characters_make_no_difference() -> None:
    """RFC 3986 section 6.2.2.2: %61 is a, but %2F is not a slash."""
    assert canonical_path("/%61%2d%2Fb%7E%zz") == "/a-%2Fb~%zz"


def test_the_most_specific_rule_wins_in_whatever_order_they_are_given() -> None:
    """More literal text, then fewer wildcards, then a method."""
    rules = [
        ("/", (), "root"),
        ("/a", (), "prefix"),
        ("/a/*", (), "pattern"),
        ("/a/b", (), "longer"),
        ("/a/b", ("POST",), "longer with method"),
        ("/a/*/c", (), "deep"),
    ]
    for order in itertools.permutations(rules):
        table = RouteTable(order, "default")
        assert table.find("GET", "/a") == "prefix"
        assert table.find("GET", "/a/b") == "longer"
        assert table.find("POST", "/a/b") == "longer with method"
        assert table.find("GET", "/a/x/c") == "deep"
        assert table.find("GET", "/z") == "root"


def test_without_a_matching_rule_the_default_applies() -> None:
    """Also when the path matches and the method does not."""
    table = RouteTable([("/a", ("POST",), "a")], "default")
    assert table.find("GET", "/a") == "default"
    assert RouteTable([], "default").find("GET", "/a") == "default"


def test_an_empty_matcher_covers_everything() -> None:
    """No paths means all paths, no methods all methods."""
    assert Matcher().covers_path("/x")
    assert Matcher().covers_method("BREW")
    assert not Matcher(["/a"]).covers_path("/b")
    assert not Matcher(methods=["GET"]).covers_method("POST")


def test_a_table_can_be_made_from_another() -> None:
    """With the same rules, and values made once for each."""
    made: list[str] = []

    def make(value: str) -> str:
        made.append(value)
        return value.upper()

    table = RouteTable([("/a", ("POST",), "a"), ("/a/b", (), "b")], "default").map(make)
    assert table.find("POST", "/a") == "A"
    assert table.find("GET", "/a") == "DEFAULT"
    assert table.find("GET", "/a/b") == "B"
    assert sorted(made) == ["a", "b", "default"]


def test_rules_that_keep_requests_out_see_every_reading_of_a_path() -> None:
    """That of the path as sent first, then those it has for an upstream which resolves it."""
    table = RouteTable([("/a", ("POST",), "a"), ("/b", (), "b")], "default")
    assert table.find_all("POST", "/a") == ["a"]
    assert table.find_all("POST", "//a") == ["default", "a"]
    assert table.find_all("GET", "//a") == ["default"]
    assert table.find_all("POST", "/a//x") == ["a"]
    assert table.find_all("POST", "/a/../b") == ["a", "b"]
    assert RouteTable([], "default").find_all("GET", "//a") == ["default"]


def test_a_path_that_may_be_anything_is_every_routes() -> None:
    """Nobody sends one in good faith, and looking at all it may be would take too long."""
    table = RouteTable([("/a", ("POST",), "a"), ("/b", (), "b")], "default")
    tricks = "//.%5c;%5c%253f%3f%255c%2e..%252e;.%3b%3f%253fa"
    assert sorted(table.find_all("GET", tricks)) == ["a", "b", "default"]
    assert table.find_all("GET", "/b/" + tricks)[0] == "b"
