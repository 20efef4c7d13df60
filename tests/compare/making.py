"""Exchanges for the tests of this folder, and documents for hypothesis."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from gateway.compare.answer import Answer
from gateway.compare.comparer import Comparer
from gateway.compare.pointers import keys_in
from gateway.compare.verdict import Comparison
from gateway.settings.comparison import Compare
from gateway.shadow.copy import Copy

REQUEST = Copy("id-1", "GET", "/invoices/7", (), b"", had_body=False)
JSON = (("Content-Type", "application/json"),)
MISSING = object()


def answer(
    body: bytes | str | None = b"",
    *fields: tuple[str, str],
    status: int = 200,
    media: str = "application/json",
    **more: Any,
) -> Answer:
    """An answer as it would have been captured."""
    data = body.encode() if isinstance(body, str) else body
    size = more.pop("size", len(data or b""))
    types = (("Content-Type", media),) if media else ()
    return Answer(status, (*types, *fields), data, size, 0.01, **more)


def compared(live: Any, shadow: Any, *, request: Copy = REQUEST, **rules: Any) -> Comparison:
    """What comparing comes to; texts and bytes are JSON bodies."""
    live, shadow = (side if isinstance(side, Answer) else answer(side) for side in (live, shadow))
    return Comparer(Compare(**rules)).compare(request, live, shadow)


def places(comparison: Comparison) -> list[tuple[str, str]]:
    """Kind and pointer of every difference."""
    return [(each.kind.value, each.pointer) for each in comparison.differences]


def as_json(value: Any) -> str:
    """A document as text; decimals as they are."""
    if isinstance(value, dict):
        members = (f"{json.dumps(key)}: {as_json(item)}" for key, item in value.items())
        return "{" + ", ".join(members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(as_json, value)) + "]"
    return str(value) if isinstance(value, Decimal) else json.dumps(value)


def at(document: Any, pointer: str) -> Any:
    """What a pointer leads to."""
    for key in keys_in(pointer):
        try:
            document = document[int(key) if isinstance(document, list) else key]
        except (KeyError, IndexError, TypeError, ValueError):
            return MISSING
    return document


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.integers(-2, 2)
    | st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**6), max_value=10**6)
    | TEXTS
)
NAMES = st.sampled_from(["id", "a", "b", "lines", "x/y", "~", "", "0"]) | TEXTS
DOCUMENTS = st.recursive(
    SCALARS,
    lambda below: st.lists(below, max_size=4) | st.dictionaries(NAMES, below, max_size=4),
    max_leaves=12,
)
