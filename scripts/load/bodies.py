"""B7: large bodies, a shadow that takes none of them, and the memory afterwards."""

from __future__ import annotations

import time

from .bench import Bench
from .job import UPLOADS, Load
from .sampling import Family, Sample
from .steady import megabytes
from .targets import GatewaySettings, Target, upstream
from .verdicts import Row, none_of

_CLIENTS = 64
_BODY_BYTES = 10_000_000
_SETTLE_SECONDS = 2.0


def b7(bench: Bench) -> list[Row]:
    """64 clients posting 10 MB bodies; RSS meanwhile, and 30 s later."""
    with (
        upstream() as live,
        upstream("stalled") as shadow,
        bench.gateway(GatewaySettings(), live.url, shadow.url) as target,
    ):
        before = idle(bench, target, _SETTLE_SECONDS)
        load = Load(
            0,
            _CLIENTS,
            bench.seconds(15.0, 5.0),
            body_bytes=_BODY_BYTES,
            patience=20.0,
            target=UPLOADS,
        )
        run = bench.steady(target, "B7 gateway", load, timed=False)
        wait = bench.seconds(30.0, 10.0)
        after = look_after(target, wait)
    figures = run.figures()
    grown = 100 * (after.rss / before.rss - 1)
    note = f"{before.rss / 1e6:.0f} MB before, {after.rss / 1e6:.0f} MB after"
    return [
        Row("B7", "RSS, sum", megabytes(run, "rss"), "MB", 500, 300),
        none_of("B7", "neither 2xx nor 503", figures.failed, figures.ends()),
        Row("B7", f"RSS {wait:.0f} s later, more by", grown, "%", 10, note=note),
        Row("B7", "bodies taken", figures.rate * _BODY_BYTES / 1e6, "MB/s"),
        Row("B7", "PSS, sum", megabytes(run, "pss"), "MB"),
    ]


def idle(bench: Bench, target: Target, settle: float) -> Sample:
    """The gateway at rest, once it has seen ordinary traffic."""
    bench.steady(target, "B7 idle", Load(500, _CLIENTS, 2.0), keep=False, timed=False)
    return look_after(target, settle)


def look_after(target: Target, seconds: float) -> Sample:
    """One look, after a while."""
    time.sleep(seconds)
    return Family(target.pids).sample()
