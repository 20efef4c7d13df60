"""What is shown of bodies that are no JSON."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.compare.excerpts import around_the_difference, first_difference


@given(st.binary(max_size=20), st.binary(max_size=5), st.binary(max_size=5), st.integers(0, 9000))
def test_the_first_difference_is_found(head: bytes, one: bytes, other: bytes, size: int) -> None:
    """However far in it is."""
    head = head + b"x" * size
    at = first_difference(head + one, head + other)
    assert (head + one)[:at] == (head + other)[:at]
    assert at in {len(head + one), len(head + other)} or (head + one)[at] != (head + other)[at]


def test_an_excerpt_begins_shortly_before_it() -> None:
    """With marks where something is left out, the same place of both."""
    live, shadow = b"a" * 5000 + b"live" + b"b" * 5000, b"a" * 5000 + b"shadow" + b"b" * 5000
    one, other = around_the_difference(live, shadow)
    assert one.startswith("…" + "a" * 80 + "live")
    assert other.startswith("…" + "a" * 80 + "shadow")
    assert one.endswith("…")
    assert around_the_difference(b"one", b"two") == ("one", "two")


def test_binary_is_shown_in_hexadecimal() -> None:
    """On both sides, so that they can be compared by eye."""
    assert around_the_difference(b"ab\0c", b"abcd") == ("61 62 00 63", "61 62 63 64")
    assert around_the_difference(b"\xff", b"a") == ("\ufffd", "a")
