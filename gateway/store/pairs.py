"""An evenly random sample of paired latencies, put together from those of days and routes.

Of each day, shadow and route those with the smallest numbers drawn are kept. Taking
from all of them what is below the smallest of their limits makes one sample in which
every exchange had the same chance.
"""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from gateway.store import schema
from gateway.store.figures import Asked, latency
from gateway.store.values import Pair, PairSample


def pairs(connection: Connection, asked: Asked, limit: int) -> PairSample:
    """At most ``limit`` pairs."""
    table, where = schema.pairs, asked.where
    conditions = asked.conditions(table)
    if where.since is not None:
        conditions.append(table.c.at >= int(where.since) // asked.step * asked.step)
    if where.until is not None:
        conditions.append(table.c.at < where.until)
    rows = connection.execute(
        select(table.c.at, table.c.route, table.c.live, table.c.answer)
        .where(*conditions, table.c.rank < _limit(connection, asked))
        .order_by(table.c.rank)
        .limit(limit)
    )
    population = latency(connection, asked).live.number
    return PairSample(population, [Pair(*row) for row in rows])


def _limit(connection: Connection, asked: Asked) -> float:
    """Below this number every stratum is complete.

    One that never had more than its share is complete up to 1; how many there were is
    known from the histograms.
    """
    table, times = schema.pairs, schema.latency
    keys = (table.c.day, table.c.shadow, table.c.route)
    kept = connection.execute(
        select(*keys, func.count(), func.max(table.c.rank))
        .where(*asked.conditions(table))
        .group_by(*keys)
    ).all()
    seen = {}
    day = times.c.at - times.c.at % 86400
    if kept:
        number = sum((times.c[name] for name in schema.BUCKETS[1:]), times.c[schema.BUCKETS[0]])
        rows = connection.execute(
            select(day, times.c.shadow, times.c.route, func.sum(number))
            .where(times.c.side == "live", times.c.at >= min(row[0] for row in kept))
            .group_by(day, times.c.shadow, times.c.route)
        )
        seen = {tuple(row[:3]): int(row[3]) for row in rows}
    # The largest kept is the limit, and stays out: below it there is none missing.
    limits = [row[4] for row in kept if row[3] < seen.get(tuple(row[:3]), row[3])]
    return min(limits, default=1.0)
