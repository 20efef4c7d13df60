"""Path templates: which of an API's paths a request is for, and the values in it.

The path is taken as it was sent, like everywhere (``gateway.routes``): an
escaped slash separates nothing. A tree of segments, in which every place is
looked at once at most, so that a path cannot make the search long; fixed
segments go before those with a variable (OpenAPI 3.1 section 4.8.8.2).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Generic, TypeVar

from gateway.routes import canonical_path

T = TypeVar("T")

_VARIABLE = re.compile(r"\{([^{}]*)\}")
# Live might take them for steps up and down, and find another path than was checked here.
_STEPS = frozenset({"", ".", ".."})


class PathTree(Generic[T]):
    """Templates such as ``/invoices/{id}/lines``, with a value each."""

    def __init__(self) -> None:
        self._root: _Place[tuple[tuple[str, ...], T]] = _Place()

    def add(self, template: str, value: T) -> None:
        """Raises ``ValueError`` for what is no template, or the same as one before."""
        if not template.startswith("/"):
            raise ValueError("a path must start with /")
        place, names = self._root, list[str]()
        for text in template.split("/")[1:]:
            segment = _Segment(text)
            place = place.below(segment)
            names += segment.names
        if place.value is not None:
            raise ValueError("another path of this document is for the same requests")
        place.value = tuple(names), value

    def find(self, path: str) -> tuple[T, dict[str, str]] | None:
        """The value for a path as it was sent, and its variables, still escaped."""
        values: list[str] = []
        found = self._root.find(canonical_path(path).split("/"), 1, values)
        if found is None:
            return None
        names, value = found
        return value, dict(zip(names, values, strict=True))


class _Place(Generic[T]):
    __slots__ = ("_fixed", "_open", "value")

    def __init__(self) -> None:
        self.value: T | None = None
        self._fixed: dict[str, _Place[T]] = {}
        self._open: list[tuple[_Segment, _Place[T]]] = []

    def below(self, segment: _Segment) -> _Place[T]:
        """The place of one more segment; made if it is new."""
        if not segment.names:
            return self._fixed.setdefault(segment.texts[0], _Place())
        for known, place in self._open:
            if known.texts == segment.texts:
                return place
        made: _Place[T] = _Place()
        self._open.append((segment, made))
        self._open.sort(key=lambda each: -len("".join(each[0].texts)))
        return made

    def find(self, segments: Sequence[str], index: int, values: list[str]) -> T | None:
        """The value below; ``values`` gets those of the variables, in their order."""
        if index == len(segments):
            return self.value
        text = segments[index]
        fixed = self._fixed.get(text)
        found = fixed.find(segments, index + 1, values) if fixed is not None else None
        if found is not None:
            return found
        for segment, place in self._open:
            matched = segment.match(text)
            if matched is not None:
                before = len(values)
                values += matched
                found = place.find(segments, index + 1, values)
                if found is not None:
                    return found
                del values[before:]
        return None


class _Segment:
    """What is between two slashes: texts, and names of variables between them."""

    def __init__(self, text: str) -> None:
        parts = _VARIABLE.split(text)
        self.texts = tuple(map(canonical_path, parts[::2]))
        self.names = tuple(parts[1::2])
        if re.search("[{}]", "".join(parts)) or "" in self.names:
            raise ValueError("{ and } must be around the name of a variable, as in {id}")
        if "" in self.texts[1:-1]:
            raise ValueError("there must be a text between two variables")

    def match(self, text: str) -> list[str] | None:
        """Each text is found once, leftmost: no way back, so no long search."""
        first, *middle, last = self.texts
        end = len(text) - len(last)
        if text in _STEPS or not (text.startswith(first) and text.endswith(last)):
            return None
        values, start = [], len(first)
        for fixed in middle:
            found = text.find(fixed, start + 1, end)
            if found < 0:
                return None
            values.append(text[start:found])
            start = found + len(fixed)
        if start >= end:  # A variable stands for one character at least.
            return None
        return [*values, text[start:end]]
