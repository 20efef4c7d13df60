"""B3: the highest rate that holds B1's P99 and CPU.

A rate that fails is tried once more; the search then goes on between the
highest that held and the lowest that did not, down to a step of 250/s.
"""

from __future__ import annotations

from dataclasses import replace

from .bench import Bench
from .job import Load
from .targets import GatewaySettings, Target, upstream
from .verdicts import Row

STEP = 250.0
_HIGHEST = 8000.0
_P99_MS = 50.0
_CPU_PERCENT = 70.0


def b3(bench: Bench) -> list[Row]:
    """Whole chain, then mirror alone."""
    rows = []
    for chain, start, aim in (("full_chain", 2500.0, 4000.0), ("mirror_alone", 3000.0, None)):
        name = chain.replace("_", " ")
        with (
            upstream() as live,
            upstream() as shadow,
            bench.gateway(GatewaySettings(chain=chain), live.url, shadow.url) as target,
        ):
            best, note = highest_rate(bench, target, live, start)
        rows.append(Row("B3", f"rate held, {name}", best, "/s", start, aim, "more", note=note))
    return rows


def highest_rate(bench: Bench, target: Target, live: Target, start: float) -> tuple[float, str]:
    """The rate, and what stopped the next one."""
    held, failed, rate, why = 0.0, _HIGHEST + STEP, start, ""
    while failed - held > STEP and rate <= _HIGHEST:
        problem = _problem(bench, target, live, rate)
        if problem and _problem(bench, target, live, rate):
            failed, why = rate, f"at {rate:.0f}/s: {problem}"
        else:
            held = rate
        # Doubling steps would meet rates that leave a backlog behind: up by a few steps only.
        rate = min(held + 4 * STEP, STEP * round((held + failed) / 2 / STEP))
    return held, why


def _problem(bench: Bench, target: Target, live: Target, rate: float) -> str:
    """What does not hold at this rate."""
    seconds = bench.seconds(8.0, 3.0)
    load = Load(rate, 2000, seconds, warm_up=1.0)
    straight = bench.steady(
        live, "B3 straight", replace(load, seconds=seconds / 4), keep=False, timed=False
    )
    run = bench.steady(target, f"B3 {rate:.0f}/s", load, keep=False, timed=False)
    figures = run.figures()
    added = figures.percentile(99) - straight.figures().percentile(99)
    if figures.answered < figures.offered:
        return figures.ends()
    if added >= _P99_MS:
        return f"added P99 {added:.0f} ms" + (", the client lagged too" if run.lag else "")
    if figures.cpu_percent >= _CPU_PERCENT:
        return f"CPU {figures.cpu_percent:.0f} %"
    return ""
