"""What clients asked, beside how much of it was compared: the blind spots are the difference."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Connection, func, select

from gateway.store import schema
from gateway.store.figures import Asked
from gateway.store.values import Coverage

_Place = tuple[str, str, int]


def coverage(connection: Connection, asked: Asked, shadows: Iterable[str]) -> list[Coverage]:
    """By shadow, route, method, live's status and shape, what was asked most first.

    ``shadows``: those that are to have a row for what they never saw.
    """
    live = _live(connection, asked)
    rows = list(_compared(connection, asked, live))
    covered = {(row.shadow, row.route, row.method, row.status) for row in rows}
    rows += [
        Coverage(shadow, *place, "", number, 0, 0)
        for shadow in shadows
        for place, number in live.items()
        if (shadow, *place) not in covered
    ]
    return sorted(rows, key=_by_size)


def _by_size(row: Coverage) -> Any:
    return (row.shadow, -row.live, row.route, row.method, row.status, -row.mirrored, row.shape)


def _live(connection: Connection, asked: Asked) -> dict[_Place, int]:
    table = schema.traffic
    keys = (table.c.route, table.c.method, table.c.status)
    found = select(*keys, func.sum(table.c.number)).where(*asked.whole_days(table))
    rows = connection.execute(found.group_by(*keys))
    return {(row[0], row[1], row[2]): int(row[3]) for row in rows}


def _compared(connection: Connection, asked: Asked, live: dict[_Place, int]) -> Iterator[Coverage]:
    table = schema.coverage
    keys = (table.c.shadow, table.c.route, table.c.method, table.c.status, table.c.shape)
    sums = (func.sum(table.c.mirrored), func.sum(table.c.compared))
    found = select(*keys, *sums).where(*asked.conditions(table)).group_by(*keys)
    for *place, shape, mirrored, compared in connection.execute(found):
        shadow, route, method, status = place
        asked_for = live.get((route, method, status), 0)
        yield Coverage(
            shadow, route, method, status, shape, asked_for, int(mirrored), int(compared)
        )
