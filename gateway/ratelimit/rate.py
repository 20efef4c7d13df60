"""One rate, as a value: the generic cell rate algorithm (GCRA) without clock or store.

What a store keeps for each key is one number, its *debt*: how far the key is
ahead of its rate, in nanoseconds. Every request adds one interval to it, time
pays it off, and a request that would raise it above the tolerance is refused.
So ``burst`` requests pass at once, and after that one in every interval: in any
span of time no more than the burst and what the rate allows for that span.

It is chosen over windows because a debt that is paid off is the same as none at
all: one number for a key, which can be forgotten at a known moment.
"""

from __future__ import annotations

from functools import cached_property
from math import ceil

import msgspec

SECOND = 1_000_000_000  # the nanoseconds in one

_UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


class Rate(msgspec.Struct, frozen=True, dict=True):
    """``count`` requests in ``window`` seconds, at most ``burst`` of them at once."""

    count: int
    window: int
    burst: int

    @cached_property
    def interval(self) -> int:
        """Nanoseconds that one request costs."""
        return self.window * SECOND // self.count

    @cached_property
    def tolerance(self) -> int:
        """The largest debt there can be."""
        return self.burst * self.interval

    def allows(self, debt: int) -> bool:
        """Whether a key with this debt may send one more request."""
        return debt + self.interval <= self.tolerance

    def wait(self, debt: int) -> int:
        """Whole seconds until a request would pass; 0 if it would now."""
        return ceil(max(0, debt + self.interval - self.tolerance) / SECOND)

    def standing(self, debt: int) -> tuple[int, int]:
        """What remains, and whole seconds for that at the configured rate, or the wait when
        nothing does.

        Who spreads the remaining requests over this time keeps the rate
        (draft-ietf-httpapi-ratelimit-headers-11 sections 4.1.2 and 6).
        """
        interval = self.interval
        left = (self.tolerance - debt) // interval
        return left, ceil(left * interval / SECOND) if left > 0 else self.wait(debt)

    def __str__(self) -> str:
        burst = "" if self.burst == self.count else f" burst {self.burst}"
        return f"{self.count}/{period(self.window)}{burst}"


def period(seconds: int) -> str:
    """``minute``, ``15 minutes``: in the largest unit that fits."""
    size, name = next((size, name) for size, name in _UNITS if seconds % size == 0)
    number = seconds // size
    return name if number == 1 else f"{number} {name}s"
