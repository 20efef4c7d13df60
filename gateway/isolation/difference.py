"""By how much mirrored requests are slower, or fail more, than held-out ones, and how surely.

Both groups are random parts of the same traffic. That they do not differ is what is
tested, so the variance is taken from both together: latencies have long tails, and the
small group's own variance is far too small whenever its few requests happened to miss
the tail, which would be taken for a proof. (Welch's test errs in just this way here.)
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import NamedTuple

from gateway.isolation.sums import Groups, Sums


class Interval(NamedTuple):
    """An estimate and the bounds between which the truth is, at some confidence."""

    low: float
    estimate: float
    high: float


class Difference(NamedTuple):
    """Mirrored less held-out: an estimate and its standard error."""

    estimate: float
    error: float

    def interval(self, percent: float = 95.0) -> Interval:
        """The interval that has the truth in so many percent of cases."""
        reach = NormalDist().inv_cdf(0.5 + percent / 200) * self.error
        return Interval(self.estimate - reach, self.estimate, self.estimate + reach)

    def exceeds(self, budget: float, percent: float) -> bool:
        """Whether it is over the budget, with so many percent of confidence (one-sided)."""
        return self.estimate - NormalDist().inv_cdf(percent / 100) * self.error > budget


def latency(groups: Groups) -> Difference | None:
    """Of the mean latencies, in seconds; None where a group is empty."""
    mirrored, held_out = groups
    if not (mirrored.requests and held_out.requests):
        return None
    both = Sums.of(groups)
    mean = both.seconds / both.requests
    variance = max(0.0, both.squares / both.requests - mean * mean)
    estimate = mirrored.seconds / mirrored.requests - held_out.seconds / held_out.requests
    return Difference(estimate, _error(variance, groups))


def errors(groups: Groups) -> Difference | None:
    """Of the shares of requests that failed, 0 to 1; None where a group is empty."""
    mirrored, held_out = groups
    if not (mirrored.requests and held_out.requests):
        return None
    both = Sums.of(groups)
    share = both.failed / both.requests
    estimate = mirrored.failed / mirrored.requests - held_out.failed / held_out.requests
    return Difference(estimate, _error(share * (1 - share), groups))


def _error(variance: float, groups: Groups) -> float:
    return math.sqrt(variance * (1 / groups.mirrored.requests + 1 / groups.held_out.requests))
