"""Which items of two arrays belong together: by position, by a key, or by what they are."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import zip_longest

# Indices in live's and in the shadow's array; None where the other one has no counterpart.
Pair = tuple[int | None, int | None]


def by_position(live: Sequence[object], shadow: Sequence[object]) -> Iterator[Pair]:
    """The first with the first."""
    return zip_longest(range(len(live)), range(len(shadow)))


def around_a_gap(live: Sequence[bytes], shadow: Sequence[bytes]) -> Iterator[Pair]:
    """For arrays of which one is longer: what is the same at the beginning and the end
    belongs together, so that one item more does not shift all that follow.
    """
    shorter = min(len(live), len(shadow))
    head = 0
    while head < shorter and live[head] == shadow[head]:
        head += 1
    tail = 0
    while tail < shorter - head and live[-1 - tail] == shadow[-1 - tail]:
        tail += 1
    yield from ((i, i) for i in range(head))
    yield from zip_longest(range(head, len(live) - tail), range(head, len(shadow) - tail))
    for i in range(tail, 0, -1):
        yield len(live) - i, len(shadow) - i


def by_key(live: Sequence[bytes], shadow: Sequence[bytes]) -> Iterator[Pair]:
    """Items with the same key; of several with one key the first with the first."""
    places = defaultdict[bytes, list[int]](list)
    for j in range(len(shadow) - 1, -1, -1):
        places[shadow[j]].append(j)
    for i, key in enumerate(live):
        others = places.get(key)
        yield i, others.pop() if others else None
    for j in sorted(j for rest in places.values() for j in rest):
        yield None, j


def same_members(live: Sequence[bytes], shadow: Sequence[bytes]) -> bool:
    """Whether both have the same items, each as often, in whatever order."""
    return Counter(live) == Counter(shadow)


def left_alone(pairs: Iterable[Pair]) -> tuple[list[Pair], list[int], list[int]]:
    """The pairs proper, and the indices that have no counterpart on either side."""
    proper: list[Pair] = []
    alone: list[int] = []
    others: list[int] = []
    for i, j in pairs:
        if i is not None and j is not None:
            proper.append((i, j))
        elif i is not None:
            alone.append(i)
        elif j is not None:
            others.append(j)
    return proper, alone, others


def matched(
    alone: Iterable[int], others: list[int], same: Callable[[int, int], bool]
) -> Iterator[Pair]:
    """Puts together what counts as the same by tolerances, which no form of an item shows."""
    rest = list(others)
    for i in alone:
        j = next((j for j in rest if same(i, j)), None)
        if j is not None:
            rest.remove(j)
        yield i, j
    yield from ((None, j) for j in rest)
