"""Numbers by key, within a bound."""

from __future__ import annotations

from gateway.store.sums import Sums


def test_numbers_of_one_key_add_up() -> None:
    """Others are theirs."""
    sums = Sums(2, 10)
    sums.add(("a",), 1, 2)
    sums.add(("a",), 3, 4)
    sums.add(("b",), 5, 6)
    assert list(sums.sorted()) == [(("a",), [4, 6]), (("b",), [5, 6])]


def test_no_more_keys_than_the_bound() -> None:
    """Known keys go on; what is left out is counted."""
    sums = Sums(1, 2)
    for key in "abcab":
        sums.add((key,), 1)
    assert {key: row for (key,), row in sums.rows.items()} == {"a": [2], "b": [2]}
    assert sums.left_out == 1
    assert "1 left out" in repr(sums)


def test_rows_come_in_one_order() -> None:
    """Whoever takes locks in it cannot deadlock."""
    sums = Sums(1, 10)
    for key in ((2, "b"), (1, "z"), (2, "a")):
        sums.add(key, 1)
    assert [key for key, _ in sums.sorted()] == [(1, "z"), (2, "a"), (2, "b")]
