"""Figures over time: one point for each step in which there was anything."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from sqlalchemy import Connection, func, select
from sqlalchemy.sql.schema import Table

from gateway.store import schema
from gateway.store.figures import Asked, latency_of
from gateway.store.values import Counts, Point


class _Step:
    """What is known of one step, while it is gathered."""

    def __init__(self) -> None:
        self.live = 0
        self.by_shadow: Counter[str] = Counter()
        self.ledger: Counter[str] = Counter()
        self.drops: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()
        self.verdicts: Counter[str] = Counter()
        self.sides: dict[str, Any] = {}

    def point(self, at: int) -> Point:
        return Point(
            float(at),
            max(self.live, *self.by_shadow.values(), 0),
            dict(self.ledger),
            dict(self.drops),
            Counts.of(self.counts),
            dict(self.verdicts),
            latency_of(self.sides),
        )


def series(connection: Connection, asked: Asked, step: int) -> list[Point]:
    """Points, oldest first."""
    steps: defaultdict[int, _Step] = defaultdict(_Step)
    for at, count, verdict, number in _sums(
        connection, asked, step, schema.verdicts, "count", "verdict"
    ):
        steps[at].counts[count] += int(number)
        steps[at].verdicts[verdict] += int(number)
    for at, number in _sums(connection, asked, step, schema.traffic):
        steps[at].live += int(number)
    # The ledger knows no routes.
    if asked.where.route is None:
        for at, outcome, reason, shadow, number in _sums(
            connection, asked, step, schema.ledger, "outcome", "reason", "shadow"
        ):
            steps[at].ledger[outcome] += int(number)
            steps[at].by_shadow[shadow] += int(number)
            if outcome == "dropped":
                steps[at].drops[reason] += int(number)
    for at, side, *sums in _sums(connection, asked, step, schema.latency, "side"):
        steps[at].sides[side] = sums
    return [steps[at].point(at) for at in sorted(steps)]


def _sums(connection: Connection, asked: Asked, step: int, table: Table, *keys: str) -> Any:
    """Rows of (step, keys …, sums of all numbers …)."""
    at = table.c.at - table.c.at % step
    columns = [table.c[key] for key in keys]
    numbers = [func.sum(column) for column in table.c if not column.primary_key]
    found = select(at, *columns, *numbers).where(*asked.conditions(table))
    return connection.execute(found.group_by(at, *columns))
