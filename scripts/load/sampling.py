"""What the measured processes use, looked at four times a second, from outside."""

from __future__ import annotations

import os
import threading
import time
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

PERIOD = 0.25
_SLOW_EVERY = 4  # periods: for what costs the watched processes something to be asked


@dataclass(frozen=True)
class Sample:
    """One moment. Sums over all processes; bytes, and CPU seconds since the first sample."""

    at: float
    cpu: float
    rss: int
    pss: int  # 0: not to be had
    threads: int
    descriptors: int
    cpu_of: dict[int, float]  # by process id


class Family:
    """Processes and their descendants, also those that come and go.

    Threads: used by one thread.
    """

    def __init__(self, pids: Iterable[int]) -> None:
        self._roots = [psutil.Process(pid) for pid in pids]
        self._known: dict[int, psutil.Process] = {}
        self._cpu: dict[int, float] = {}  # of the dead too: what was spent stays spent
        self._pss = 0
        self._count = 0
        self.refresh()

    def refresh(self) -> None:
        """Look for new descendants."""
        for root in self._roots:
            try:
                for process in (root, *root.children(recursive=True)):
                    self._known.setdefault(process.pid, process)
            except psutil.NoSuchProcess:
                pass

    def pids(self) -> list[int]:
        return list(self._known)

    def cpu(self) -> float:
        """CPU seconds, user and system, that all of them have used so far."""
        for pid, process in list(self._known.items()):
            try:
                times = process.cpu_times()
                self._cpu[pid] = times.user + times.system
            except psutil.NoSuchProcess:
                del self._known[pid]
        return sum(self._cpu.values())

    def sample(self) -> Sample:
        rss = threads = descriptors = 0
        if self._count % _SLOW_EVERY == 0:
            self.refresh()
            self._pss = sum(proportional_bytes(pid) for pid in self._known)
        self._count += 1
        cpu = self.cpu()
        for process in self._known.values():
            try:
                with process.oneshot():
                    rss += process.memory_info().rss
                    threads += process.num_threads()
                descriptors += process.num_fds()
            except psutil.NoSuchProcess:
                pass
        now = time.monotonic()
        return Sample(now, cpu, rss, self._pss, threads, descriptors, dict(self._cpu))


def proportional_bytes(pid: int) -> int:
    """Its share of memory (PSS), pages shared between processes divided among them."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


class Sampler:
    """Samples a family until the end of a ``with`` block.

    Threads: its own takes samples; read ``samples`` after the block.
    """

    def __init__(self, pids: Iterable[int]) -> None:
        self._family = Family(pids)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sampler", daemon=True)
        self.samples: list[Sample] = []

    def __enter__(self) -> Sampler:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        ended = False
        while not ended:
            ended = self._end.wait(0 if not self.samples else PERIOD)
            self.samples.append(self._family.sample())


def cpu_between(samples: list[Sample], began: float, ended: float) -> float:
    """CPU seconds used between two moments, interpolated."""
    return _cpu_at(samples, ended) - _cpu_at(samples, began)


def _cpu_at(samples: list[Sample], when: float) -> float:
    after = bisect_left([s.at for s in samples], when)
    if after == 0:
        return samples[0].cpu
    if after == len(samples):
        return samples[-1].cpu
    a, b = samples[after - 1], samples[after]
    return a.cpu + (b.cpu - a.cpu) * (when - a.at) / (b.at - a.at)


def cores() -> int:
    """Cores that this process, and what it starts, may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
