"""The shape of a request's parameters: which names there are, whatever their values.

A leaf, for coverage: traffic with a parameter that never came through the comparison
is a blind spot. Names are clients' choice, so they are few, short and without what
could be a value: a name that looks like an id is folded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import unquote_plus

import msgspec

from gateway.shadow.copy import Copy

# A larger body is not looked into: parsing costs, and the shape of small ones tells.
_LARGEST_BODY = 64 * 1024
_MOST_NAMES = 30
# Names made of a value: numbers, and long ones with digits in them.
_ID = re.compile(r"\d+|(?=.*\d)[0-9A-Za-z_.:-]{16,}")

_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_items = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])


def shape_of(request: Copy) -> str:
    """As in ``?page,size {amount,currency}``; "" for a request without parameters."""
    query = request.target.partition("?")[2]
    parts = []
    if query:
        parts.append("?" + _joined(_query_names(query)))
    if request.body:
        parts.append(_body_shape(request.body))
    return " ".join(filter(None, parts))


def _query_names(query: str) -> Iterable[str]:
    names = [pair.partition("=")[0] for pair in query[:4096].split("&", 200) if pair]
    if "%" in query or "+" in query:
        names = [unquote_plus(name) for name in names]
    return names


def _body_shape(body: bytes) -> str:
    start = body[:1]
    if len(body) > _LARGEST_BODY or start not in b"{[ \n\r\t":
        return ""
    try:
        if start == b"[":
            return f"[{{{_joined(name for item in _items.decode(body) for name in item)}}}]"
        return f"{{{_joined(_object.decode(body))}}}"
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""


def _joined(names: Iterable[str]) -> str:
    known = sorted({name if name.isalpha() else _folded(name) for name in names})
    more = ",…" if len(known) > _MOST_NAMES else ""
    return ",".join(known[:_MOST_NAMES]) + more


def _folded(name: str) -> str:
    return "*" if _ID.fullmatch(name) else name
