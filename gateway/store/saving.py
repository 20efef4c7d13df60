"""Writes one batch: all of it, in one transaction, or nothing of it.

Runs on the writer's thread. Numbers are added to those that are there, so that any
number of processes can write the same rows; rows are taken in one order, so that
PostgreSQL's writers cannot lock each other out. A batch has a number: one whose
commit was in doubt is sent again, and written only if it was not.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Context, Decimal
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, and_, case, delete, select, update

from gateway.store import schema
from gateway.store.counting import PairRow, Seen, Sheet
from gateway.store.database import adding, inserting, rows_of
from gateway.store.document import packed
from gateway.store.grouping import GroupKey
from gateway.store.keeping import Candidate
from gateway.store.sums import Sums
from gateway.store.texts import storable

_EXACT = Context(prec=60)


class Example(NamedTuple):
    """An example as it is written."""

    group: str
    row: dict[str, Any]


class Batch(NamedTuple):
    """What is written at once. ``number``: of this writer's batches."""

    writer: str
    number: int
    sheet: Sheet
    examples: list[Example]
    at: float


def example_of(candidate: Candidate) -> Example:
    """Packs an exchange. Costs about a millisecond for each 100 KB."""
    group, size, judged = candidate
    request, live, answer = judged.request, judged.live, judged.answer
    row = {
        "group_id": group,
        "at": judged.at,
        "request_id": storable(request.request_id),
        "method": storable(request.method),
        "target": storable(request.target),
        "live_status": live.status if live is not None else None,
        "shadow_status": answer.status if answer is not None else None,
        "size": size,
        "document": packed(judged),
    }
    return Example(group, row)


def save(connection: Connection, batch: Batch, *, examples_per_group: int, pairs: int) -> bool:
    """Write it, within the transaction of ``connection``. False: it was written before."""
    if not _is_new(connection, batch):
        return False
    sheet = batch.sheet
    for table, sums in (
        (schema.verdicts, sheet.verdicts),
        (schema.latency, sheet.latency),
        (schema.coverage, sheet.coverage),
        (schema.traffic, sheet.traffic),
        (schema.ledger, sheet.ledger),
        (schema.isolation, sheet.isolation),
    ):
        _add(connection, table, sums)
    _add_lost(connection, sheet)
    _add_drift(connection, sheet.drift)
    _save_groups(connection, sheet.groups)
    _add(connection, schema.group_counts, sheet.group_counts)
    _save_pairs(connection, sheet.pairs, pairs)
    _save_examples(connection, batch.examples, examples_per_group)
    return True


def _is_new(connection: Connection, batch: Batch) -> bool:
    writers = schema.writers
    mine = writers.c.writer == batch.writer
    last = connection.execute(select(writers.c.batch).where(mine)).scalar_one_or_none()
    row = {"batch": batch.number, "at": batch.at}
    if last is None:
        connection.execute(writers.insert().values(writer=batch.writer, **row))
    elif last >= batch.number:
        return False
    else:
        connection.execute(update(writers).where(mine).values(**row))
    return True


def _add(connection: Connection, table: Any, sums: Sums) -> None:
    if len(sums):
        statement = adding(connection.dialect.name, table)
        connection.execute(statement, rows_of(table, sums.sorted()))


def _add_lost(connection: Connection, sheet: Sheet) -> None:
    rows = [{"what": what, "number": number} for what, number in sorted(sheet.lost.items())]
    if rows:
        connection.execute(adding(connection.dialect.name, schema.lost), rows)


def _add_drift(connection: Connection, sums: Sums) -> None:
    """The total is added up here, in decimal: the row is ours while the transaction lasts."""
    table, statement = schema.drift, inserting(connection.dialect.name, schema.drift)
    keys = list(table.primary_key)
    for key, (total, *numbers) in sums.sorted():
        # The row first, and unchanged but for its numbers: on PostgreSQL that locks it.
        insert = statement.on_conflict_do_update(
            index_elements=keys,
            set_={n: table.c[n] + statement.excluded[n] for n in ("number", "up", "down")},
        )
        (row,) = rows_of(table, [(key, ("0", *numbers))])
        connection.execute(insert, row)
        mine = and_(*(column == value for column, value in zip(keys, key, strict=True)))
        before = connection.execute(select(table.c.total).where(mine)).scalar_one()
        after = _EXACT.add(Decimal(before), Decimal(total))
        connection.execute(update(table).where(mine).values(total=str(after)))


def _save_groups(connection: Connection, groups: dict[str, Seen]) -> None:
    rows = [_group_row(seen) for _, seen in sorted(groups.items())]
    if rows:
        connection.execute(_group_statement(connection.dialect.name), rows)


def _group_row(seen: Seen) -> dict[str, Any]:
    key: GroupKey = seen.key
    row = {**key._asdict(), "id": key.id, "verdict": key.verdict}
    return row | {"first_seen": seen.first, "last_seen": seen.last}


@cache
def _group_statement(dialect: str) -> Any:
    """A group that was closed and is seen after that is open again."""
    table = schema.groups
    statement = inserting(dialect, table)
    new, old = statement.excluded, table.c
    recurs = and_(old.state == "closed", new.last_seen > old.closed_at)
    return statement.on_conflict_do_update(
        index_elements=["id"],
        set_={
            "first_seen": case(
                (new.first_seen < old.first_seen, new.first_seen), else_=old.first_seen
            ),
            "last_seen": case((new.last_seen > old.last_seen, new.last_seen), else_=old.last_seen),
            "state": case((recurs, "open"), else_=old.state),
            "closed_at": case((recurs, None), else_=old.closed_at),
            "passes": case((recurs, 0), else_=old.passes),
            "reopened": old.reopened + case((recurs, 1), else_=0),
        },
    )


def _save_pairs(connection: Connection, pairs: list[PairRow], size: int) -> None:
    """Keep the smallest numbers drawn, of all processes together."""
    if not pairs:
        return
    table = schema.pairs
    connection.execute(table.insert(), [pair._asdict() for pair in pairs])
    for day, shadow, route in sorted({pair[:3] for pair in pairs}):
        stratum = and_(table.c.day == day, table.c.shadow == shadow, table.c.route == route)
        beyond = select(table.c.rank).where(stratum).order_by(table.c.rank).offset(size).limit(1)
        rank = connection.execute(beyond).scalar_one_or_none()
        if rank is not None:
            connection.execute(delete(table).where(stratum, table.c.rank >= rank))


def _save_examples(connection: Connection, examples: Iterable[Example], each: int) -> None:
    touched = set()
    for example in examples:
        connection.execute(schema.examples.insert(), example.row)
        touched.add(example.group)
    for group in sorted(touched):
        _trim(connection, group, each)


def _trim(connection: Connection, group: str, each: int) -> None:
    """Leave the newest half and, of the others, the smallest."""
    table = schema.examples
    wanted = select(table.c.id, table.c.size).where(table.c.group_id == group)
    rows = connection.execute(wanted.order_by(table.c.at.desc(), table.c.id.desc())).all()
    newest = (each + 1) // 2
    rest = sorted(rows[newest:], key=lambda row: row.size)
    surplus = [row.id for row in rest[each - newest :]]
    if surplus:
        connection.execute(delete(table).where(table.c.id.in_(surplus)))
