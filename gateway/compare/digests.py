"""What stands in place of a value that must not be kept: a keyed digest, type and length.

Equal values have equal digests, as long as the key is the same; nobody without the key
can find a value by trying. What is empty stays empty.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from hashlib import blake2b
from typing import Any

from gateway.compare.numbers import Arithmetic

_DIGEST_BYTES = 8
_LONGEST_KEY = 64
_LONGEST = 64
_DIGEST = re.compile(r"redacted:[a-z]+:[0-9]+:[0-9a-f]{16}")


def is_digest(value: str) -> bool:
    """Whether it stands in place of something else already."""
    return len(value) < _LONGEST and _DIGEST.fullmatch(value) is not None


class Digests:
    """``key``: at least 16 bytes, the same wherever digests are to be compared.

    ``encode``: JSON, with its members sorted. Any thread may use it.
    """

    def __init__(self, key: bytes, encode: Callable[[Any], bytes]) -> None:
        if len(key) < 16:
            raise ValueError("a key of digests has at least 16 bytes")
        self._key = key if len(key) <= _LONGEST_KEY else blake2b(key).digest()
        self._encode = encode

    def text(self, value: str, kind: str = "text") -> str:
        """In place of a text. Nothing stays nothing, and a digest itself."""
        if not value or is_digest(value):
            return value
        return self._of(kind, len(value), value.encode("utf-8", "surrogatepass"))

    def data(self, value: bytes) -> str:
        """In place of bytes."""
        return self._of("bytes", len(value), value) if value else ""

    def digest(self, value: bytes) -> bytes:
        """In place of a digest that anybody can make."""
        return blake2b(value, digest_size=32, key=self._key).digest()

    def json(self, value: Any) -> Any:
        """In place of a JSON value. 10.10 and 10.1 are the same here too."""
        if value is None or value == "" or value == [] or value == {}:
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, bool):
            return self._of("boolean", 1, self._encode(value))
        if isinstance(value, (int, Decimal)):
            plain = str(Arithmetic().plain(Decimal(value)))
            return self._of("number", len(plain), plain.encode())
        if isinstance(value, dict):
            return self._of("object", len(value), self._encode(value))
        if isinstance(value, (list, tuple)):
            return self._of("array", len(value), self._encode(value))
        return self.text(str(value))

    def _of(self, kind: str, length: int, data: bytes) -> str:
        digest = blake2b(data, digest_size=_DIGEST_BYTES, key=self._key, person=kind.encode())
        return f"redacted:{kind}:{length}:{digest.hexdigest()}"

    def __repr__(self) -> str:
        return "<Digests>"
