"""A CPU for each worker, where that leaves none without one (nginx: ``worker_cpu_affinity auto``).

The threads of a worker take turns at the interpreter, and on two CPUs each turn has to fetch
what the one before has just written from the other CPU's caches. A worker cannot use more
than one CPU for long anyway; where there are as many workers for each, all are in use.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from typing import Any


def assign(arbiter: Any, worker: Any) -> None:
    """In the master, before fork: give ``worker`` the CPU that has fewest of the others."""
    cpus = sorted(_allowed())
    # Those that it will stay with. At a reload the old ones are still there.
    others = sorted(arbiter.WORKERS.values(), key=lambda other: int(other.age), reverse=True)
    staying = others[: arbiter.num_workers - 1]
    worker.gateway_cpu = chosen(cpus, arbiter.num_workers, [of(other) for other in staying])


def chosen(cpus: Sequence[int], workers: int, taken: Sequence[int | None]) -> int | None:
    """The CPU for one more of ``workers``, where ``taken`` are the others'.

    None for any: there is but one CPU, or this worker is one of those that are left over when
    each CPU has as many as the others.
    """
    if len(cpus) < 2:
        return None
    used = Counter(taken)
    cpu = min(cpus, key=lambda cpu: used[cpu])
    return cpu if used[cpu] < workers // len(cpus) else None


def of(worker: Any) -> int | None:
    """The CPU that was chosen for a worker, if one was."""
    cpu: int | None = getattr(worker, "gateway_cpu", None)
    return cpu


def keep_to(cpu: int | None) -> None:
    """In the worker, before it has threads: have this process run there alone."""
    if cpu is not None:
        try:
            os.sched_setaffinity(0, {cpu})
        except OSError:
            pass  # taken away from us since: what is left is as good


def _allowed() -> set[int]:
    """The CPUs that this process may run on; none where nobody can tell (macOS)."""
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
