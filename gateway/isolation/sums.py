"""What has to be known of a group of requests to compare its means with another's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Sums(NamedTuple):
    """``requests`` of them; their ``seconds`` and ``squares`` of seconds; how many ``failed``."""

    requests: int = 0
    seconds: float = 0.0
    squares: float = 0.0
    failed: int = 0

    @classmethod
    def of(cls, each: Iterable[Sums]) -> Sums:
        """Several groups taken as one."""
        requests, seconds, squares, failed = 0, 0.0, 0.0, 0
        for sums in each:
            requests += sums.requests
            seconds += sums.seconds
            squares += sums.squares
            failed += sums.failed
        return cls(requests, seconds, squares, failed)


class Groups(NamedTuple):
    """The two groups that are compared."""

    mirrored: Sums = Sums()
    held_out: Sums = Sums()
