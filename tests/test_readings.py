"""The ways in which an upstream may read a path."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.readings import MOST, readings


@pytest.mark.parametrize(
    "path",
    [
        "//admin",
        "/a/../admin",
        "/./admin",
        "/admin/.",
        "/%61dmin",
        "/%2561dmin",
        "/a%2f..%2fadmin",
        "/a/%2e%2e/admin",
        "/%2fadmin",
        "/admin;x=1",
        "/admin%3fx",
        "/admin%23x",
        "/a;/../admin",
        "/\\admin",
        "/a\\..\\admin",
        "/a%5c..%5cadmin",
        "///a/..//admin",
        "/../admin",
        "/admin/x/..",
    ],
)
def test_the_path_an_upstream_may_see_is_among_them(path: str) -> None:
    """Every trick there is a name for."""
    assert {"/admin", "/admin/"} & set(readings(path) or ())


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/a/%3f/%2e%2e/%2e%2e/admin", "/admin"),
        ("/a/..%2fadmin/%252e%252e/x", "/admin/%2e%2e/x"),
        ("/a%2f..%2fadmin/..%3bx", "/admin/..;x"),
        ("/a%2f..%2fadmin/%5c../..%5cx", "/admin/\\../..\\x"),
    ],
    ids=["cut", "escaped twice", "parameter", "backslash"],
)
def test_an_upstream_need_not_take_every_step(path: str, expected: str) -> None:
    """What one takes for the end of a path, or for a dot segment, is plain text to another."""
    assert expected in (readings(path) or ())


@pytest.mark.parametrize(
    "path", ["/", "/a/b", "/invoices/2026-10", "/a.b/c..d", "*", "/~user/:x,y", "/a/"]
)
def test_a_plain_path_has_one_reading(path: str) -> None:
    """And costs nothing."""
    assert readings(path) == ()


@pytest.mark.parametrize("path", ["/.well-known/x", "/a%20b", "/a/..b"])
def test_what_means_the_same_is_left_out(path: str) -> None:
    """Only other paths are worth another look."""
    found = readings(path)
    assert found is not None
    assert path not in found


@pytest.mark.parametrize("repeats", [1, 300], ids=["short", "long"])
def test_a_path_with_every_trick_has_too_many(repeats: int) -> None:
    """Found out before all of them are made."""
    assert readings("/.//%5c;%5c%253f%3f%255c%2e..%252e;.%3b%3f%253fa" * repeats) is None


@given(st.text(st.sampled_from("/.%23eEfF5cC;\\a"), max_size=40).map("/{}".format))
def test_every_reading_is_a_path(path: str) -> None:
    """Whatever is sent; and there are so many at most, not more with every slash."""
    found = readings(path)
    if found is not None:
        assert len(found) < MOST
        assert path not in found
