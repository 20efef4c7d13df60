"""What a client noted: one entry for every request, as arrays that cross a pipe."""

from __future__ import annotations

import json
import time
from array import array
from typing import Any

_COLUMNS = ("phases", "due", "latency", "status", "lag", "lag_phases")


class Recording:
    """Filled by the client, read by the bench.

    ``phases``, ``due``, ``latency``, ``status``: one entry a request, in order of
    its end; ``lag``, ``lag_phases``: one an arrival. Times are those of the
    monotonic clock, which all processes of a machine share.
    """

    def __init__(self) -> None:
        self.phases, self.due = array("h"), array("d")
        self.latency, self.status = array("d"), array("h")
        self.lag, self.lag_phases = array("d"), array("h")
        self.bounds: list[tuple[float, float]] = []  # of each phase
        self.lost = 0  # connections that broke under a request
        self.no_retry_after = 0  # 503 without it
        self.failed_connects = 0
        self.cpu_seconds = 0.0  # of the client itself
        self.first = False  # whether the client ran before everything else

    def add(self, phase: int, due: float, status: int) -> None:
        """A request that has ended now."""
        self.phases.append(phase)
        self.due.append(due)
        self.latency.append(time.monotonic() - due)
        self.status.append(status)

    def dump(self) -> bytes:
        """A line of JSON, then the arrays."""
        columns = [getattr(self, name) for name in _COLUMNS]
        summary = {
            "bounds": self.bounds,
            "lost": self.lost,
            "no_retry_after": self.no_retry_after,
            "failed_connects": self.failed_connects,
            "cpu_seconds": time.process_time(),
            "first": self.first,
            "columns": [len(column) for column in columns],
        }
        return b"".join([json.dumps(summary).encode(), b"\n", *(c.tobytes() for c in columns)])

    @classmethod
    def load(cls, data: bytes) -> Recording:
        """What ``dump`` made."""
        line, _, rest = data.partition(b"\n")
        told: dict[str, Any] = json.loads(line)
        made = cls()
        for name, length in zip(_COLUMNS, told.pop("columns"), strict=True):
            column = getattr(made, name)
            size = length * column.itemsize
            column.frombytes(rest[:size])
            rest = rest[size:]
        made.bounds = [(began, ends) for began, ends in told.pop("bounds")]
        vars(made).update(told)
        return made
