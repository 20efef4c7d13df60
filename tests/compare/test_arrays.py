"""Putting items of two arrays together."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from gateway.compare.arrays import around_a_gap, by_key, by_position, left_alone, same_members

ITEMS = st.lists(st.sampled_from([b"a", b"b", b"c", b"d"]), max_size=8)


@given(ITEMS, ITEMS)
def test_every_item_is_in_exactly_one_pair(live: list[bytes], shadow: list[bytes]) -> None:
    """Whichever way they are put together."""
    for pairs in (by_position, around_a_gap, by_key):
        both = list(pairs(live, shadow))
        assert sorted(i for i, _ in both if i is not None) == list(range(len(live)))
        assert sorted(j for _, j in both if j is not None) == list(range(len(shadow)))


@given(ITEMS, ITEMS)
def test_as_many_as_possible_are_put_together_by_key(
    live: list[bytes], shadow: list[bytes]
) -> None:
    """And only equal ones."""
    proper, alone, others = left_alone(by_key(live, shadow))
    assert all(live[i] == shadow[j] for i, j in proper if i is not None and j is not None)
    assert not Counter(live[i] for i in alone) & Counter(shadow[j] for j in others)


def test_of_equal_keys_the_first_goes_with_the_first() -> None:
    """So that duplicates are compared in their order."""
    assert list(by_key([b"a", b"a"], [b"a", b"x", b"a"])) == [(0, 0), (1, 2), (None, 1)]


@given(ITEMS, ITEMS, ITEMS)
def test_one_gap_shifts_nothing(head: list[bytes], gap: list[bytes], tail: list[bytes]) -> None:
    """What was put in or left out is alone, and nothing else is."""
    pairs = list(around_a_gap(head + gap + tail, head + tail))
    assert sum(j is None for _, j in pairs) == len(gap)
    assert not any(i is None for i, _ in pairs)
    if not gap:
        assert all(i == j for i, j in pairs)


@given(ITEMS, st.randoms(use_true_random=False))
def test_the_order_of_members_does_not_matter(live: list[bytes], random: object) -> None:
    """Their number does."""
    shadow = sorted(live)
    assert same_members(live, shadow)
    assert not same_members(live, [*shadow, b"a"])
