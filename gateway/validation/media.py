"""Content types: which a request has, and which rule is for it (RFC 9110 section 8.3)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Generic, NamedTuple, TypeVar

from gateway.errors import UnsupportedMediaType
from gateway.headers import Field
from gateway.validation.rejection import Reason, Rejected

T = TypeVar("T")

JSON_RANGES = ("application/json", "application/*+json")
# RFC 8259 section 8.1; ASCII is a part of it.
_JSON_CHARSETS = frozenset({"utf-8", "utf8", "us-ascii"})


class MediaType(NamedTuple):
    """``essence``: type and subtype, lower case. ``charset``: lower case, or None."""

    essence: str
    charset: str | None

    @property
    def is_json(self) -> bool:
        """JSON itself, or a format made of it (RFC 6839 section 3.1)."""
        return self.essence == "application/json" or self.essence.endswith("+json")

    @property
    def is_utf8(self) -> bool:
        """Whether its charset is the one that JSON must have; it need not say so."""
        return self.charset is None or self.charset in _JSON_CHARSETS


_JSON = MediaType("application/json", None)
_JSON_UTF8 = MediaType("application/json", "utf-8")
# As nearly everybody sends it: found without a parse.
_USUAL: Mapping[str, MediaType] = MappingProxyType(
    {
        "application/json": _JSON,
        "application/json; charset=utf-8": _JSON_UTF8,
        "application/json;charset=utf-8": _JSON_UTF8,
        "application/json; charset=UTF-8": _JSON_UTF8,
        "application/json;charset=UTF-8": _JSON_UTF8,
    }
)


def media_type(fields: Iterable[Field]) -> MediaType | None:
    """The content type of a request; None without one.

    Raises ``Rejected`` for two: live might believe the other one.
    """
    values = [value for name, value in fields if name.lower() == "content-type"]
    if not values:
        return None
    if len(values) > 1:
        refusal = UnsupportedMediaType("Send one Content-Type field.")
        raise Rejected(Reason.CONTENT_TYPE, refusal)
    return _USUAL.get(values[0]) or _parsed(values[0])


def _parsed(value: str) -> MediaType:
    essence, *parameters = value.split(";")
    charset = None
    for parameter in parameters:
        name, _, text = parameter.partition("=")
        if name.strip(" \t").lower() == "charset":
            charset = text.strip(" \t").strip('"').lower()
    return MediaType(essence.strip(" \t").lower(), charset)


def _narrowness(media_range: str) -> int:
    return len(media_range.replace("*", ""))


def _pattern(media_range: str) -> re.Pattern[str]:
    return re.compile("[^/]*".join(map(re.escape, media_range.split("*"))))


class MediaRules(Generic[T]):
    """A value for each media range; the most specific range that a type is in wins.

    Ranges are ``type/subtype``, ``type/*+suffix``, ``type/*`` and ``*/*``.
    """

    def __init__(self, rules: Mapping[str, T]) -> None:
        self.ranges = tuple(rules)
        lower = {_parsed(name).essence: value for name, value in rules.items()}
        self._exact = {name: value for name, value in lower.items() if "*" not in name}
        # The more literal text, the narrower the range.
        wide = sorted((name for name in lower if "*" in name), key=_narrowness, reverse=True)
        self._wide = [(_pattern(name).fullmatch, lower[name]) for name in wide]

    def find(self, essence: str) -> T | None:
        """The value for a content type, or None if it is in no range."""
        exact = self._exact.get(essence)
        if exact is not None:
            return exact
        for matches, value in self._wide:
            if matches(essence):
                return value
        return None

    def refusal(self, method: str) -> Rejected:
        """What somebody is told whose content type is in none of them."""
        accepted = ", ".join(self.ranges)
        headers = [("Accept", accepted)]
        if method == "PATCH":
            headers.append(("Accept-Patch", accepted))  # RFC 5789 section 2.2
        detail = f"Send a body of one of these content types: {accepted}."
        return Rejected(Reason.CONTENT_TYPE, UnsupportedMediaType(detail, headers=headers))
