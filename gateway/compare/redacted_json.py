"""Which values of a JSON document may not be kept, and the document without them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from gateway.compare.digests import Digests
from gateway.compare.paths import Path
from gateway.compare.places import Place, Places

# Members that are credentials by their name, however it is written: accessToken,
# access_token, Access-Token. docs/comparison.md has the same list.
SECRET_MEMBERS = frozenset(
    {
        *("password", "passwd", "passphrase", "secret", "token", "authorization"),
        *("accesstoken", "refreshtoken", "idtoken", "sessiontoken", "csrftoken"),
        *("clientsecret", "apikey", "privatekey", "credentials"),
    }
)
# Whether such a name can be in a text at all, escapes included: most have none.
_SUSPECT = re.compile(rb"pass|secret|token|authorization|key|credential|\\u", re.IGNORECASE)
_LONGEST_NAME = 40

Secret = Place[bool]


class JsonRedactor:
    """``paths``: of values, beside members with such names. Any thread may use it."""

    def __init__(self, paths: Iterable[Path], digests: Digests) -> None:
        self._root = Places(list(paths), bool).root()
        self._digest = digests.json

    def concerns(self, text: bytes) -> bool:
        """Whether there may be something to redact in a text."""
        return self._root is not None or _SUSPECT.search(text) is not None

    def document(self, value: Any) -> Any:
        """The whole of it without what may not be kept."""
        return self._redacted(value, self._root)

    def below(self, keys: Sequence[str], value: Any) -> Any:
        """A value that is at a place of a document."""
        value = self._redacted(value, None)
        for place in self._places(keys):
            if place is not None:
                value = self._redacted(value, place)
        return value

    def secret_at(self, keys: Sequence[str]) -> int | None:
        """How many steps lead to the first place that is secret as a whole, if one is."""
        places = [self._root]
        for depth in range(len(keys) + 1):
            if any(place is not None and place.found for place in places):
                return depth
            if depth < len(keys):
                if is_secret(keys[depth]):
                    return depth + 1
                places = _children(places, keys[depth])
        return None

    def _places(self, keys: Sequence[str]) -> list[Secret | None]:
        places = [self._root]
        for key in keys:
            places = _children(places, key)
        return places

    def _redacted(self, value: Any, place: Secret | None) -> Any:
        if place is not None and place.found:
            return self._digest(value)
        if type(value) is dict:
            return {
                key: self._digest(item)
                if is_secret(key)
                else self._redacted(item, None if place is None else place.child(key))
                for key, item in value.items()
            }
        if type(value) is list:
            return [
                self._redacted(item, None if place is None else place.child(index))
                for index, item in enumerate(value)
            ]
        return value


def is_secret(name: str) -> bool:
    """Whether a member is a credential by its name."""
    if len(name) > _LONGEST_NAME:
        return False
    return name.lower().replace("_", "").replace("-", "") in SECRET_MEMBERS


def _children(places: Iterable[Secret | None], key: str) -> list[Secret | None]:
    """A step of a pointer may be a name or an index: both are followed."""
    keys: list[str | int] = [key, int(key)] if key.isascii() and key.isdigit() else [key]
    return [place.child(each) for place in places if place is not None for each in keys]
