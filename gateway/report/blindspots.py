"""What of live's traffic was never or hardly compared: no verdict is about that.

A leaf: takes the store's rows, gives the report's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from gateway.report.content import BlindSpot, Covered
from gateway.store.values import Coverage

_MOST_SPOTS = 25

_Kind = tuple[str, str, int]


def covered(rows: Iterable[Coverage], thin: int) -> Covered:
    """``thin``: compared less often than this is a blind spot."""
    kinds: defaultdict[_Kind, list[Coverage]] = defaultdict(list)
    for row in rows:
        kinds[row.route, row.method, row.status].append(row)
    asked = {kind: _asked(shapes) for kind, shapes in kinds.items()}
    compared = {kind: sum(row.compared for row in shapes) for kind, shapes in kinds.items()}
    total = sum(asked.values())
    seen = sum(number for kind, number in asked.items() if compared[kind] >= thin)
    spots = [*_thin_kinds(asked, compared, total, thin), *_thin_shapes(kinds, compared, thin)]
    share = seen / total if total else None
    return Covered(len(kinds), share, spots[:_MOST_SPOTS], max(0, len(spots) - _MOST_SPOTS))


def _asked(shapes: Iterable[Coverage]) -> int:
    """Live requests; where those are not known, those that were mirrored stand for them."""
    shapes = list(shapes)
    return max(max(row.live for row in shapes), sum(row.mirrored for row in shapes))


def _thin_kinds(
    asked: Mapping[_Kind, int], compared: Mapping[_Kind, int], total: int, thin: int
) -> Iterator[BlindSpot]:
    for kind, number in sorted(asked.items(), key=lambda item: (-item[1], item[0])):
        if compared[kind] < thin:
            route, method, status = kind
            share = number / total if total else None
            yield BlindSpot(route, method, status, None, number, compared[kind], share)


def _thin_shapes(
    kinds: Mapping[_Kind, list[Coverage]], compared: Mapping[_Kind, int], thin: int
) -> Iterator[BlindSpot]:
    """Of kinds that are compared well, the shapes that are not."""
    rows = [
        row
        for kind, shapes in kinds.items()
        for row in shapes
        if compared[kind] >= thin > row.compared and row.mirrored
    ]
    for row in sorted(rows, key=lambda row: (-row.mirrored, row.route, row.method, row.shape)):
        yield BlindSpot(
            row.route, row.method, row.status, row.shape, row.mirrored, row.compared, None
        )
