"""Which requests are never mirrored, so that there is something to measure mirroring by.

Chosen at random, but always the same: the request id decides, for all shadows and on
all machines alike. A client that sends ids of its own, and the same one again and
again, decides for itself; docs/isolation.md says what to do about it.
"""

from __future__ import annotations

from hashlib import blake2b

_PERSON = b"gateway holdout"
_RANGE = 1 << 64


class Holdout:
    """Holds out so many ``percent`` of requests."""

    def __init__(self, percent: float) -> None:
        self._percent = percent
        self._bound = round(percent / 100 * _RANGE)

    def has(self, request_id: str) -> bool:
        """Whether the request with this id is held out."""
        if not self._bound:
            return False
        # A client's id is latin-1 text at most (PEP 3333).
        key = request_id.encode("utf-8", "surrogateescape")
        digest = blake2b(key, digest_size=8, person=_PERSON).digest()
        return int.from_bytes(digest, "big") < self._bound

    def __repr__(self) -> str:
        return f"<Holdout of {self._percent:g} %>"
