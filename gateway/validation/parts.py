"""The parts of a request that have parameters, as names and values in their order.

Values are still escaped: what a delimiter is, ``styles.py`` must see first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from urllib.parse import unquote_to_bytes

from gateway.headers import Fields
from gateway.validation.styles import Pairs, Unreadable


def query_pairs(target: str) -> Pairs:
    """The query as names and raw values."""
    query = target.partition("?")[2]
    pairs = (pair.partition("=") for pair in query.split("&") if pair)
    return [(_from_query(name, errors="replace"), value) for name, _, value in pairs]


def header_pairs(fields: Fields) -> Pairs:
    """Header fields by their names in lower case."""
    return [(name.lower(), value) for name, value in fields]


def cookie_pairs(fields: Fields) -> Pairs:
    """The cookies of all Cookie fields."""
    each = (
        cookie.partition("=")
        for name, value in fields
        if name.lower() == "cookie"
        for cookie in value.split(";")
    )
    return [(name.strip(" \t"), value.strip(" \t")) for name, sign, value in each if sign]


def _from_path(text: str, errors: str = "strict") -> str:
    # Targets are text of latin-1 bytes (``gateway.target``).
    try:
        return unquote_to_bytes(text.encode("latin-1")).decode("utf-8", errors)
    except UnicodeError:
        raise Unreadable("must be UTF-8, escaped") from None


def _from_query(text: str, errors: str = "strict") -> str:
    return _from_path(text.replace("+", " "), errors)


def _as_it_is(text: str) -> str:
    return text


# What makes a value of a part readable. Raises ``Unreadable``.
UNESCAPE: Mapping[str, Callable[[str], str]] = MappingProxyType(
    {"path": _from_path, "query": _from_query, "header": _as_it_is, "cookie": _as_it_is}
)
