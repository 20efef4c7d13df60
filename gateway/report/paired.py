"""The shadow's latency against live's, exchange by exchange, with intervals.

A leaf: pure arithmetic. Both sides of one exchange belong together: a large invoice is
slow on either. Resampling pairs (the bootstrap) keeps them together and needs no guess
at what latencies are distributed like. It draws from a generator with a fixed seed,
so that the same pairs always give the same figures.
"""

from __future__ import annotations

import random
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from math import ceil
from operator import itemgetter, mul

from msgspec import Struct

from gateway.report.statistics import Interval

# Less than this is no sample: a 95th percentile needs something beyond it.
FEWEST_PAIRS = 100
_RESAMPLES = 1000
_SEED = 20_240_229
_PERCENTILES = (0.5, 0.95, 0.99)
# A clock's step; a ratio to nothing is none.
_SHORTEST = 1e-6

# How often a pair is taken into a resample: Poisson with mean 1, in 256ths, by which one
# random byte is one weight (the Poisson bootstrap: Chamandy, Muralidharan, Najmi, Naidu,
# "Estimating Uncertainty for Massive Data Streams", 2012).
_WEIGHTS = bytes([0] * 94 + [1] * 94 + [2] * 47 + [3] * 16 + [4] * 4 + [5])


class Paired(Struct, frozen=True):
    """What a sample of pairs says. Ratios are shadow to live; differences shadow less live.

    ``pairs``: how many, of ``population`` exchanges. ``difference``: of the means, in
    seconds. ``each``: the median of the exchanges' own ratios. ``p50``, ``p95``, ``p99``:
    the shadow's percentile to live's.
    """

    pairs: int
    population: int
    difference: Interval
    each: Interval
    p50: Interval
    p95: Interval
    p99: Interval


def paired(
    pairs: Sequence[tuple[float, float]], population: int, confidence: float = 95.0
) -> Paired | None:
    """``pairs``: seconds of live and shadow. None where there are too few to say anything."""
    if len(pairs) < FEWEST_PAIRS:
        return None
    sample = _Sample(pairs)
    estimates = sample.figures(bytes([1]) * len(pairs))
    draw = random.Random(_SEED)
    resampled = [
        sample.figures(draw.randbytes(len(pairs)).translate(_WEIGHTS)) for _ in range(_RESAMPLES)
    ]
    intervals = [
        _interval(estimate, sorted(found), confidence)
        for estimate, found in zip(estimates, zip(*resampled, strict=True), strict=True)
    ]
    return Paired(len(pairs), population, *intervals)


class _Sample:
    """Pairs in three orders, so that a resample is but a list of weights."""

    def __init__(self, pairs: Sequence[tuple[float, float]]) -> None:
        # In an order of their own: the store's has no meaning, and must change nothing.
        ordered = sorted((max(live, _SHORTEST), shadow) for live, shadow in pairs)
        self._live = [live for live, _ in ordered]
        self._differences = [shadow - live for live, shadow in ordered]
        shadows = [shadow for _, shadow in ordered]
        ratios = [shadow / live for live, shadow in ordered]
        numbers = range(len(ordered))
        by_shadow = sorted(numbers, key=shadows.__getitem__)
        by_ratio = sorted(numbers, key=ratios.__getitem__)
        self._shadow, self._shadow_weights = sorted(shadows), itemgetter(*by_shadow)
        self._ratio, self._ratio_weights = sorted(ratios), itemgetter(*by_ratio)

    def figures(self, weights: bytes) -> tuple[float, ...]:
        """The difference, the median ratio, and the ratios of the percentiles."""
        number = sum(weights)
        live = list(accumulate(weights))
        shadow = list(accumulate(self._shadow_weights(weights)))
        ratio = list(accumulate(self._ratio_weights(weights)))
        percentiles = (
            _at(self._shadow, shadow, share) / _at(self._live, live, share)
            for share in _PERCENTILES
        )
        difference = sum(map(mul, self._differences, weights)) / number
        return difference, _at(self._ratio, ratio, 0.5), *percentiles


def _at(values: Sequence[float], weights: Sequence[int], share: float) -> float:
    """The value that so large a share of the weight is at most; both sorted, weights added up."""
    return values[bisect_left(weights, max(1, ceil(share * weights[-1])))]


def _interval(estimate: float, resampled: Sequence[float], confidence: float) -> Interval:
    beyond = (1 - confidence / 100) / 2
    last = len(resampled) - 1
    low, high = resampled[int(beyond * last)], resampled[ceil((1 - beyond) * last)]
    return Interval(min(low, estimate), estimate, max(high, estimate))


def more_pairs(interval: Interval, pairs: int, limit: float) -> int | None:
    """How many more it takes until the interval is on one side of the limit, about.

    Intervals shrink with the square root of what is known. None: the estimate is at it.
    """
    above = interval.estimate < limit
    reach = (interval.high - interval.estimate) if above else (interval.estimate - interval.low)
    distance = abs(limit - interval.estimate)
    if distance == 0:
        return None
    return max(0, ceil(pairs * ((reach / distance) ** 2 - 1)))
