"""Walks through two JSON documents at once and notes where they differ.

The time it takes grows with the size of the documents and no faster: an upstream
may have made them for that. Depth is bounded where they are read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from types import MappingProxyType, NoneType
from typing import Any

from gateway.compare.arrays import Pair, around_a_gap, by_position, same_members
from gateway.compare.canonical import Canonical, TooMuch
from gateway.compare.found import Found
from gateway.compare.leaves import Leaves, Patience
from gateway.compare.pointers import Trail
from gateway.compare.rules import Rules, Spot
from gateway.compare.unordered import Unordered
from gateway.compare.verdict import Kind

_TYPES = MappingProxyType(
    {
        dict: "object",
        list: "array",
        str: "text",
        bool: "boolean",
        int: "number",
        Decimal: "number",
        NoneType: "null",
    }
)
_SCALARS = frozenset(_TYPES) - {dict, list}
_NOWHERE = object()


class Walk:
    """One comparison of two documents."""

    def __init__(
        self,
        live: Any,
        shadow: Any,
        rules: Rules,
        found: Found,
        *,
        encode: Callable[[Any], bytes],
        patience: Patience,
    ) -> None:
        self._documents = live, shadow
        self._place = rules.place
        self._found = found
        self._encode = encode
        self._leaves = Leaves(live, shadow, found, patience)
        self._canonical = Canonical(encode, self._leaves.arithmetic, patience)
        self._unordered = Unordered(self._canonical, found, self._values)
        # Of money all differences are added up, also those beyond what is kept.
        self._to_the_end = rules.has_money

    def run(self) -> None:
        """From the roots."""
        self._values(*self._documents, self._place, None)

    def _values(self, live: Any, shadow: Any, place: Spot | None, trail: Trail) -> None:
        if place is not None and place.found.ignored:
            if self._encode(live) != self._encode(shadow):
                self._found.ignored += 1
        elif type(live) is dict and type(shadow) is dict:
            self._members(live, shadow, place, trail)
        elif type(live) is list and type(shadow) is list:
            self._arrays(live, shadow, place, trail)
        else:
            self._leaf(live, shadow, place, trail)

    def _leaf(self, live: Any, shadow: Any, place: Spot | None, trail: Trail) -> None:
        # True is 1 in Python, and not in JSON.
        same_type = _TYPES[type(live)] == _TYPES[type(shadow)]
        if same_type and live == shadow:
            return
        treated = place is not None and place.found.for_leaves
        if treated and self._leaves.tolerated(live, shadow, place.found, trail):  # type: ignore[union-attr]
            self._found.ignored += 1
            return
        self._found.in_body(Kind.VALUE if same_type else Kind.TYPE, trail, live, shadow)

    def _members(
        self, live: dict[str, Any], shadow: dict[str, Any], place: Spot | None, trail: Trail
    ) -> None:
        for key, value in live.items():
            other = shadow.get(key, _NOWHERE)
            kind = type(value)
            if kind is type(other) and kind in _SCALARS and value == other:
                continue  # Most are; no rule has a say.
            child = None if place is None else place.child(key)
            if other is _NOWHERE:
                self._alone(Kind.MISSING, value, child, (trail, key, key))
            else:
                self._values(value, other, child, (trail, key, key))
        for key, other in shadow.items():
            if key not in live:
                child = None if place is None else place.child(key)
                self._alone(Kind.ADDED, other, child, (trail, key, key))

    def _alone(self, kind: Kind, value: Any, place: Spot | None, trail: Trail) -> None:
        if place is not None and place.found.ignored:
            self._found.ignored += 1
        elif kind is Kind.MISSING:
            self._found.in_body(kind, trail, live=value)
        else:
            self._found.in_body(kind, trail, shadow=value)

    def _arrays(self, live: list[Any], shadow: list[Any], place: Spot | None, trail: Trail) -> None:
        rule = None if place is None else place.found.array
        if rule is not None and place is not None:
            pairs = self._unordered.pairs(live, shadow, rule, place, trail)
            self._items(live, shadow, pairs, place, trail)
        elif len(live) == len(shadow):
            self._same_length(live, shadow, place, trail)
        else:
            forms = self._forms(live, shadow, place)
            pairs = around_a_gap(*forms) if forms else by_position(live, shadow)
            self._items(live, shadow, pairs, place, trail)

    def _items(
        self,
        live: list[Any],
        shadow: list[Any],
        pairs: Iterable[Pair],
        place: Spot | None,
        trail: Trail,
    ) -> int:
        """Compares items that belong together; how many of them differ."""
        found, child, differ = self._found, None, 0
        for i, j in pairs:
            if found.full and (i is None or j is None or not self._to_the_end):
                if self._to_the_end:
                    continue
                break
            before = found.count
            if place is not None:
                child = place.child(j if i is None else i)  # type: ignore[arg-type]
            if i is None:
                self._alone(Kind.ADDED, shadow[j], child, (trail, j, j))  # type: ignore[index]
            elif j is None:
                self._alone(Kind.MISSING, live[i], child, (trail, i, i))
            else:
                self._values(live[i], shadow[j], child, (trail, i, j))
            differ += found.count > before
        return differ

    def _same_length(
        self, live: list[Any], shadow: list[Any], place: Spot | None, trail: Trail
    ) -> None:
        before = self._found.mark()
        # Nothing can be in another order unless two items differ.
        if self._items(live, shadow, by_position(live, shadow), place, trail) > 1:
            forms = self._forms(live, shadow, place)
            if forms and same_members(*forms):
                self._found.back_to(before)
                self._found.in_body(Kind.ORDER, trail, live, shadow)

    def _forms(
        self, live: list[Any], shadow: list[Any], place: Spot | None
    ) -> tuple[list[bytes], list[bytes]] | None:
        """The canonical forms of all items, or None where they are too many."""
        look = self._canonical.second_look
        try:
            return look(live, place), look(shadow, place)
        except TooMuch:
            return None
