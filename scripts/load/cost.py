"""B4: CPU per mirrored request, beside that of the obvious glue.

Ours at B1's load, which is what it is for; the glue at a rate that it can hold.
And both at that rate, where each request finds cold caches and sleeping threads: they
run at the same time and get the load in turns, slice by slice, so that whatever
else the machine is doing meets both.
"""

from __future__ import annotations

from statistics import median

from .bench import Bench
from .figures import Figures
from .job import Load
from .steady import RATE, mirrored
from .targets import GatewaySettings, Target, naive_gateway, upstream
from .verdicts import Row

_GLUE_RATE = 250.0
_CONNECTIONS = 64
_MIRROR_ALONE = GatewaySettings(chain="mirror_alone")


def b4(bench: Bench) -> list[Row]:
    """The cost at B1's load, and how it compares with the glue's."""
    with (
        upstream() as live,
        upstream() as shadow,
        bench.gateway(_MIRROR_ALONE, live.url, shadow.url) as ours,
    ):
        with naive_gateway(live.url, shadow.url) as glue:
            costs = in_turns(bench, [ours, glue], _GLUE_RATE, _CONNECTIONS)
        with mirrored("B4", live, shadow) as copies:
            load = Load(RATE, 2000, bench.seconds(10.0, 4.0))
            loaded = bench.steady(ours, "B4 gateway", load, timed=False).figures()
    mine, theirs = costs[ours.name], costs[glue.name]
    note = f"glue {theirs:.0f} µs at {_GLUE_RATE:.0f}/s"
    same = f"gateway {mine:.0f} µs at the same rate"
    return [
        Row("B4", "CPU per mirrored request", loaded.cpu_us, "µs", 450, 350, note="at 2,000/s"),
        Row("B4", "gateway : glue", loaded.cpu_us / theirs, "", 0.25, note=note),
        Row("B4", "gateway : glue, same rate", mine / theirs, "", note=same),
        *copies,
    ]


def in_turns(
    bench: Bench, targets: list[Target], rate: float, connections: int, rounds: int = 3
) -> dict[str, float]:
    """Median CPU µs per request of each target, measured in alternating slices."""
    seen: dict[str, list[float]] = {target.name: [] for target in targets}
    for number in range(rounds + 1):
        for target in targets:
            figures = _slice(bench, target, rate, connections)
            if number:  # the first warms up
                seen[target.name].append(figures.cpu_us)
    return {name: median(costs) for name, costs in seen.items()}


def _slice(bench: Bench, target: Target, rate: float, connections: int) -> Figures:
    load = Load(rate, connections, bench.seconds(6.0, 3.0), warm_up=0.5)
    return bench.steady(target, f"B4 {target.name}", load, keep=False, timed=False).figures()
