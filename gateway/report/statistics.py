"""How sure a share is, and how many more exchanges it takes to be sure enough.

A leaf: pure arithmetic. Exchanges are taken as independent of each other, which they
are not quite (one client sends many): intervals are a little too narrow.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist

from msgspec import Struct

# Beyond this many exchanges "more" is no help to anybody.
_MOST = 10**12


class Interval(Struct, frozen=True):
    """An estimate, and the bounds that have the truth between them, at some confidence."""

    low: float
    estimate: float
    high: float


class Rate(Struct, frozen=True):
    """So many of so many; ``interval`` in shares from 0 to 1."""

    number: int
    of: int
    interval: Interval


def z_of(confidence: float) -> float:
    """How many standard errors an interval reaches to either side; ``confidence`` in percent."""
    return NormalDist().inv_cdf(0.5 + confidence / 200)


def wilson(number: float, of: float, confidence: float = 95.0) -> Interval:
    """Wilson's score interval for a share (E. B. Wilson, JASA 22, 1927).

    It is right where the textbook's is not: for few exchanges, and for shares of nearly
    1, such as match rates. Of nothing nothing is known: 0 to 1.
    """
    if of <= 0:
        return Interval(0.0, 0.0, 1.0)
    z = z_of(confidence)
    share = number / of
    weight = z * z / of
    middle = (share + weight / 2) / (1 + weight)
    reach = z / (1 + weight) * math.sqrt(share * (1 - share) / of + weight / (4 * of))
    # At both ends the formula is exact, and floating point is not.
    low = 0.0 if number <= 0 else max(0.0, middle - reach)
    high = 1.0 if number >= of else min(1.0, middle + reach)
    return Interval(low, share, high)


def rate(number: int, of: int, confidence: float = 95.0) -> Rate:
    """A share with its interval."""
    return Rate(number, of, wilson(number, of, confidence))


def more_until_at_least(found: Rate, wanted: float, confidence: float = 95.0) -> int | None:
    """How many more it takes until the interval is at or above ``wanted``, if the share stays.

    None: it will not get there, the share being too low.
    """
    share = _share(found, when_unknown=1.0)
    if share < wanted or (share == wanted and wanted < 1):
        return None
    return _more(found.of, lambda of: wilson(share * of, of, confidence).low >= wanted)


def more_until_below(found: Rate, wanted: float, confidence: float = 95.0) -> int | None:
    """How many more it takes until the interval is below ``wanted``, if the share stays."""
    share = _share(found, when_unknown=0.0)
    if share >= wanted:
        return None
    return _more(found.of, lambda of: wilson(share * of, of, confidence).high < wanted)


def _share(found: Rate, when_unknown: float) -> float:
    return found.interval.estimate if found.of else when_unknown


def _more(have: int, enough: Callable[[int], bool]) -> int | None:
    """The smallest number beyond ``have`` that is enough; with more it stays enough."""
    high = max(have, 1)
    while not enough(high):
        high *= 2
        if high > _MOST:
            return None
    low = have
    while low < high:
        middle = (low + high) // 2
        if middle > 0 and enough(middle):
            high = middle
        else:
            low = middle + 1
    return high - have
