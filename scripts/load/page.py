"""The report as one HTML page that asks nobody for anything."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from itertools import groupby

from .bench import Run
from .chart import Points, chart, linear, logarithmic, percentiles
from .verdicts import Row

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #888; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 1320px }
table { border-collapse: collapse; width: 100% }
td, th { text-align: left; padding: .2rem .7rem .2rem 0; border-bottom: 1px solid var(--line) }
td.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
td.note { color: var(--soft) } .MISSED { color: #c62f3f; font-weight: 600 }
.aim { color: #2f8f4e } .void { color: #b07d18 }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(400px, 1fr)); gap: 1rem }
figure { margin: 0 } figcaption { font-weight: 600 } svg { width: 100%; height: auto }
.grid line { stroke: var(--line) } .grid text { font-size: 11px; fill: var(--soft) }
ul { list-style: none; display: flex; flex-wrap: wrap; gap: .2rem 1rem; margin: 0; padding: 0 }
li { font-size: 13px }
i { display: inline-block; width: 12px; height: 3px; margin: 0 .4rem .2rem 0 }
"""


def page(title: str, facts: Sequence[tuple[str, str]], rows: Sequence[Row], runs: list[Run]) -> str:
    """The whole document."""
    told = "".join(f"<tr><th>{escape(k)}</th><td>{escape(v)}</td></tr>" for k, v in facts)
    charts = "".join(
        f'<h2>{escape(budget)}</h2><div class="charts">{"".join(_charts(list(group)))}</div>'
        for budget, group in groupby(runs, key=lambda run: run.label.split()[0])
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style><h1>{escape(title)}</h1><table>{told}</table>"
        f"<h2>Budgets</h2>{_table(rows)}{charts}</html>\n"
    )


def _table(rows: Iterable[Row]) -> str:
    lines = "".join(
        f"<tr><td>{escape(row.budget)}</td><td>{escape(row.what)}</td>"
        f'<td class="n">{escape(row.figure_text())}</td><td>{escape(row.budget_text())}</td>'
        f'<td class="{row.verdict}">{row.verdict}</td><td class="note">{escape(row.note)}</td></tr>'
        for row in rows
    )
    head = "".join(f"<th>{name}</th>" for name in ("", "", "figure", "budget", "verdict", ""))
    return f"<table><tr>{head}</tr>{lines}</table>"


def _charts(runs: list[Run]) -> Iterator[str]:
    """Latency of all runs of a scenario together; the rest for each that has it."""
    curves = [(run.label, _curve(run)) for run in runs]
    curves = [(name, points) for name, points in curves if points]
    if curves:
        highest = max(ms for _, points in curves for _, ms in points)
        lowest = min(ms for _, points in curves for _, ms in points)
        axis = logarithmic(lowest, highest, "latency, ms")
        yield chart("Latency by percentile", percentiles(4, "requests answered"), axis, curves)
    for run in runs:
        yield _rates(run)
        yield _latencies(run)
        if run.samples:
            yield _memory(run)


def _curve(run: Run) -> Points:
    return run.figures(*_counted(run)).curve()


def _counted(run: Run) -> tuple[str, ...]:
    """All phases but the warm-up."""
    return tuple(phase.name for phase in run.job.phases if phase.name != "warm-up")


def _rates(run: Run) -> str:
    seconds = list(run.figures(*(phase.name for phase in run.job.phases)).series())
    last = max((second.at for second in seconds), default=1)
    highest = max((second.offered for second in seconds), default=1)
    lines: list[tuple[str, Points]] = [
        (name, [(second.at, float(getattr(second, name))) for second in seconds])
        for name in ("offered", "answered", "refused", "failed")
    ]
    title = f"{run.label}: requests a second, by when they were due"
    return chart(title, linear(0, last, "s"), linear(0, highest, "requests/s"), lines)


def _latencies(run: Run) -> str:
    seconds = list(run.figures(*(phase.name for phase in run.job.phases)).series())
    answered = [second for second in seconds if second.answered]
    last = max((second.at for second in seconds), default=1)
    lines: list[tuple[str, Points]] = [
        ("P50", [(second.at, second.p50) for second in answered]),
        ("P99", [(second.at, second.p99) for second in answered]),
    ]
    values = [ms for _, points in lines for _, ms in points] or [1.0]
    axis = logarithmic(min(values), max(values), "latency, ms")
    return chart(f"{run.label}: latency, by when they were due", linear(0, last, "s"), axis, lines)


def _memory(run: Run) -> str:
    began = run.samples[0].at
    last = run.samples[-1].at - began
    rss = [(s.at - began, s.rss / 1e6) for s in run.samples]
    pss = [(s.at - began, s.pss / 1e6) for s in run.samples]
    highest = max(mb for _, mb in rss)
    title = f"{run.label}: memory of its processes"
    lines: list[tuple[str, Points]] = [("RSS, sum", rss), ("PSS, sum", pss)]
    return chart(title, linear(0, last, "s"), linear(0, highest, "MB"), lines)
