"""Removes what is too old or too much, and makes hours of old minutes.

Runs on the store's thread of whichever process comes first; a line in the database
keeps the others from doing the same. Everything is done in small transactions, so that
writers wait for none of it for long.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, and_, bindparam, delete, func, select, text, update

from gateway.store import schema
from gateway.store.database import adding, inserting

# Figures are kept by the minute for so long.
MINUTES_FOR = 2 * 86400
_HOUR = 3600
_DAY = 86400
# Rows removed in one transaction, and how often at most in one go.
_ROWS = 2000
_MOST_ROUNDS = 50
# What a row of figures takes with its index, on PostgreSQL, where files do not shrink.
_ROW_BYTES = 250


class Retention(NamedTuple):
    """``max_age`` in seconds, ``max_size`` in bytes."""

    max_age: float
    max_size: int


class Pruner:
    """Prunes every ``interval`` seconds, if no other process does.

    Threads: used by one thread, which waits for the database here. There is no lock.
    """

    def __init__(self, retention: Retention, interval: float, clock: Callable[[], float]) -> None:
        self._retention = retention
        self._interval = interval
        self._clock = clock
        self._due = float("-inf")

    def is_due(self) -> bool:
        """Whether it is time to look."""
        return self._clock() >= self._due

    def prune(self, engine: Engine) -> bool:
        """Remove what has to go. False: another process has done so, or does."""
        now = self._clock()
        self._due = now + self._interval
        with engine.begin() as connection:
            if not take_turn(connection, now, self._interval):
                return False
        drop_old(engine, now - self._retention.max_age)
        fold(engine, now - MINUTES_FOR)
        shrink(engine, self._retention.max_size, now)
        return True


def take_turn(connection: Connection, now: float, interval: float) -> bool:
    """Whether this process is the one to prune now; the others wait for ``interval``."""
    facts = schema.facts
    mine = facts.c.name == "pruned"
    # There must be a row to lock: whoever comes second waits for it.
    nothing = inserting(connection.dialect.name, facts).on_conflict_do_nothing()
    connection.execute(nothing, {"name": "pruned", "value": "-inf"})
    found = connection.execute(select(facts.c.value).where(mine).with_for_update())
    # A clock that was set back must not stop it for ever.
    if now - interval < float(found.scalar_one()) <= now:
        return False
    connection.execute(update(facts).where(mine).values(value=repr(now)))
    return True


def drop_old(engine: Engine, before: float) -> None:
    """Remove what is from before that time."""
    for table in schema.BY_MINUTE:
        _delete_some(engine, table, table.c.at < before)
    for table in schema.BY_DAY:
        _delete_some(engine, table, table.c.day < before - _DAY)
    _delete_some(engine, schema.groups, schema.groups.c.last_seen < before)
    examples, writers = schema.examples, schema.writers
    orphaned = examples.c.group_id.not_in(select(schema.groups.c.id))
    _delete_some(engine, examples, (examples.c.at < before) | orphaned)
    _delete_some(engine, writers, writers.c.at < before)


def _delete_some(engine: Engine, table: Any, which: Any, rounds: int = _MOST_ROUNDS) -> int:
    """Remove rows, a few at a time. How many went."""
    keys = list(table.primary_key) or [table.c.day, table.c.shadow, table.c.route, table.c.rank]
    gone = 0
    for _ in range(rounds):
        with engine.begin() as connection:
            some = connection.execute(select(*keys).where(which).limit(_ROWS)).mappings().all()
            if some:
                mine = (column == bindparam(f"old_{column.name}") for column in keys)
                olds = [{f"old_{name}": value for name, value in row.items()} for row in some]
                connection.execute(delete(table).where(and_(*mine)), olds)
        gone += len(some)
        if len(some) < _ROWS:
            break
    return gone


def fold(engine: Engine, before: float) -> None:
    """Add the minutes of old hours up."""
    for table in schema.BY_MINUTE:
        for _ in range(_MOST_ROUNDS):
            with engine.begin() as connection:
                at = table.c.at
                oldest = select(func.min(at)).where(at < before - _HOUR, at % _HOUR != 0)
                minute = connection.execute(oldest).scalar_one_or_none()
                if minute is None:
                    break
                _fold_hour(connection, table, minute // _HOUR * _HOUR)


def _fold_hour(connection: Connection, table: Any, hour: int) -> None:
    keys = [column for column in table.primary_key if column.name != "at"]
    numbers = [column for column in table.c if not column.primary_key]
    minutes = and_(table.c.at > hour, table.c.at < hour + _HOUR)
    sums = [func.sum(column).label(column.name) for column in numbers]
    rows = connection.execute(select(*keys, *sums).where(minutes).group_by(*keys)).mappings()
    added = [{"at": hour, **row} for row in rows]
    connection.execute(delete(table).where(minutes))
    if added:
        added.sort(key=lambda row: [row[column.name] for column in keys])
        connection.execute(adding(connection.dialect.name, table), added)


def size_of(engine: Engine) -> int:
    """Bytes that the store takes, without what is free to be used again."""
    with engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            pages, free, size = (
                connection.execute(text(f"PRAGMA {name}")).scalar_one()
                for name in ("page_count", "freelist_count", "page_size")
            )
            return int((pages - free) * size)
        rows = sum(
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (*schema.BY_MINUTE, *schema.BY_DAY)
        )
        documents = func.coalesce(func.sum(func.octet_length(schema.examples.c.document)), 0)
        return int(rows * _ROW_BYTES + connection.execute(select(documents)).scalar_one())


def shrink(engine: Engine, most: int, now: float) -> None:
    """Remove the oldest until it is small enough: examples first, figures then."""
    for _ in range(20):
        if size_of(engine) <= most:
            break
        if not _drop_examples(engine) and not _drop_figures(engine, now):
            break
    if engine.dialect.name == "sqlite":
        _give_back(engine)


def _drop_examples(engine: Engine) -> int:
    """The older half of all examples; the newest of each group stays."""
    examples = schema.examples
    with engine.begin() as connection:
        newest = select(func.max(examples.c.id)).group_by(examples.c.group_id)
        surplus = select(examples.c.id).where(examples.c.id.not_in(newest))
        number = connection.execute(
            select(func.count()).select_from(surplus.subquery())
        ).scalar_one()
        oldest = connection.execute(
            surplus.order_by(examples.c.at).limit(min(_ROWS, (number + 1) // 2))
        ).scalars()
        ids = list(oldest)
        for example in ids:
            connection.execute(delete(examples).where(examples.c.id == example))
    return len(ids)


def _drop_figures(engine: Engine, now: float) -> bool:
    """The oldest fifth of the time there are figures of. The last hour stays."""
    with engine.connect() as connection:
        firsts = [connection.execute(select(func.min(t.c.at))).scalar() for t in schema.BY_MINUTE]
    # Not by days: the first of them stays as long as any of its hours.
    known = [first for first in firsts if first is not None]
    if not known or min(known) > now - _HOUR:
        return False
    drop_old(engine, min(known) + (now - min(known)) / 5)
    return True


def _give_back(engine: Engine) -> None:
    """Free pages at the end of the file go back to the disk, some at a time."""
    with engine.connect() as connection:
        raw: Any = connection.connection.dbapi_connection
        raw.execute("PRAGMA incremental_vacuum(2000)").fetchall()
