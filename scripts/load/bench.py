"""Runs a job against a target and keeps what was seen: the one way everything is measured."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from threading import Timer
from typing import Any

import psutil

from .children import Failed, part
from .figures import Figures
from .job import Job, Load
from .recording import Recording
from .sampling import Family, Sample, Sampler, cores
from .targets import API_KEY, GatewaySettings, Target, gateway

_GRACE_SECONDS = 60.0  # for a client to connect and to hand over its figures
_ATTEMPTS = 2  # a void run is repeated


@dataclass(frozen=True)
class Run:
    """One job against one target.

    ``busy``: percent of the machine that was not idle; ``others``: how much of
    that was none of ours, the kernel's own work included.
    """

    label: str
    target: Target
    job: Job
    record: Recording
    samples: list[Sample]
    busy: float
    others: float

    def figures(self, *phases: str, skip: float = 0.0) -> Figures:
        """Of these phases; of ``measured`` when none is named."""
        return Figures(self.job, self.record, self.samples, phases or ("measured",), skip)

    @property
    def lag(self) -> float:
        """The client's worst lag (P99 of a phase, ms), if that makes the run void; else 0."""
        figures = (self.figures(phase.name) for phase in self.job.phases)
        return max((f.lag_p99 for f in figures if f.void), default=0.0)


@dataclass
class Bench:
    """Carries out runs; keeps those that are to be shown in ``runs``.

    ``worker_class``: of every gateway that is started.
    """

    say: Callable[[str], None]
    short: bool = False
    baseline: bool = False
    worker_class: str = "gateway"
    runs: list[Run] = field(default_factory=list)

    def seconds(self, full: float, short: float) -> float:
        return short if self.short else full

    def gateway(
        self, settings: GatewaySettings, live: str, shadow: str | None
    ) -> AbstractContextManager[Target]:
        """``gateway run``, ready."""
        return gateway(replace(settings, worker_class=self.worker_class), live, shadow)

    def steady(
        self, target: Target, label: str, load: Load, *, keep: bool = True, timed: bool = True
    ) -> Run:
        """Put a steady load on a target."""
        return self.run(target, label, load.job(target.host, target.port), keep=keep, timed=timed)

    def run(
        self, target: Target, label: str, job: Job, *, keep: bool = True, timed: bool = True
    ) -> Run:
        """Do it.

        ``timed``: latency matters, so do it again if the client lagged. ``keep``:
        for the report.
        """
        job = replace(job, fields={"X-API-Key": API_KEY, **job.fields})
        for attempt in range(_ATTEMPTS):
            run = self._once(target, label, job)
            if not (timed and run.lag):
                break
            self.say(f"  void ({attempt + 1}): {label}: the client lagged {run.lag:.1f} ms at P99")
        if keep:
            self.runs.append(run)
        return run

    def _once(self, target: Target, label: str, job: Job) -> Run:
        ours, machine = Family([os.getpid()]), psutil.cpu_times()
        before = ours.cpu()
        began = time.monotonic()
        with sampled(target) as samples:
            record = Recording.load(_client(job))
        spent = ours.cpu() - before + record.cpu_seconds
        busy = _busy(machine, psutil.cpu_times())
        others = busy - 100 * spent / (time.monotonic() - began) / cores()
        return Run(label, target, job, record, samples, busy, max(0.0, others))


@contextmanager
def sampled(target: Target) -> Iterator[list[Sample]]:
    """Samples of the target's processes, taken until the end of the block."""
    if not target.pids:
        yield []
        return
    with Sampler(target.pids) as sampler:
        yield sampler.samples


def _client(job: Job) -> bytes:
    limit = sum(phase.seconds for phase in job.phases) + job.patience + _GRACE_SECONDS
    with part("client", first_line=job.to_json()) as process:
        assert process.stdout is not None  # for mypy: it is a pipe
        timer = Timer(limit, process.kill)
        timer.start()
        try:
            data = process.stdout.read()
        finally:
            timer.cancel()
        if process.wait():
            raise Failed(f"the client ended with status {process.returncode}")
        return data


def _busy(before: Any, after: Any) -> float:
    """Percent of the machine that was not idle between two ``psutil.cpu_times()``."""
    spent = {name: getattr(after, name) - getattr(before, name) for name in before._fields}
    # Linux counts guests' time in user and nice already.
    total = sum(spent.values()) - spent.get("guest", 0) - spent.get("guest_nice", 0)
    idle = spent["idle"] + spent.get("iowait", 0)
    return 100 * (total - idle) / total if total else 0.0
