"""B6: three times what it can do, for twenty seconds."""

from __future__ import annotations

from .bench import Bench, Run
from .figures import Figures
from .job import Job, Load, Phase
from .steady import around
from .targets import GatewaySettings, Target, upstream
from .verdicts import Row, none_of

_CONNECTIONS = 2000
# Always waiting: enough for all the CPU there is, too few to make a queue.
_BUSY = 32
_FACTOR = 3.0
_MOST = 12_000.0  # the client can do more, but not beside the gateway on two cores
_BACK_TO_NORMAL_SECONDS = 1.0


def b6(bench: Bench) -> list[Row]:
    """Everything answered; most of capacity used; the rest refused, at once; then normal."""
    with (
        upstream() as live,
        upstream() as shadow,
        bench.gateway(GatewaySettings(), live.url, shadow.url) as target,
    ):
        capacity = closed_loop(bench, target, "B6 capacity", _BUSY, bench.seconds(6.0, 3.0))
        calm = capacity / 2
        phases = (
            Phase("warm-up", 2.0, calm),
            Phase("overload", bench.seconds(20.0, 6.0), min(_MOST, _FACTOR * capacity)),
            Phase("after", 5.0, calm),
        )
        straight = bench.steady(
            live, "B6 straight", Load(calm, _CONNECTIONS, 3.0), timed=False
        ).figures()
        job = Job(target.port, _CONNECTIONS, phases, patience=10.0)
        run = bench.run(target, "B6 gateway", job, timed=False)
    over, after = run.figures("overload"), run.figures("after", skip=_BACK_TO_NORMAL_SECONDS)
    return [
        *_overload_rows(run, over, straight, capacity),
        none_of("B6", "not 2xx 1 s after", after.offered - after.answered, after.ends()),
        Row("B6", "P99 1 s after", after.percentile(99), "ms", 50),
        *around("B6", run, "overload"),
    ]


def _overload_rows(run: Run, over: Figures, straight: Figures, capacity: float) -> list[Row]:
    added = over.percentile(99) - straight.percentile(99)
    note = f"{over.rate:.0f}/s of {capacity:.0f}/s at {over.offered / over.seconds:.0f}/s"
    return [
        none_of("B6", "neither 2xx nor 503", over.failed, over.ends()),
        none_of("B6", "503 without Retry-After", run.record.no_retry_after),
        none_of("B6", "connections lost", run.record.lost + run.record.failed_connects),
        Row("B6", "goodput", 100 * over.rate / capacity, "%", 80, 90, "more", note=note),
        Row("B6", "added P99 of admitted", added, "ms", 50, lag=run.lag),
    ]


def closed_loop(
    bench: Bench, target: Target, label: str, connections: int, seconds: float
) -> float:
    """Requests answered 2xx a second when so many clients are always waiting."""
    load = Load(0, connections, seconds, warm_up=seconds / 3)
    return bench.steady(target, label, load, keep=False, timed=False).figures().rate
