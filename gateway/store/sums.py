"""Numbers that only grow, by key: what is counted between two writes.

A leaf. One kind of thing for every table of counts: they differ in what their keys
are and how many numbers a key has.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Key = tuple[Any, ...]


class Sums:
    """Rows of numbers by key, at most ``most`` of them; what comes after is left out.

    Threads: none of its own; whoever has it guards it.
    """

    __slots__ = ("_most", "_width", "left_out", "rows")

    def __init__(self, width: int, most: int) -> None:
        self._width = width
        self._most = most
        self.rows: dict[Key, list[Any]] = {}
        self.left_out = 0

    def row(self, key: Key) -> list[Any]:
        """The numbers of a key; ones that nobody will see where there are too many keys."""
        row = self.rows.get(key)
        if row is None:
            row = [0] * self._width
            if len(self.rows) < self._most:
                self.rows[key] = row
            else:
                self.left_out += 1
        return row

    def add(self, key: Key, *numbers: Any) -> None:
        """Add to the numbers of a key."""
        row = self.row(key)
        for index, number in enumerate(numbers):
            row[index] += number

    def sorted(self) -> Iterable[tuple[Key, list[Any]]]:
        """All rows in one order: writers that take locks in the same order do not deadlock."""
        return sorted(self.rows.items(), key=lambda item: item[0])

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        return f"<Sums [{len(self.rows)} keys, {self.left_out} left out]>"
