"""A number for every worker: the lowest no living worker has.

Metrics files are named by it, so that a worker that replaces another goes on
with its counters, and their number is bounded by the number of workers.
"""

from __future__ import annotations

from typing import Any


def assign(arbiter: Any, worker: Any) -> None:
    """In the master, before fork: give ``worker`` its slot."""
    taken = {of(other) for other in arbiter.WORKERS.values()}
    worker.gateway_slot = next(n for n in range(len(taken) + 1) if n not in taken)


def of(worker: Any) -> int:
    """The slot of a worker."""
    return int(worker.gateway_slot)
