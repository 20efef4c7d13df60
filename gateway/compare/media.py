"""Content types of answers, as far as the comparison goes by them (RFC 9110 section 8.3)."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from gateway.headers import Field

# Longer ones are read each time: what is remembered of an upstream must be small.
_LONGEST_REMEMBERED = 100


class MediaType(NamedTuple):
    """All in lower case, but for values of parameters other than charset.

    ``parameters``: without charset, in no order.
    """

    essence: str
    charset: str
    parameters: frozenset[tuple[str, str]]

    @property
    def is_json(self) -> bool:
        """JSON itself, or a format made of it (RFC 6839 section 3.1)."""
        return self.essence.endswith(("/json", "+json"))

    @property
    def is_form(self) -> bool:
        """Names and values, as browsers send them."""
        return self.essence == "application/x-www-form-urlencoded"

    def __eq__(self, other: object) -> bool:
        """The charset of JSON does not matter: it is always UTF-8 (RFC 8259 section 8.1)."""
        if not isinstance(other, MediaType):
            return NotImplemented
        if self.essence != other.essence or self.parameters != other.parameters:
            return False
        return self.is_json or self.charset == other.charset

    def __hash__(self) -> int:
        return hash(self.essence)


def media_type(value: str) -> MediaType:
    """What a Content-Type field says."""
    return _remembered(value) if len(value) <= _LONGEST_REMEMBERED else _parsed(value)


def type_of(fields: tuple[Field, ...]) -> MediaType:
    """The content type of an answer; of two fields the last one counts, as in browsers."""
    found = ""
    for name, value in fields:
        if len(name) == 12 and name.lower() == "content-type":
            found = value
    return media_type(found)


def _parsed(value: str) -> MediaType:
    essence, *rest = value.split(";")
    pairs = (each.partition("=") for each in rest if each.strip(" \t"))
    named = {name.strip(" \t").lower(): text.strip(" \t").strip('"') for name, _, text in pairs}
    charset = named.pop("charset", "").lower()
    return MediaType(essence.strip(" \t").lower(), charset, frozenset(named.items()))


_remembered = lru_cache(maxsize=256)(_parsed)
