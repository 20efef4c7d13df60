"""From what clients and samplers noted to figures: percentiles, shares, series."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from hdrh.histogram import HdrHistogram

from .job import BROKEN, NONSENSE, UNANSWERED, UNCONNECTED, Job
from .recording import Recording
from .sampling import Sample, cores, cpu_between

_HIGHEST_US = 600_000_000
# The client is allowed a tenth of the tightest latency budget.
LAG_ALLOWED_MS = 5.0
NAMES = {
    UNANSWERED: "unanswered",
    BROKEN: "broken off",
    NONSENSE: "not HTTP",
    UNCONNECTED: "no connection",
}
CURVE = (0.0, 50.0, 75.0, 90.0, 95.0, 98.0, 99.0, 99.5, 99.8, 99.9, 99.95, 99.98, 99.99, 100.0)


@dataclass(frozen=True)
class Second:
    """One second of a run. Latencies in milliseconds, of the requests that were due in it."""

    at: int
    offered: int
    answered: int
    refused: int
    failed: int
    p50: float
    p99: float


class Figures:
    """The figures of one or several phases of a run.

    ``skip``: seconds at their beginning that do not count. Latency is that of
    the requests answered 2xx, from the moment they were due.
    """

    def __init__(
        self,
        job: Job,
        record: Recording,
        samples: list[Sample],
        phases: tuple[str, ...],
        skip: float = 0.0,
    ) -> None:
        numbers = {n for n, phase in enumerate(job.phases) if phase.name in phases}
        bounds = [record.bounds[n] for n in sorted(numbers)]
        self.began, self.ended = bounds[0][0] + skip, bounds[-1][1]
        self.samples = [s for s in samples if self.began <= s.at <= self.ended]
        self._all_samples = samples
        self._requests = [
            (due, latency, status)
            for number, due, latency, status in zip(
                record.phases, record.due, record.latency, record.status, strict=True
            )
            if number in numbers and due >= self.began
        ]
        self.statuses = Counter(status for _, _, status in self._requests)
        # Also of those that were due before: what counts here is that they ended now.
        self._completed = sum(
            200 <= status < 300 and self.began <= due + latency < self.ended
            for due, latency, status in zip(record.due, record.latency, record.status, strict=True)
        )
        lags = sorted(
            lag for lag, n in zip(record.lag, record.lag_phases, strict=True) if n in numbers
        )
        self.lag_p99 = lags[len(lags) * 99 // 100] * 1000 if lags else 0.0

    @property
    def seconds(self) -> float:
        return self.ended - self.began

    @property
    def offered(self) -> int:
        return len(self._requests)

    @property
    def answered(self) -> int:
        """How many were answered 2xx."""
        return sum(n for status, n in self.statuses.items() if 200 <= status < 300)

    @property
    def shed(self) -> int:
        return self.statuses[503]

    @property
    def failed(self) -> int:
        """How many were neither answered nor refused with 503."""
        return self.offered - self.answered - self.shed

    @property
    def rate(self) -> float:
        """Answers 2xx a second: what came out in this time, whenever it went in."""
        return self._completed / self.seconds

    @property
    def void(self) -> bool:
        """Whether the client was too late itself for the figures to mean anything."""
        return self.lag_p99 > LAG_ALLOWED_MS

    @cached_property
    def histogram(self) -> HdrHistogram:
        """Latency in microseconds, three significant figures."""
        made = HdrHistogram(1, _HIGHEST_US, 3)
        for _, latency, status in self._requests:
            if 200 <= status < 300:
                made.record_value(min(_HIGHEST_US, max(1, round(latency * 1e6))))
        return made

    def percentile(self, percent: float) -> float:
        """Milliseconds. Infinite when nothing was answered."""
        if not self.answered:
            return float("inf")
        return float(self.histogram.get_value_at_percentile(percent)) / 1000

    def curve(self) -> list[tuple[float, float]]:
        """(percentile, milliseconds), up to where one request makes the difference."""
        if not self.answered:
            return []
        return [(p, self.percentile(p)) for p in CURVE if (100 - p) * self.answered >= 100 or p < 1]

    @property
    def cpu_seconds(self) -> float:
        return cpu_between(self._all_samples, self.began, self.ended) if self._all_samples else 0.0

    @property
    def cpu_percent(self) -> float:
        """Of the whole machine, all cores."""
        return 100 * self.cpu_seconds / self.seconds / cores()

    @property
    def cpu_us(self) -> float:
        """Microseconds of CPU for each answer 2xx that came out in this time."""
        return 1e6 * self.cpu_seconds / max(1, self._completed)

    @property
    def busiest(self) -> float:
        """Percent of one core that the busiest process took: Python has one core in each."""
        if len(self.samples) < 2:
            return 0.0
        first, last = self.samples[0], self.samples[-1]
        used = (cpu - first.cpu_of.get(pid, 0.0) for pid, cpu in last.cpu_of.items())
        return 100 * max(used, default=0.0) / (last.at - first.at)

    def peak(self, name: str) -> float:
        """The highest of a field of the samples."""
        return float(max((getattr(s, name) for s in self.samples), default=0))

    def series(self) -> Iterator[Second]:
        """Second by second, whole ones."""
        slots: dict[int, list[tuple[float, int]]] = {}
        for due, latency, status in self._requests:
            slots.setdefault(int(due - self.began), []).append((latency, status))
        slots.pop(int(self.seconds), None)
        for at, requests in sorted(slots.items()):
            good = sorted(latency for latency, status in requests if 200 <= status < 300)
            shed = sum(status == 503 for _, status in requests)
            p50, p99 = (
                (1000 * good[min(len(good) - 1, len(good) * p // 100)] if good else 0.0)
                for p in (50, 99)
            )
            failed = len(requests) - len(good) - shed
            yield Second(at, len(requests), len(good), shed, failed, p50, p99)

    def ends(self) -> str:
        """How requests ended, in words."""
        return ", ".join(
            f"{n} {NAMES.get(status, status)}" for status, n in sorted(self.statuses.items())
        )
