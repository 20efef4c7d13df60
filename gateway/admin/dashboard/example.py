"""One kept exchange, ready to be looked at: the request, and both answers side by side.

Pure. It was redacted before it was stored; everything in it is a stranger's all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from gateway.admin.dashboard.lines import (
    Line,
    NoLines,
    in_order_of,
    json_lines,
    json_value,
    text_lines,
)
from gateway.admin.dashboard.sides import Mark, Places, Stretch, side_by_side
from gateway.coding import CodingError, Limits, codings_in, decoded
from gateway.compare.answer import Answer
from gateway.compare.pointers import keys_in
from gateway.compare.verdict import Difference, Judged, Part
from gateway.headers import Field

_LIMITS = Limits(4 * 1024 * 1024)


class FieldRow(NamedTuple):
    """A header field in both answers; None: not there. ``here``: as in ``Row``."""

    mark: Mark
    name: str
    live: str | None
    shadow: str | None
    here: bool = False


class Body(NamedTuple):
    """A body: its lines, or in ``note`` why there are none to see."""

    lines: list[Line]
    note: str


class Pair(NamedTuple):
    """Both answers. ``status`` is None where a side gave no answer."""

    live: Answer | None
    shadow: Answer | None
    status_differs: bool
    fields: list[FieldRow]
    body: list[Stretch]
    notes: tuple[str, str]
    verdict: str
    reason: str
    differences: tuple[Difference, ...]
    ignored: int


def pair_of(judged: Judged, looked_at: tuple[str, str, str] | None = None) -> Pair:
    """What a page shows of both answers. ``looked_at``: part, kind and pattern of a group."""
    comparison = judged.comparison
    live, shadow = judged.live, judged.answer
    ours, theirs = _bodies(live, shadow)
    differences = comparison.differences
    here = [each for each in differences if _place(each) == looked_at]
    return Pair(
        live,
        shadow,
        any(each.part is Part.STATUS for each in differences),
        _fields(live, shadow, differences, here),
        side_by_side(ours.lines, theirs.lines, Places(differences), Places(here)),
        (ours.note, theirs.note),
        comparison.verdict.value,
        comparison.reason,
        differences,
        comparison.ignored,
    )


def request_body(body: bytes, fields: Sequence[Field]) -> Body:
    """A request's body to look at."""
    return _body(body, fields)


def _bodies(live: Answer | None, shadow: Answer | None) -> tuple[Body, Body]:
    """Both, laid out alike where both are JSON."""
    try:
        ours, theirs = json_value(_decoded(live)), json_value(_decoded(shadow))
        return Body(json_lines(ours), ""), Body(json_lines(in_order_of(theirs, ours)), "")
    except (NoLines, CodingError):
        return _answer_body(live), _answer_body(shadow)


def _decoded(answer: Answer | None) -> bytes:
    if answer is None or answer.body is None:
        raise NoLines("no body")
    return decoded(answer.body, codings_in(answer.fields), _LIMITS)


def _answer_body(answer: Answer | None) -> Body:
    if answer is None:
        return Body([], "")
    if answer.body is None:
        digest = f", BLAKE2b {answer.digest.hex()[:16]}…" if answer.digest else ""
        return Body([], f"{answer.size} bytes, not kept{digest}")
    return _body(answer.body, answer.fields)


def _body(data: bytes, fields: Iterable[Field]) -> Body:
    try:
        plain = decoded(data, codings_in(fields), _LIMITS)
    except CodingError as error:
        return Body(text_lines(data), f"as sent: {error}")
    try:
        return Body(json_lines(json_value(plain)), "") if plain else Body([], "empty")
    except NoLines:
        return Body(text_lines(plain), "")


def _place(difference: Difference) -> tuple[str, str, str]:
    return difference.part.value, difference.kind.value, difference.pattern


def _names(differences: Iterable[Difference]) -> set[str]:
    """Lower-case names of the header fields that they are about."""
    places = (each.pointer for each in differences if each.part is Part.HEADERS)
    return {name for pointer in places for name in keys_in(pointer)[:1]}


def _fields(
    live: Answer | None,
    shadow: Answer | None,
    differences: Iterable[Difference],
    here: Iterable[Difference],
) -> list[FieldRow]:
    """By name, in live's order; several of one name in one row."""
    counted, looked_at = _names(differences), _names(here)
    ours, theirs = _by_name(live), _by_name(shadow)
    rows = []
    for key in dict.fromkeys([*ours, *theirs]):
        one, other = ours.get(key), theirs.get(key)
        value = one[1] if one else None
        shadows = other[1] if other else None
        same = value == shadows
        mark: Mark = "differs" if key in counted else "same" if same else "ignored"
        name = (one or other or (key, ""))[0]
        rows.append(FieldRow(mark, name, value, shadows, key in looked_at))
    return rows


def _by_name(answer: Answer | None) -> dict[str, tuple[str, str]]:
    """Lower-case name to (name as sent, values one below the other)."""
    found: dict[str, tuple[str, str]] = {}
    for name, value in answer.fields if answer else ():
        known = found.get(name.lower())
        found[name.lower()] = (name, f"{known[1]}\n{value}") if known else (name, value)
    return found
