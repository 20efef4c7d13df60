"""Which differences are one and the same bug: those of a route, of a kind, at a pattern.

Ten thousand bad exchanges are then the three bugs they are.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import NamedTuple

from gateway.compare.verdict import Difference, Kind, Part

# 48 bits: of ten thousand groups two have one id once in five million times.
_ID_BYTES = 6


class GroupKey(NamedTuple):
    """What all differences of a group have in common."""

    route: str
    part: Part
    kind: Kind
    pattern: str

    @property
    def id(self) -> str:
        """A short name, the same in every process, on every machine and at any time."""
        # Each part with its length, so that no two keys are written alike.
        parts = (self.route, self.part.value, self.kind.value, self.pattern)
        text = "".join(f"{len(part)}:{part}" for part in parts)
        return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_ID_BYTES).hexdigest()


def group_of(route: str, difference: Difference) -> GroupKey:
    """The group of a difference in an exchange of a route."""
    return GroupKey(route, difference.part, difference.kind, difference.pattern)
