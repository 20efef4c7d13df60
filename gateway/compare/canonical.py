"""One form for all values that count as the same, so that they can be counted and looked up.

Bytes, whose hash an upstream cannot foresee: it can choose numbers that all have one
hash, and a table of those takes time that grows with their square.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from gateway.compare.leaves import Patience
from gateway.compare.numbers import Arithmetic, is_plain
from gateway.compare.rules import Spot
from gateway.errors import GatewayError

_MOST_SECOND_LOOKS = 10_000


class TooMuch(GatewayError):
    """The value is too large for what it would be looked at for."""


class Canonical:
    """Makes it: without what is ignored, texts normalised, sets sorted. Tolerances have no
    such form and are left to whoever compares.
    """

    def __init__(
        self, encode: Callable[[Any], bytes], arithmetic: Arithmetic, patience: Patience
    ) -> None:
        self._encode = encode
        self._plain = arithmetic.plain
        self._patience = patience
        self._affordable = _MOST_SECOND_LOOKS
        self._left = math.inf

    def __call__(self, value: Any, place: Spot | None) -> bytes:
        """The form of a value at a place."""
        if place is None and type(value) is str:
            return self._encode(value)
        return self._encode(self._reduced(value, place))

    def items(self, values: list[Any], place: Spot | None) -> list[bytes]:
        """The forms of the items of an array."""
        if place is None:
            return [self(item, None) for item in values]
        return [self(item, place.child(index)) for index, item in enumerate(values)]

    def second_look(self, values: list[Any], place: Spot | None) -> list[bytes]:
        """The same for what was looked at already, as long as that is affordable: of one
        comparison, so many values. Raises ``TooMuch``.
        """
        self._left = self._affordable - len(values)
        try:
            return self.items(values, place)
        finally:
            self._affordable = max(0, int(self._left))
            self._left = math.inf

    def _reduced(self, value: Any, place: Spot | None) -> Any:
        self._left -= 1
        if self._left < 0:
            raise TooMuch
        if type(value) is int:
            return value if is_plain(value) else self._plain(Decimal(value))
        if type(value) is Decimal:
            return self._plain(value)
        if type(value) is dict:
            return self._members(value, place)
        if type(value) is list:
            return self._items(value, place)
        if type(value) is str and place is not None and place.found.texts:
            return self._patience.normalised(value, place.found.texts)
        return value

    def _members(self, value: dict[str, Any], place: Spot | None) -> dict[str, Any]:
        if place is None:
            return {key: self._reduced(item, None) for key, item in value.items()}
        reduced = {}
        for key, item in value.items():
            child = place.child(key)
            if child is None or not child.found.ignored:
                reduced[key] = self._reduced(item, child)
        return reduced

    def _items(self, value: list[Any], place: Spot | None) -> list[Any]:
        if place is None:
            return [self._reduced(item, None) for item in value]
        reduced = []
        for index, item in enumerate(value):
            child = place.child(index)
            if child is None or not child.found.ignored:
                reduced.append(self._reduced(item, child))
        return sorted(reduced, key=self._encode) if place.found.array is not None else reduced
