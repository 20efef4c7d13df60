"""The report as JSON: every row, every run, and what machine it was."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import asdict
from importlib import metadata
from math import isfinite
from pathlib import Path
from typing import Any

from .bench import Run
from .figures import Figures
from .sampling import cores
from .verdicts import Row

_PERCENTILES = (50.0, 90.0, 99.0, 99.9, 99.99)
_PACKAGES = ("gateway", "gunicorn", "requests", "werkzeug", "httptools", "gevent")


def facts(generator: float) -> list[tuple[str, str]]:
    """What a reader must know of the machine and the client."""
    return [
        ("machine", f"{cores()} cores, {_processor()}, {platform.system()} {platform.release()}"),
        ("python", f"{platform.python_implementation()} {platform.python_version()}"),
        ("packages", ", ".join(f"{name} {v}" for name in _PACKAGES if (v := _version(name)))),
        ("client", f"{generator:,.0f} requests/s in one process, straight to an upstream"),
    ]


def document(told: Sequence[tuple[str, str]], rows: Sequence[Row], runs: list[Run]) -> Any:
    """Something that ``json.dumps`` takes."""
    return {
        "facts": dict(told),
        "rows": [_row(row) for row in rows],
        "runs": [_run(run) for run in runs],
    }


def _row(row: Row) -> dict[str, Any]:
    figure = row.figure if isfinite(row.figure) else None
    return {**asdict(row), "figure": figure, "verdict": str(row.verdict)}


def _run(run: Run) -> dict[str, Any]:
    return {
        "label": run.label,
        "target": run.target.name,
        "job": asdict(run.job),
        "client_ran_first": run.record.first,
        "machine_busy_percent": round(run.busy, 1),
        "busy_with_others_percent": round(run.others, 1),
        "phases": {phase.name: _figures(run.figures(phase.name)) for phase in run.job.phases},
        "samples": [asdict(sample) for sample in run.samples],
    }


def _figures(figures: Figures) -> dict[str, Any]:
    return {
        "offered": figures.offered,
        "answered": figures.answered,
        "shed": figures.shed,
        "failed": figures.failed,
        "ends": figures.ends(),
        "client_lag_p99_ms": figures.lag_p99,
        "latency_ms": {f"{p:g}": ms for p in _PERCENTILES if isfinite(ms := figures.percentile(p))},
        "histogram": figures.histogram.encode().decode(),
        "seconds": [asdict(second) for second in figures.series()],
    }


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.machine()
