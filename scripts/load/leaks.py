"""B9: after everything that can be done to it, nothing is left behind.

One gateway gets an ordinary load, an overload, large bodies, slow clients and a
shadow that answers nonsense; after each, threads, descriptors and temporary
files must come back to what they were.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from .attackers import Attack
from .bench import Bench
from .job import TARGET, UPLOADS, Load
from .sampling import Family
from .slow_clients import attacked
from .targets import GatewaySettings, Target, upstream
from .verdicts import Row

_CALM_RATE = 600.0
_LOOK_SECONDS = 0.5


@dataclass(frozen=True)
class Holdings:
    """What a target's processes hold."""

    threads: int
    descriptors: int
    files: int

    @classmethod
    def of(cls, target: Target) -> Holdings:
        family = Family(target.pids)
        sample = family.sample()
        return cls(sample.threads, sample.descriptors, _temporary_files(target, family.pids()))


def b9(bench: Bench) -> list[Row]:
    """Threads, descriptors and temporary files, before and after."""
    rows: list[Row] = []
    with (
        upstream() as live,
        upstream("garbage") as shadow,
        bench.gateway(GatewaySettings(), live.url, shadow.url) as target,
    ):
        # Threads and connections that are made once and kept are no leak: make them all first.
        # Under overload copies are dropped, and the shadow's threads are not made: so a calm
        # load too, and first, since connections to live are kept for longer than we look.
        calm = Load(_CALM_RATE, 512, bench.seconds(6.0, 3.0), warm_up=0.2)
        bench.steady(target, "B9 warm-up", calm, keep=False, timed=False)
        _closed(bench, target, "warm-up", 2000)
        before = _settled(target, Holdings(0, 0, 0), 5.0)
        for name, insult in _insults(bench, target):
            insult()
            after = _settled(target, before, bench.seconds(40.0, 15.0))
            rows += _rows(name, before, after)
    return rows


def _rows(name: str, before: Holdings, after: Holdings) -> Iterator[Row]:
    for what in ("threads", "descriptors", "files"):
        was, now = getattr(before, what), getattr(after, what)
        note = f"{was} before, {now} after"
        yield Row("B9", f"{name}: {what} more", max(0, now - was), must=0, of="worst", note=note)


def _insults(bench: Bench, target: Target) -> Iterator[tuple[str, Callable[[], object]]]:
    seconds = bench.seconds(6.0, 2.0)
    yield "overload", lambda: _closed(bench, target, "overload", 2000)
    yield "large bodies", lambda: _closed(bench, target, "bodies", 64, body_bytes=10_000_000)
    yield "slow clients", lambda: _attack(Attack(target.port, seconds, 300, 300, 300, 50))


def _closed(
    bench: Bench, target: Target, label: str, connections: int, body_bytes: int = 1024
) -> None:
    seconds = bench.seconds(6.0, 2.0)
    route = UPLOADS if body_bytes > 1024 else TARGET
    load = Load(
        0, connections, seconds, warm_up=0.2, body_bytes=body_bytes, patience=15.0, target=route
    )
    bench.steady(target, f"B9 {label}", load, keep=False, timed=False)


def _attack(attack: Attack) -> None:
    with attacked(attack):
        time.sleep(attack.seconds)


def _settled(target: Target, before: Holdings, seconds: float) -> Holdings:
    """What it holds once that is no more than before, or after so many seconds."""
    until = time.monotonic() + seconds
    while True:
        now = Holdings.of(target)
        more = any(getattr(now, name) > getattr(before, name) for name in vars(before))
        if not more or time.monotonic() > until:
            return now
        time.sleep(_LOOK_SECONDS)


def _temporary_files(target: Target, pids: list[int]) -> int:
    """Files in its temporary folder, and deleted ones that are still open."""
    named = sum(len(files) for _, _, files in os.walk(target.scratch)) if target.scratch else 0
    return named + sum(_deleted(pid) for pid in pids)


def _deleted(pid: int) -> int:
    count = 0
    for entry in Path(f"/proc/{pid}/fd").glob("*"):
        try:
            count += entry.readlink().name.endswith(" (deleted)")
        except OSError:
            pass  # closed meanwhile
    return count
