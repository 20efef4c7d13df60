"""Places that a shadow's JSON must have.

A path asks for what it names, everywhere it leads: ``$.lines[*].id`` wants ``lines``,
and an ``id`` in each of them, though it is content with no lines at all. After ``..``
one place anywhere will do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from gateway.compare.found import Found
from gateway.compare.leaves import step_into
from gateway.compare.paths import Path, Step, Wild
from gateway.compare.pointers import Trail


def missing_places(document: Any, paths: Sequence[Path], found: Found) -> Iterator[Trail]:
    """The places that are not there, until no more are kept."""
    for path in paths:
        for trail in _missing(document, path.steps, None):
            if found.full:
                return
            yield trail


def _missing(value: Any, steps: Sequence[Step], trail: Trail) -> Iterator[Trail]:
    for number, step in enumerate(steps):
        rest = steps[number + 1 :]
        if step is Wild.DEEP:
            if not _anywhere(value, rest):
                yield trail
            return
        if step is Wild.EACH:
            for key, item in _children(value):
                yield from _missing(item, rest, (trail, key, key))
            return
        if not _has(value, step):
            yield (trail, step, step)
            return
        value, trail = step_into(value, step), (trail, step, step)


def _anywhere(document: Any, rest: Sequence[Step]) -> bool:
    """Level by level: one place that has all that follows."""
    level = [document]
    while level:
        for value in level:
            if next(_missing(value, rest, None), None) is None and _leads(value, rest):
                return True
        level = [item for value in level for _, item in _children(value)]
    return False


def _leads(value: Any, rest: Sequence[Step]) -> bool:
    """Whether there is anything at all where the rest begins with "each"."""
    return not rest or rest[0] is not Wild.EACH or bool(list(_children(value)))


def _children(value: Any) -> list[tuple[Any, Any]]:
    if type(value) is dict:
        return list(value.items())
    return list(enumerate(value)) if type(value) is list else []


def _has(value: Any, step: Any) -> bool:
    if type(value) is dict:
        return type(step) is str and step in value
    return type(value) is list and type(step) is int and step < len(value)
