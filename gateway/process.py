"""What a process takes of the machine, by its own account. A leaf.

prometheus-client's collector for this does not work across processes. Linux
only: elsewhere there is nothing to tell.
"""

from __future__ import annotations

import os
import time
from typing import NamedTuple

try:
    import resource
except ImportError:  # not Unix
    resource = None  # type: ignore[assignment]


class ProcessFigures(NamedTuple):
    """One process at one moment."""

    resident_bytes: int
    cpu_seconds: float
    open_fds: int
    max_fds: int
    threads: int


def process_figures() -> ProcessFigures | None:
    """This process now; None where the system does not tell."""
    if resource is None:
        return None
    try:
        with open("/proc/self/stat", "rb") as file:
            # proc(5): the name may have spaces and brackets; fields are counted after it.
            fields = file.read().rpartition(b")")[2].split()
        open_fds = len(os.listdir("/proc/self/fd")) - 1  # the listing's own
    except OSError:
        return None
    return ProcessFigures(
        resident_bytes=int(fields[21]) * resource.getpagesize(),
        cpu_seconds=time.process_time(),
        open_fds=open_fds,
        max_fds=resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        threads=int(fields[17]),
    )
