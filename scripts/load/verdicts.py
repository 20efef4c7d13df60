"""A figure beside its budget, and what follows from it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from statistics import median
from typing import Literal


class Verdict(Enum):
    """What a figure says about its budget."""

    AIM = "aim"
    MUST = "must"
    MISSED = "MISSED"
    VOID = "void"
    NONE = ""  # no budget: a figure for the reader

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class Row:
    """One figure. ``better``: in which direction; ``of``: what several runs give.

    ``lag``: by how much the client's own lag may have worsened it, when that was
    too much. The figure is void then, unless the lag cannot explain the miss.
    """

    budget: str
    what: str
    figure: float
    unit: str = ""
    must: float | None = None
    aim: float | None = None
    better: Literal["less", "more"] = "less"
    of: Literal["median", "worst"] = "median"
    note: str = ""
    lag: float = 0.0

    @property
    def verdict(self) -> Verdict:
        if self.must is None:
            return Verdict.NONE
        if not self._holds(self.must):
            explained = self.lag and self.figure - self.lag <= self.must
            return Verdict.VOID if explained else Verdict.MISSED
        if self.lag:
            return Verdict.VOID
        return (
            Verdict.AIM
            if self._holds(self.must if self.aim is None else self.aim)
            else Verdict.MUST
        )

    def _holds(self, limit: float) -> bool:
        return self.figure <= limit if self.better == "less" else self.figure >= limit

    def budget_text(self) -> str:
        """ "≤ 50, aim 10"."""
        if self.must is None:
            return ""
        sign = "≤" if self.better == "less" else "≥"
        aim = "" if self.aim is None else f", aim {self.aim:g}"
        return f"{sign} {self.must:g}{aim}"

    def figure_text(self) -> str:
        """The figure with as many places as mean something."""
        value = self.figure
        if math.isinf(value):
            return "none"
        places = 0 if abs(value) >= 100 or value == int(value) else 1 if abs(value) >= 10 else 2
        return f"{value:,.{places}f} {self.unit}".rstrip()


def none_of(budget: str, what: str, count: int, note: str = "") -> Row:
    """Something that must not happen at all, in any run."""
    return Row(budget, what, float(count), must=0, of="worst", note=note)


def combined(repeats: Sequence[Sequence[Row]]) -> list[Row]:
    """The same rows from several runs, as one: medians of those that are not void, or the worst."""
    return [_one(rows) for rows in zip(*repeats, strict=True)]


def _one(rows: Sequence[Row]) -> Row:
    valid = [row for row in rows if not row.lag] or list(rows)
    figures = [row.figure for row in valid]
    first = valid[0]
    if len(rows) == 1:
        return first
    if first.of == "worst":
        figure = max(figures) if first.better == "less" else min(figures)
    else:
        figure = median(figures)
    spread = f"{min(figures):.3g} to {max(figures):.3g} in {len(figures)} runs"
    return replace(first, figure=figure, note=f"{spread}; {first.note}".rstrip("; "))
