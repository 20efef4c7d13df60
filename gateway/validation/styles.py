"""How OpenAPI writes values into a request, read backwards (OpenAPI 3.1 section 4.8.12).

Pure functions: the texts that stand in the request in, their structure out
(a text, a list or a dict of texts), or ``MISSING``. What the texts mean is
``parameters.py``'s business. Texts are taken apart before they are unescaped,
so that an escaped delimiter is none.

Not done here: the styles matrix and label, which hardly anybody uses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, Literal

from gateway.errors import GatewayError

Where = Literal["path", "query", "header", "cookie"]
Form = Literal["scalar", "array", "object"]
Structure = str | list[str] | dict[str, str]

# The request does not have the parameter.
MISSING: Final = None

# (name, raw value) in the order of the request.
Pairs = Sequence[tuple[str, str]]
Reader = Callable[[Pairs], Structure | None]

# OpenAPI 3.1 section 4.8.12.2: of each place the default comes first.
STYLES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "path": ("simple",),
        "query": ("form", "spaceDelimited", "pipeDelimited", "deepObject"),
        "header": ("simple",),
        "cookie": ("form",),
    }
)
_DELIMITERS = MappingProxyType(
    {
        "simple": (",",),
        "form": (",",),
        "spaceDelimited": ("%20", "+"),
        "pipeDelimited": ("|", "%7C", "%7c"),
    }
)


class Unreadable(GatewayError):
    """The texts do not have the form that was agreed upon. The text says what is wrong."""


def reader(
    name: str, form: Form, style: str, *, explode: bool, properties: Sequence[str] = ()
) -> Reader:
    """What finds a parameter among all pairs of its place.

    ``properties``: of an object that is exploded, whose own name appears nowhere.
    Readers raise ``Unreadable``.
    """
    if form == "object" and style == "deepObject":
        return lambda pairs: _bracketed(pairs, f"{name}[")
    if form == "object" and style == "form" and explode:
        return lambda pairs: _by_name(pairs, properties)
    if form == "array" and style == "form" and explode:
        return lambda pairs: _all(pairs, name) or MISSING
    if form == "scalar":
        return lambda pairs: _one(pairs, name)
    delimiters = _DELIMITERS[style]
    if form == "array":
        return lambda pairs: _split(_one(pairs, name), delimiters)
    read = _exploded if explode else _alternating
    return lambda pairs: read(_split(_one(pairs, name), delimiters))


def _all(pairs: Pairs, name: str) -> list[str]:
    return [value for each, value in pairs if each == name]


def _one(pairs: Pairs, name: str) -> str | None:
    values = _all(pairs, name)
    if len(values) > 1:
        # Which one live would take, nobody knows.
        raise Unreadable("is given more than once")
    return values[0] if values else MISSING


def _split(text: str | None, delimiters: Sequence[str]) -> list[str] | None:
    if not text:
        return MISSING if text is None else []
    for other in delimiters[1:]:
        text = text.replace(other, delimiters[0])
    return text.split(delimiters[0])


def _by_name(pairs: Pairs, names: Sequence[str]) -> dict[str, str] | None:
    found = {name: _one(pairs, name) for name in names}
    return {name: value for name, value in found.items() if value is not None} or MISSING


def _bracketed(pairs: Pairs, prefix: str) -> dict[str, str] | None:
    """``filter[state]=open&filter[limit]=3``."""
    names = [name for name, _ in pairs if name.startswith(prefix)]
    if any(not name.endswith("]") or "]" in name[len(prefix) : -1] for name in names):
        raise Unreadable("must be written as name[property]=value, and not be nested")
    return _unique([(name[len(prefix) : -1], v) for name, v in pairs if name in names]) or MISSING


def _exploded(texts: list[str] | None) -> dict[str, str] | None:
    """``R=100,G=200``."""
    if texts is None:
        return MISSING
    pairs = [text.partition("=") for text in texts]
    if not all(separator for _, separator, _ in pairs):
        raise Unreadable("must be written as name=value,name=value")
    return _unique([(name, value) for name, _, value in pairs])


def _alternating(texts: list[str] | None) -> dict[str, str] | None:
    """``R,100,G,200``."""
    if texts is None:
        return MISSING
    if len(texts) % 2:
        raise Unreadable("must be written as name,value,name,value")
    return _unique(list(zip(texts[::2], texts[1::2], strict=True)))


def _unique(pairs: list[tuple[str, str]]) -> dict[str, str]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Unreadable("has a name more than once")
    return found
