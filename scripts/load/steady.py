"""B1 and B2: a steady load, and the same with an upstream that takes a second."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from .bench import Bench, Run
from .figures import Figures
from .job import Load
from .targets import GatewaySettings, Target, naive_gateway, upstream
from .verdicts import Row

RATE = 2000.0
_COPIES_SECONDS = 3.0  # for those that are on their way


def b1(bench: Bench) -> list[Row]:
    """2,000 connections, 2,000 requests/s."""
    load = Load(RATE, 2000, bench.seconds(15.0, 5.0))
    with upstream() as live, upstream() as shadow:
        straight = bench.steady(live, "B1 straight", _half(load))
        with bench.gateway(GatewaySettings(), live.url, shadow.url) as target:
            with mirrored("B1", live, shadow) as copies:
                run = bench.steady(target, "B1 gateway", load)
        rows = [
            *latency("B1", run, straight, must=50, aim=10),
            Row("B1", "CPU", run.figures().cpu_percent, "% of machine", 70, 50),
            Row("B1", "RSS, sum", megabytes(run, "rss"), "MB", 500, 150),
            *copies,
            *around("B1", run),
        ]
        if bench.baseline:
            with naive_gateway(live.url, shadow.url) as naive:
                glue = bench.steady(naive, "B1 naive glue", _half(load), timed=False)
            rows += compared("B1", run.figures(), glue.figures())
    return rows


def b2(bench: Bench) -> list[Row]:
    """2,000 requests/s to an upstream that takes a second: 2,000 in flight."""
    # 2,000 in flight is the mean of a Poisson number: more connections than that.
    load = Load(RATE, 2500, bench.seconds(15.0, 5.0), warm_up=3.0)
    settings = GatewaySettings(threads=1280, pool_size=1280)
    with upstream(delay=1.0) as live, upstream() as shadow:
        straight = bench.steady(live, "B2 straight", _half(load))
        with bench.gateway(settings, live.url, shadow.url) as target:
            run = bench.steady(target, "B2 gateway", load)
        rows = [
            *latency("B2", run, straight, must=50, aim=20),
            Row("B2", "RSS, sum", megabytes(run, "rss"), "MB", 500, 250),
            *around("B2", run),
        ]
        if bench.baseline:
            with naive_gateway(live.url, shadow.url, threads=1280) as naive:
                glue = bench.steady(naive, "B2 naive glue", _half(load), timed=False)
            rows += compared("B2", run.figures(), glue.figures())
    return rows


def plain(bench: Bench, target: Target, live: Target, load: Load) -> list[Row]:
    """Any load on any target, without a budget."""
    straight = bench.steady(live, "straight", load)
    run = bench.steady(target, target.name, load)
    return [
        *latency("load", run, straight),
        Row("load", "CPU", run.figures().cpu_percent, "% of machine"),
        Row("load", "RSS, sum", megabytes(run, "rss"), "MB"),
        *around("load", run),
    ]


def _half(load: Load) -> Load:
    """What is only there to compare with need not take as long."""
    return replace(load, seconds=load.seconds / 2)


def latency(
    budget: str, run: Run, straight: Run, must: float | None = None, aim: float | None = None
) -> list[Row]:
    """What passing through adds, and whether everything was answered."""
    ours, direct = run.figures(), straight.figures()
    added = ours.percentile(99) - direct.percentile(99)
    note = f"{ours.percentile(99):.1f} through, {direct.percentile(99):.1f} straight"
    bad = ours.offered - ours.answered
    return [
        Row(budget, "added P99", added, "ms", must, aim, note=note, lag=run.lag),
        Row(budget, "added P50", ours.percentile(50) - direct.percentile(50), "ms"),
        Row(budget, "added P99.9", ours.percentile(99.9) - direct.percentile(99.9), "ms"),
        Row(budget, "not answered 2xx", bad, must=must and 0, of="worst", note=ours.ends()),
    ]


def around(budget: str, run: Run, *phases: str) -> list[Row]:
    """What else the reader needs to judge a run."""
    figures = run.figures(*phases)
    first = "real-time policy" if run.record.first else "no real-time policy (needs a privilege)"
    return [
        Row(budget, "answered", figures.rate, "/s", note=f"{figures.offered} offered"),
        Row(budget, "CPU per request", figures.cpu_us, "µs"),
        Row(budget, "busiest process", figures.busiest, "% of a core"),
        Row(budget, "PSS, sum", figures.peak("pss") / 1e6, "MB"),
        Row(budget, "threads", figures.peak("threads")),
        Row(budget, "descriptors", figures.peak("descriptors")),
        Row(budget, "client's lag, P99", figures.lag_p99, "ms", note=first),
        Row(budget, "whole machine busy", run.busy, "%", note=f"{run.others:.0f} % not of ours"),
    ]


@contextmanager
def mirrored(budget: str, live: Target, shadow: Target) -> Iterator[list[Row]]:
    """How much of what live got in the block the shadow got too: a row, after the block.

    A gateway that drops copies would be cheap and fast for the wrong reason.
    """
    rows: list[Row] = []
    before = live.count(), shadow.count()
    yield rows
    until = time.monotonic() + _COPIES_SECONDS
    while shadow.count() - before[1] < live.count() - before[0] and time.monotonic() < until:
        time.sleep(0.1)
    originals, copies = live.count() - before[0], shadow.count() - before[1]
    share = 100 * copies / max(1, originals)
    rows.append(Row(budget, "mirrored", share, "%", 99, better="more", of="worst"))


def compared(budget: str, ours: Figures, glue: Figures) -> list[Row]:
    """The obvious glue under the same load, and ours as a share of it."""
    rows = []
    for what, unit, a, b in (
        ("P99", "ms", ours.percentile(99), glue.percentile(99)),
        ("CPU per request", "µs", ours.cpu_us, glue.cpu_us),
        ("answered", "/s", ours.rate, glue.rate),
    ):
        note = f"glue {b:,.0f} {unit}, gateway {a:,.0f} {unit}"
        rows.append(Row(budget, f"{what}, gateway : glue", a / b if b else float("inf"), note=note))
    return rows


def megabytes(run: Run, name: str) -> float:
    """The highest of a sum of bytes, in MB."""
    return run.figures().peak(name) / 1e6
