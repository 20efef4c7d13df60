"""A body as lines to look at, each with the place in it that it shows.

JSON is laid out anew, so that two documents that mean the same look the same; numbers
are shown as they were written. Other text is shown as it is, and what is no text by its
first bytes. Pure; whatever is in a body, the work is bounded by its size.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from gateway.compare.pointers import escaped

# Beyond this a page is no help; the HAR has all of it.
MOST_LINES = 5000
_DEEPEST = 100
_WIDEST = 20_000
_FIRST_BYTES = 512
_INDENT = "  "


class Line(NamedTuple):
    """``pointer``: the JSON Pointer of what it shows, None in what is no JSON.

    ``tail``: the comma after it, which is nobody's difference.
    """

    text: str
    pointer: str | None = None
    tail: str = ""


class _Number(str):
    """As it was written."""


class _Pairs(list[tuple[str, Any]]):
    """An object's members: a name may be there twice."""


class NoLines(Exception):
    """It is no JSON, or none that can be laid out."""


def json_value(data: bytes) -> Any:
    """What ``json_lines`` takes. Raises ``NoLines``."""
    try:
        return json.loads(
            data,
            parse_int=_Number,
            parse_float=_Number,
            parse_constant=_Number,
            object_pairs_hook=_Pairs,
        )
    except (ValueError, RecursionError) as error:
        raise NoLines(str(error)) from None


def json_lines(value: Any) -> list[Line]:
    """Raises ``NoLines`` for what is nested too deeply or too long."""
    lines = []
    for line in _laid_out(value, "", "", "", 0):
        lines.append(line)
        if len(lines) > MOST_LINES:
            raise NoLines("too long")
    return lines


def _laid_out(value: Any, pointer: str, before: str, tail: str, depth: int) -> Iterator[Line]:
    """``before``: indent and name."""
    if depth > _DEEPEST:
        raise NoLines("nested too deeply")
    if isinstance(value, _Pairs) and value:
        members = [(f"{_text(name)}: ", f"{pointer}/{escaped(name)}", v) for name, v in value]
        yield from _container("{}", members, pointer, before, tail, depth)
    elif isinstance(value, list) and not isinstance(value, _Pairs) and value:
        items = [("", f"{pointer}/{index}", item) for index, item in enumerate(value)]
        yield from _container("[]", items, pointer, before, tail, depth)
    else:
        yield Line(before + _scalar(value), pointer, tail)


def _container(
    brackets: str,
    items: list[tuple[str, str, Any]],
    pointer: str,
    before: str,
    tail: str,
    depth: int,
) -> Iterator[Line]:
    yield Line(before + brackets[0], pointer)
    inner = _INDENT * (depth + 1)
    for number, (name, where, item) in enumerate(items, 1):
        comma = "," if number < len(items) else ""
        yield from _laid_out(item, where, inner + name, comma, depth + 1)
    yield Line(_INDENT * depth + brackets[1], pointer, tail)


def _scalar(value: Any) -> str:
    if isinstance(value, _Pairs):
        return "{}"
    if isinstance(value, list):
        return "[]"
    return value if isinstance(value, _Number) else _text(value)


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def in_order_of(value: Any, model: Any, depth: int = 0) -> Any:
    """The same with members in the order that ``model`` has them: it means nothing."""
    if depth > _DEEPEST:
        return value
    if isinstance(value, _Pairs) and isinstance(model, _Pairs):
        places = {name: place for place, (name, _) in enumerate(model)}
        others = dict(model)
        ordered = sorted(value, key=lambda pair: places.get(pair[0], len(places)))
        return _Pairs((n, in_order_of(v, others.get(n), depth + 1)) for n, v in ordered)
    if type(value) is list and type(model) is list and model:
        last = len(model) - 1
        return [in_order_of(v, model[min(i, last)], depth + 1) for i, v in enumerate(value)]
    return value


def text_lines(data: bytes) -> list[Line]:
    """Text as it is, or the first bytes of what is none."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return _bytes_lines(data)
    if "\0" in text:
        return _bytes_lines(data)
    lines = [Line(line[:_WIDEST]) for line in text.splitlines()[:MOST_LINES]]
    if len(lines) == MOST_LINES:
        lines.append(Line("… and more"))
    return lines


def _bytes_lines(data: bytes) -> list[Line]:
    first = data[:_FIRST_BYTES]
    rows = (first[i : i + 16] for i in range(0, len(first), 16))
    lines = [Line(f"{16 * n:04x}  {row.hex(' ')}") for n, row in enumerate(rows)]
    if len(data) > _FIRST_BYTES:
        lines.append(Line(f"… {len(data)} bytes in all"))
    return lines
