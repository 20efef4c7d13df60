"""Which rules are about a place of a document, found while one walks through it.

All paths of a route are followed at once: a ``Place`` stands for where one is in every
path, and its ``child`` is a look into a dictionary, however many paths there are.
Places are made when a document first leads there, and kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from gateway.compare.paths import Path, Wild

T = TypeVar("T")

# (number of the path, number of its next step)
_Position = tuple[int, int]
_Key = str | int
# Many ".." can make more places than are worth keeping; a document that leads to more
# has them made anew.
_MOST_KEPT = 2000
# The key of all members and items that no path has by name or index.
_ANY_OTHER = -1


class Place(Generic[T]):
    """``found``: what the rules that end here come to.

    Threads: any may ask for children. Two may make the same one at once; either is right.
    """

    __slots__ = ("_children", "_named", "_places", "_positions", "found")

    def __init__(
        self, places: Places[T], positions: frozenset[_Position], named: frozenset[_Key], found: T
    ) -> None:
        self._places = places
        self._positions = positions
        self._named = named
        self._children: dict[_Key, Place[T] | None] = {}
        self.found = found

    def child(self, key: _Key) -> Place[T] | None:
        """The place of a member or item; None where no rule says anything, there and below."""
        key = key if key in self._named else _ANY_OTHER
        try:
            return self._children[key]
        except KeyError:
            child = self._places.below(self._positions, key)
            self._children[key] = child
            return child

    def __repr__(self) -> str:
        return f"<Place of {self.found!r}>"


class Places(Generic[T]):
    """All places that some paths lead to. ``found``: what to say about the numbers of the
    paths that end at one, in their order.
    """

    def __init__(self, paths: Iterable[Path], found: Callable[[list[int]], T]) -> None:
        self._steps = [path.steps for path in paths]
        self._found = found
        self._kept: dict[frozenset[_Position], Place[T] | None] = {}

    def root(self) -> Place[T] | None:
        """Where documents begin."""
        return self._place(frozenset((number, 0) for number in range(len(self._steps))))

    def below(self, positions: frozenset[_Position], key: _Key) -> Place[T] | None:
        """From a place to that of a member or item."""
        after: set[_Position] = set()
        for number, at in self._closed(positions):
            if at == len(self._steps[number]):
                continue
            step = self._steps[number][at]
            if step is Wild.DEEP:
                after.add((number, at))
            elif step is Wild.EACH or step == key:
                after.add((number, at + 1))
        return self._place(frozenset(after))

    def _place(self, positions: frozenset[_Position]) -> Place[T] | None:
        if not positions:
            return None
        kept = self._kept.get(positions)
        if kept is not None:
            return kept
        closed = self._closed(positions)
        ended = sorted(number for number, at in closed if at == len(self._steps[number]))
        next_steps = (self._steps[n][at] for n, at in closed if at < len(self._steps[n]))
        named = frozenset(step for step in next_steps if not isinstance(step, Wild))
        place = Place(self, positions, named, self._found(ended))
        if len(self._kept) < _MOST_KEPT:
            self._kept[positions] = place
        return place

    def _closed(self, positions: Iterable[_Position]) -> set[_Position]:
        """With what ".." leads to at once: it also stands for no level at all."""
        closed = set(positions)
        for number, at in positions:
            steps = self._steps[number]
            while at < len(steps) and steps[at] is Wild.DEEP:
                at += 1
                closed.add((number, at))
        return closed

    def __repr__(self) -> str:
        return f"<Places of {len(self._steps)} paths, {len(self._kept)} made>"
