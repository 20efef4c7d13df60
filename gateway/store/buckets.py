"""Histograms of seconds in steps of 30 %, from 0.1 ms to over a minute and a half.

A leaf. The bounds never change: what is stored with one set of them could not be
added to what is stored with another.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from gateway.store.values import Percentiles

# Eight steps for a factor of eight; a bucket has what is at most its bound, the last
# one, beyond all bounds, the rest.
_STEPS_TO_DOUBLE = 8 / 3
BOUNDS = tuple(1e-4 * 2 ** (step / _STEPS_TO_DOUBLE) for step in range(54))
SIZE = len(BOUNDS) + 1


def index_of(seconds: float) -> int:
    """The bucket that so many seconds fall in."""
    return bisect_left(BOUNDS, seconds)


def quantile(buckets: Sequence[int], share: float) -> float:
    """The value that so large a share of what was counted is at most; 0 if nothing was."""
    wanted = sum(buckets) * share
    if wanted <= 0:
        return 0.0
    passed = 0
    for index, number in enumerate(buckets):
        if passed + number >= wanted:
            return _within(index, (wanted - passed) / number)
        passed += number
    return BOUNDS[-1]


def _within(index: int, share: float) -> float:
    """A value that is so far up in its bucket, by the same factors as the buckets are."""
    if index >= len(BOUNDS):
        return BOUNDS[-1]
    high = BOUNDS[index]
    low = BOUNDS[index - 1] if index else high / 2
    return float(low * (high / low) ** share)


def percentiles(buckets: Sequence[int], total: float) -> Percentiles:
    """``total``: the sum of all that was counted."""
    number = sum(buckets)
    if not number:
        return Percentiles()
    return Percentiles(
        number,
        total / number,
        *(quantile(buckets, share) for share in (0.5, 0.9, 0.95, 0.99, 0.999)),
    )
