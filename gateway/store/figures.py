"""Queries for figures: sums over a time, a shadow, a route.

Each takes a connection and a filter, and returns values. All numbers were added up
when they were written; what is left to do is to add up again.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from decimal import Context, Decimal
from typing import Any, NamedTuple

from msgspec.structs import replace
from sqlalchemy import ColumnElement, Connection, func, select
from sqlalchemy.sql.schema import Table

from gateway.store import schema
from gateway.store.buckets import percentiles
from gateway.store.values import (
    FLOOR,
    Arm,
    Counts,
    DriftSum,
    Filter,
    Isolation,
    Latency,
    LedgerCount,
    Percentiles,
    VerdictCount,
    day_text,
)

_EXACT = Context(prec=60)
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


class Asked(NamedTuple):
    """A filter, and the time before which figures may be kept by the hour."""

    where: Filter
    hours_before: float

    @property
    def step(self) -> int:
        """The finest step that all figures asked about have."""
        since = self.where.since
        return _HOUR if since is None or since < self.hours_before else _MINUTE

    def conditions(self, table: Table) -> list[ColumnElement[bool]]:
        """What rows of a table must be, as far as it has columns for it."""
        where, columns = self.where, table.c
        found: list[ColumnElement[bool]] = []
        if "shadow" in columns:
            shadow = columns.shadow
            found.append(shadow != FLOOR if where.shadow is None else shadow == where.shadow)
        if "route" in columns and where.route is not None:
            found.append(columns.route == where.route)
        if "verdict" in columns and where.verdict is not None:
            found.append(columns.verdict == where.verdict)
        return [*found, *self.times(table)]

    def whole_days(self, table: Table) -> list[ColumnElement[bool]]:
        """The conditions, with a ``since`` at the beginning of its day."""
        since = self.where.since
        if since is not None:
            since = float(int(since) // _DAY * _DAY)
        return Asked(replace(self.where, since=since), self.hours_before).conditions(table)

    def times(self, table: Table) -> Iterable[ColumnElement[bool]]:
        """The time asked about, for a table that has one."""
        columns = table.c
        if "day" not in columns and ("at" not in columns):
            return  # a group has no one time
        by_day = "day" in columns
        time = columns.day if by_day else columns.at
        if self.where.since is not None:
            step = _DAY if by_day else self.step
            yield time >= int(self.where.since) // step * step
        if self.where.until is not None:
            yield time < self.where.until


def verdicts(connection: Connection, asked: Asked) -> list[VerdictCount]:
    """Exchanges by shadow, route, count, verdict and reason."""
    table = schema.verdicts
    keys = (table.c.shadow, table.c.route, table.c.count, table.c.verdict, table.c.reason)
    rows = connection.execute(
        select(*keys, func.sum(table.c.number)).where(*asked.conditions(table)).group_by(*keys)
    )
    return sorted(
        (VerdictCount(*row[:5], int(row[5])) for row in rows),
        key=lambda each: (-each.number, each.shadow, each.route, each.verdict, each.reason),
    )


def counts_of(found: Iterable[VerdictCount]) -> Counts:
    """The five counts of verdicts."""
    return Counts.of(added_up((each.count, each.number) for each in found))


def added_up(numbers: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Numbers by name."""
    sums: Counter[str] = Counter()
    for name, number in numbers:
        sums[name] += number
    return dict(sums)


def ledger(connection: Connection, asked: Asked) -> list[LedgerCount]:
    """How live requests ended; nothing for one route, which the ledger does not know."""
    if asked.where.route is not None:
        return []
    table = schema.ledger
    keys = (table.c.shadow, table.c.outcome, table.c.reason)
    rows = connection.execute(
        select(*keys, func.sum(table.c.number)).where(*asked.conditions(table)).group_by(*keys)
    )
    return sorted(
        (LedgerCount(*row[:3], int(row[3])) for row in rows),
        key=lambda each: (each.shadow, -each.number, each.outcome, each.reason),
    )


def live_requests(connection: Connection, asked: Asked, ledger: list[LedgerCount]) -> int:
    """Requests of clients.

    Each shadow's ledger has all of them in the end, and where a mirror is embedded it alone
    has: there the host answers those that are not mirrored.
    """
    table = schema.traffic
    found = select(func.sum(table.c.number)).where(*asked.conditions(table))
    answered = int(connection.execute(found).scalar() or 0)
    by_shadow = added_up((each.shadow, each.number) for each in ledger)
    return max(answered, *by_shadow.values(), 0)


def latency(connection: Connection, asked: Asked) -> Latency:
    """Both sides' latency."""
    table = schema.latency
    sums = [func.sum(table.c[name]) for name in (*schema.BUCKETS, "seconds")]
    rows = connection.execute(
        select(table.c.side, *sums).where(*asked.conditions(table)).group_by(table.c.side)
    )
    return latency_of({row[0]: row[1:] for row in rows})


def latency_of(sides: dict[str, Any]) -> Latency:
    """``sides``: "live" and "shadow" to the sums of their buckets and seconds."""
    return Latency(*(_percentiles(sides.get(side)) for side in ("live", "shadow")))


def _percentiles(sums: Any) -> Percentiles:
    if sums is None:
        return Percentiles()
    *buckets, seconds = sums
    return percentiles([int(each or 0) for each in buckets], float(seconds or 0))


def counts_by_place(connection: Connection, asked: Asked) -> dict[tuple[str, str], Counts]:
    """The five counts by shadow and route, in the time asked about, the floor's too."""
    table = schema.verdicts
    keys = (table.c.shadow, table.c.route)
    rows = connection.execute(
        select(*keys, table.c.count, func.sum(table.c.number))
        .where(*asked.times(table))
        .group_by(*keys, table.c.count)
    )
    numbers: defaultdict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    for shadow, route, count, number in rows:
        numbers[shadow, route][count] = int(number)
    return {place: Counts.of(found) for place, found in numbers.items()}


def drift(connection: Connection, asked: Asked) -> list[DriftSum]:
    """Signed sums of money differences, by day."""
    table = schema.drift
    rows = connection.execute(
        select(*table.c)
        .where(*asked.conditions(table))
        .order_by(table.c.day, table.c.shadow, table.c.route, table.c.currency)
    )
    return [
        DriftSum(
            day_text(row.day),
            row.shadow,
            row.route,
            row.currency,
            Decimal(row.total),
            row.number,
            row.up,
            row.down,
        )
        for row in rows
    ]


def isolation(connection: Connection, asked: Asked) -> Isolation:
    """What mirroring costs live."""
    table = schema.isolation
    names = (*schema.BUCKETS, "number", "errors", "seconds", "squares")
    sums = [func.sum(table.c[name]) for name in names]
    rows = connection.execute(
        select(table.c.arm, *sums).where(*asked.conditions(table)).group_by(table.c.arm)
    )
    arms = {row[0]: _arm(row[1:]) for row in rows}
    return Isolation(arms.get("mirrored", Arm()), arms.get("held_out", Arm()))


def _arm(sums: Any) -> Arm:
    *buckets, number, errors, seconds, squares = sums
    latency = percentiles([int(each) for each in buckets], float(seconds))
    return Arm(int(number), int(errors), float(seconds), float(squares), latency)


def span(connection: Connection, asked: Asked) -> tuple[int, int] | None:
    """The first and the last time there are figures of."""
    found = []
    for table in (schema.verdicts, schema.ledger, schema.traffic):
        times = select(func.min(table.c.at), func.max(table.c.at))
        found += list(connection.execute(times.where(*asked.conditions(table))).one())
    known = [each for each in found if each is not None]
    return (min(known), max(known)) if known else None
