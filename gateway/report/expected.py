"""How many exchanges differ, or failed, only in ways that the register says are expected.

The store counts exchanges by group, and one exchange can be in several. So this is a
bound: at most the unexpected groups' numbers together are unexpected. It is exact
where there is at most one unexpected group in a route, and never says too many.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from gateway.known.entry import EXCHANGE
from gateway.known.standing import Standing
from gateway.store.values import Group, VerdictCount


class Expected(NamedTuple):
    """Exchanges that are expected to differ, and to fail."""

    differing: int
    failed: int


def expected(
    verdicts: Iterable[VerdictCount], groups: Iterable[Group], register: Standing
) -> Expected:
    """Of one shadow."""
    differing: Counter[str] = Counter()
    for each in verdicts:
        if each.count == "differs":
            differing[each.route] += each.number
    if not register.entries:
        return Expected(0, 0)
    unexpected: Counter[str] = Counter()
    failed = 0
    for group in groups:
        if group.part == EXCHANGE:
            # A failed exchange is in one group only.
            failed += group.number if register.excuses(group) else 0
        elif not register.excuses(group):
            unexpected[group.route] += group.number
    known = (max(0, number - unexpected[route]) for route, number in differing.items())
    return Expected(sum(known), failed)
