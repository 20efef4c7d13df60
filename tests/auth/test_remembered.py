"""The bounded memory."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.auth.remembered import Remembered


@given(st.lists(st.integers(0, 20)), st.integers(1, 5))
def test_it_holds_the_last_used_and_no_more(used: list[int], most: int) -> None:
    """Against the plain description: a list, the last used at its end."""
    memory: Remembered[int] = Remembered(most)
    expected: list[int] = []
    for number in used:
        key = memory.key(str(number))
        known = memory.get(key)
        assert known == (number if number in expected else None)
        if known is None:
            memory.put(key, number)
        expected = [*(each for each in expected if each != number), number][-most:]
    assert len(memory) == len(expected) <= most
    assert [memory.get(memory.key(str(each))) for each in expected] == expected


def test_keys_say_nothing_to_others() -> None:
    """Each memory has a secret of its own."""
    assert Remembered[int](1).key("password") != Remembered[int](1).key("password")


def test_it_is_shown_by_its_size() -> None:
    """And not by what it remembers."""
    memory: Remembered[str] = Remembered(3)
    memory.put(memory.key("a"), "secret")
    assert repr(memory) == "<Remembered 1 of 3>"
