"""Which group an exchange's differences belong to: shadow, route, part, kind and pattern.

A leaf and pure. Differences that say the same at another index of an array, or in
another exchange, are one group; so is every way in which a shadow fails.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import NamedTuple

from gateway.compare.verdict import Comparison, Difference, Verdict
from gateway.store.texts import storable
from gateway.store.values import OTHER

# The part of groups that are failures of the shadow.
EXCHANGE = "exchange"

# One exchange that differs in everything must not become a thousand rows.
_MOST_OF_AN_EXCHANGE = 50

_FAILURES = frozenset({Verdict.SHADOW_FAILED, Verdict.TIMED_OUT})


class GroupKey(NamedTuple):
    """What makes differences one group."""

    shadow: str
    route: str
    part: str
    kind: str
    pattern: str

    @property
    def id(self) -> str:
        """16 hex digits: the same in every store, short enough to be typed."""
        return blake2b("\0".join(self).encode("utf-8"), digest_size=8).hexdigest()

    @property
    def place(self) -> tuple[str, str]:
        """Where, whatever the kind."""
        return self.part, self.pattern

    @property
    def verdict(self) -> str:
        """What such a difference alone makes of an exchange."""
        return self.kind if self.part == EXCHANGE else self.part

    def overflowing(self) -> GroupKey:
        """The group of those for which there is no room."""
        return self._replace(pattern=OTHER)


def keys_of(shadow: str, route: str, comparison: Comparison) -> list[GroupKey]:
    """The groups that an exchange belongs to, each once, in the order found."""
    return list(dict.fromkeys(_keys(shadow, route, comparison)))[:_MOST_OF_AN_EXCHANGE]


def _keys(shadow: str, route: str, comparison: Comparison) -> Iterator[GroupKey]:
    if comparison.verdict in _FAILURES:
        kind = comparison.verdict.value
        yield GroupKey(shadow, route, EXCHANGE, kind, storable(comparison.reason))
    for difference in comparison.differences:
        yield key_of(shadow, route, difference)


def key_of(shadow: str, route: str, difference: Difference) -> GroupKey:
    """The group of one difference."""
    part, kind = difference.part.value, difference.kind.value
    return GroupKey(shadow, route, part, kind, storable(difference.pattern))


def places(keys: Iterable[GroupKey]) -> set[tuple[str, str]]:
    """The different places of several groups."""
    return {key.place for key in keys}
