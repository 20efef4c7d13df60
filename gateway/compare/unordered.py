"""Arrays whose order does not matter: which items belong together.

A set's items are the same or they are not; with a key, items with the same one are
compared. An item that only a tolerance makes the same has to be tried with others:
that is bounded, and what is left over is reported as missing and added.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any

from gateway.compare.arrays import Pair, by_key, left_alone, matched
from gateway.compare.canonical import Canonical
from gateway.compare.found import Found
from gateway.compare.leaves import step_into
from gateway.compare.pointers import Trail
from gateway.compare.rules import Array, Spot

# Items that are left alone on either side of a set, so that each can be tried with each.
_MOST_TRIED = 32
# Bytes of them, of one comparison: a try costs as much as comparing the items.
_MOST_BYTES_TRIED = 64 * 1024

_Compare = Callable[[Any, Any, Spot | None, Trail], None]


class Unordered:
    """``compare``: notes in ``found`` where two values differ."""

    def __init__(self, canonical: Canonical, found: Found, compare: _Compare) -> None:
        self._canonical = canonical
        self._found = found
        self._compare = compare
        self._trying = False
        self._affordable = _MOST_BYTES_TRIED

    def pairs(
        self, live: list[Any], shadow: list[Any], rule: Array, place: Spot, trail: Trail
    ) -> Iterable[Pair]:
        """Indices that belong together, and those that belong to nothing."""
        if rule.key is not None:
            return by_key(self._keys(live, rule), self._keys(shadow, rule))
        one, other = self._canonical.items(live, place), self._canonical.items(shadow, place)
        proper, alone, others = left_alone(by_key(one, other))

        def same(i: int, j: int) -> bool:
            self._affordable -= len(one[i]) + len(other[j])
            child = place.child(i)
            return self._same(live[i], shadow[j], child, (trail, i, j))

        few = 0 < len(alone) <= _MOST_TRIED and 0 < len(others) <= _MOST_TRIED
        if few and not self._trying:
            return chain(proper, list(matched(alone, others, same)))
        return chain(proper, ((i, None) for i in alone), ((None, j) for j in others))

    def _same(self, live: Any, shadow: Any, place: Spot | None, trail: Trail) -> bool:
        """Whether two items have no difference that counts."""
        if place is None or self._affordable < 0:
            return False  # Without rules their forms have said so already.
        before = self._found.mark()
        self._trying = True
        try:
            self._compare(live, shadow, place, trail)
        finally:
            self._trying = False
        same = self._found.count == before.total
        self._found.back_to(before)
        return same

    def _keys(self, items: list[Any], rule: Array) -> list[bytes]:
        return [self._canonical(_key(item, rule), None) for item in items]


def _key(item: Any, rule: Array) -> Any:
    for step in rule.key or ():
        item = step_into(item, step)
    return item
