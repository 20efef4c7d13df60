"""B5: whatever the shadow does, live must not notice.

Two gateways are up: one that mirrors to a shadow that misbehaves, one without a
shadow. They get the load in turns, slice by slice, so that whatever else the
machine is doing meets both. The control, two gateways without a shadow, says
how far apart two equal things come out: that much is noise, and is allowed.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median

from .bench import Bench, Run
from .job import Load
from .sampling import Family
from .targets import GatewaySettings, Target, upstream
from .upstream import BEHAVIOURS
from .verdicts import Row

_RATE = 1000.0
_CONNECTIONS = 256
_CONTROL = "off (control)"
_MISBEHAVIOURS = [name for name in BEHAVIOURS if name != "ok"]
_IN_SHORT = ["stalled", "refused", "garbage"]
_QUIET_CPU = 0.05  # of a core
_QUIET_SECONDS = 5.0


@dataclass(frozen=True)
class Pairs:
    """The same figure without a shadow and with one, slice after slice."""

    figures: tuple[tuple[float, float], ...]

    @property
    def more(self) -> float:
        """By how many percent the second is higher: the median of neighbours in time."""
        return 100 * (median(b / a for a, b in self.figures) - 1)

    def text(self, places: int) -> str:
        """The medians of both."""
        a, b = (median(column) for column in zip(*self.figures, strict=True))
        return f"{a:.{places}f} to {b:.{places}f}"


@dataclass(frozen=True)
class Comparison:
    """What a shadow does to live. ``failed``: live requests that were not answered 2xx."""

    p99: Pairs
    rate: Pairs
    failed: int


def b5(bench: Bench) -> list[Row]:
    """P99 and capacity with each misbehaviour, beside mirroring switched off."""
    rows: list[Row] = []
    control = None
    with upstream() as live, bench.gateway(GatewaySettings(), live.url, None) as off:
        for name in [_CONTROL, *(_IN_SHORT if bench.short else _MISBEHAVIOURS), "ok"]:
            with _mirroring(bench, name, live) as other:
                found = _compare(bench, off, other, name)
            control = control or found
            rows += _rows(name, found, control)
    return rows


@contextmanager
def _mirroring(bench: Bench, name: str, live: Target) -> Iterator[Target]:
    """A gateway whose shadow behaves like that."""
    if name == _CONTROL:
        with bench.gateway(GatewaySettings(), live.url, None) as target:
            yield target
        return
    with (
        upstream(name) as shadow,
        bench.gateway(GatewaySettings(), live.url, shadow.url) as target,
    ):
        yield target


def _rows(name: str, found: Comparison, control: Comparison) -> list[Row]:
    budgeted = name not in (_CONTROL, "ok")
    p99 = f"{found.p99.text(1)} ms at {_RATE:.0f}/s"
    rate = f"{found.rate.text(0)}/s"
    rows = []
    for what, more, noise, note in (
        ("P99 higher by", found.p99.more, abs(control.p99.more), p99),
        ("capacity lower by", -found.rate.more, abs(control.rate.more), rate),
    ):
        row = Row("B5", f"{name}: {what}", more, "%", note=note)
        if budgeted:
            limit = max(10.0, round(noise, 1))
            row = Row("B5", row.what, more, "%", limit, 5, note=f"{note}; noise {noise:.0f} %")
        rows.append(row)
    must = 0 if budgeted else None
    return [*rows, Row("B5", f"{name}: not 2xx", found.failed, must=must, of="worst")]


def _compare(bench: Bench, off: Target, other: Target, name: str) -> Comparison:
    # Until a stalled shadow holds every thread, and a breaker has made up its mind.
    _slice(bench, other, name, _RATE)
    paced = [_pair(bench, off, other, name, _RATE) for _ in range(2 if bench.short else 5)]
    full = [_pair(bench, off, other, name, 0.0) for _ in range(1 if bench.short else 5)]
    return Comparison(
        p99=Pairs(
            tuple((a.figures().percentile(99), b.figures().percentile(99)) for a, b in paced)
        ),
        rate=Pairs(tuple((a.figures().rate, b.figures().rate) for a, b in full)),
        failed=sum(run.figures().failed for _, run in (*paced, *full)),
    )


def _pair(bench: Bench, off: Target, other: Target, name: str, rate: float) -> tuple[Run, Run]:
    without = _slice(bench, off, name, rate)
    with_shadow = _slice(bench, other, name, rate)
    _wait_until_quiet(other)  # or its copies would cost the one without a shadow
    return without, with_shadow


def _slice(bench: Bench, target: Target, name: str, rate: float) -> Run:
    load = Load(rate, _CONNECTIONS, 2.0, warm_up=0.3)
    return bench.steady(target, f"B5 {name}", load, keep=False, timed=bool(rate))


def _wait_until_quiet(target: Target) -> None:
    family, until, period = Family(target.pids), time.monotonic() + _QUIET_SECONDS, 0.1
    before = family.cpu()
    while time.monotonic() < until:
        time.sleep(period)
        now = family.cpu()
        if now - before < _QUIET_CPU * period:
            return
        before = now
