"""B8: honest traffic beside thousands of clients that are slow on purpose."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from .attackers import Attack
from .bench import Bench
from .children import Failed, part
from .job import Load
from .steady import around, latency
from .targets import GatewaySettings, upstream
from .verdicts import Row

_RATE = 200.0
_CONNECTIONS = 64
# Longer than any deadline that a server should have for a client that takes nothing.
_WRITE_DEADLINE_SECONDS = 42.0


def b8(bench: Bench) -> list[Row]:
    """1,000 heads, 1,000 bodies, 1,000 silent, 200 that do not read; 200/s of honest traffic."""
    seconds = bench.seconds(_WRITE_DEADLINE_SECONDS, 8.0)
    load = Load(_RATE, _CONNECTIONS, seconds, warm_up=1.0)
    with (
        upstream() as live,
        upstream() as shadow,
        bench.gateway(GatewaySettings(), live.url, shadow.url) as target,
    ):
        straight = bench.steady(live, "B8 straight", replace(load, seconds=4.0))
        with attacked(Attack(target.port, seconds + 30.0)) as told:
            run = bench.steady(target, "B8 gateway", load, timed=False)
        rows = latency("B8", run, straight, must=50, aim=10)
    rows[0] = Row("B8", "honest P99", run.figures().percentile(99), "ms", 50, 10, lag=run.lag)
    cut_off, statuses = told["cut_off"], told["statuses"]
    for kind in ("heads", "bodies", "silent"):
        said = ", ".join(f"{n} × {s.split()[1]}" for s, n in statuses.items() if s.startswith(kind))
        rows.append(Row("B8", f"{kind} cut off", cut_off.get(kind, 0), note=said))
    unread = cut_off.get("unread", 0)
    rows.append(
        Row("B8", "unread cut off", unread, must=None if bench.short else 200, better="more")
    )
    return rows + around("B8", run)


@contextmanager
def attacked(attack: Attack) -> Iterator[dict[str, dict[str, int]]]:
    """Attackers, all connected, until the end of the block. Filled then: what became of them."""
    told: dict[str, dict[str, int]] = {}
    with part("attackers", first_line=attack.to_json()) as process:
        if _line(process) != "ready":
            raise Failed("the slow clients could not connect")
        yield told
        assert process.stdin is not None  # for mypy: it is a pipe
        process.stdin.close()
        told.update(json.loads(_line(process)))


def _line(process: subprocess.Popen[bytes]) -> str:
    assert process.stdout is not None  # for mypy: it is a pipe
    return process.stdout.readline().decode().strip()
