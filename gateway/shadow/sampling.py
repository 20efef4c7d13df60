"""Which requests fall into a percentage: always the same ones.

A key (the request id, or a header or cookie that names the user) is hashed to
a point in [0, 1); it is in when that lies below the percentage. So a user's
whole session is mirrored or not, raising the percentage only adds requests,
and all workers and machines agree without talking to each other.
"""

from __future__ import annotations

from hashlib import blake2b

from gateway.shadow.copy import Copy


def position(key: str, salt: str) -> float:
    """Where a key falls in [0, 1). ``salt`` keeps shadows independent of each other."""
    digest = blake2b(key.encode("utf-8", "surrogateescape"), digest_size=7, person=_person(salt))
    # 53 bits: as many as a float keeps exactly.
    return (int.from_bytes(digest.digest(), "big") >> 3) / (1 << 53)


def _person(salt: str) -> bytes:
    # BLAKE2's personalisation has 16 bytes; a digest of the salt always fits.
    return blake2b(salt.encode(), digest_size=16).digest()


class Sampler:
    """Decides by a rule such as ``request-id``, ``header:X-Account``, ``cookie:sid``."""

    def __init__(self, rule: str, salt: str) -> None:
        self._kind, _, self._name = rule.partition(":")
        self._salt = salt

    def admits(self, copy: Copy, percent: float) -> bool:
        """Whether the copy belongs to the mirrored ``percent`` of requests."""
        if percent >= 100:
            return True
        if percent <= 0:
            return False
        return position(self._key(copy), self._salt) * 100 < percent

    def _key(self, copy: Copy) -> str:
        """The sampling key; the request id where the request has no such field."""
        value = None
        if self._kind == "header":
            value = copy.field(self._name.lower())
        elif self._kind == "cookie":
            value = _cookie(copy, self._name)
        return value or copy.request_id


def _cookie(copy: Copy, name: str) -> str | None:
    for key, value in copy.fields:
        if key.lower() != "cookie":
            continue
        for pair in value.split(";"):
            found, _, content = pair.strip().partition("=")
            if found == name:
                return content
    return None
