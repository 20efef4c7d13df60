"""JSON paths: what can be written, and what is said about what cannot."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.compare.paths import (
    PathError,
    Wild,
    member_fault,
    parse_member,
    parse_path,
    path_fault,
    relative_to,
)

EACH, DEEP = Wild.EACH, Wild.DEEP
FINE = {
    "root": ("$", ()),
    "names": ("$.a.b_2", ("a", "b_2")),
    "each-item": ("$.lines[*].id", ("lines", EACH, "id")),
    "anywhere": ("$..id", (DEEP, "id")),
    "anything": ("$..*", (DEEP, EACH)),
    "deep-brackets": ("$..['a b']", (DEEP, "a b")),
    "each-member": ("$.*", (EACH,)),
    "quoted": ("$['a b'][\"c.d\"]", ("a b", "c.d")),
    "escaped": (r"$['it\'s']", ("it's",)),
    "index": ("$[0].a[12]", (0, "a", 12)),
    "hyphen": ("$.foo-bar", ("foo-bar",)),
    "other-letters": ("$.größe", ("größe",)),
}


@pytest.mark.parametrize(("text", "steps"), FINE.values(), ids=FINE)
def test_a_path_is_read(text: str, steps: tuple[object, ...]) -> None:
    """Into its steps, the text kept."""
    assert parse_path(text) == (text, steps)
    assert path_fault(text) is None


WRONG = {
    "no-root": ("lines[*].id", 'did you mean "$.lines[*].id"?'),
    "dot-first": (".id", 'did you mean "$.id"?'),
    "ends-in-dot": ("$.a.", "after . there is a name"),
    "ends-deep": ("$..", "after .. there is a name"),
    "filter": ("$.a[?(@.b)]", "filters cannot be used here"),
    "slice": ("$.a[1:2]", "slices and lists cannot be used"),
    "negative": ("$[-1]", "items are counted from the beginning"),
    "space": ("$.a b", "is no step"),
    "open": ("$.a[*", "is no step"),
    "long": ("$" + ".a" * 65, "more than 64 steps"),
}


@pytest.mark.parametrize(("text", "message"), WRONG.values(), ids=WRONG)
def test_a_path_that_cannot_be_read_says_why(text: str, message: str) -> None:
    """In words that help to write the right one."""
    with pytest.raises(PathError, match=r".") as raised:
        parse_path(text)
    assert message in str(raised.value)
    assert message in (path_fault(text) or "")


@given(st.text(max_size=30) | st.text("$.[]*'\"\\a0?:-", max_size=20).map("${}".format))
def test_any_text_is_a_path_or_a_path_error(text: str) -> None:
    """Nothing else is raised."""
    fault = path_fault(text)
    assert fault is None or fault


def test_a_key_is_a_name_or_a_path_to_one_place() -> None:
    """Without a root it is a name, whatever characters are in it."""
    assert parse_member("id") == ("id",)
    assert parse_member("a.b") == ("a.b",)
    assert parse_member("$.product.id") == ("product", "id")
    for text in ("$", "$.a[*]", "$..id"):
        assert "one place" in (member_fault(text) or "")


RELATED = {
    "siblings": ("$.lines[*].price", "$.lines[*].currency", (1, ("currency",))),
    "deep": ("$..price", "$..currency", (1, ("currency",))),
    "nested": ("$.lines[*].price.net", "$.lines[*].currency", (2, ("currency",))),
    "root": ("$.lines[*].price", "$.currency", (None, ("currency",))),
    "root-from-deep": ("$..price", "$.meta.currency", (None, ("meta", "currency"))),
}


@pytest.mark.parametrize(("path", "other", "way"), RELATED.values(), ids=RELATED)
def test_what_two_paths_begin_with_is_the_same_place(path: str, other: str, way: object) -> None:
    """So an amount finds the currency that belongs to it."""
    assert relative_to(parse_path(path), parse_path(other)) == way


@pytest.mark.parametrize("other", ["$.other[*].currency", "$.lines[*].x[*].currency"])
def test_a_place_that_could_be_several_is_refused(other: str) -> None:
    """Which of them would be a guess."""
    with pytest.raises(PathError, match="must begin like"):
        relative_to(parse_path("$.lines[*].price"), parse_path(other))
