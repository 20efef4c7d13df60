"""Queries for groups of differences and their examples, and what people change about them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, func, select, update

from gateway.store import schema
from gateway.store.document import unpacked
from gateway.store.figures import Asked, counts_by_place
from gateway.store.grouping import EXCHANGE
from gateway.store.values import (
    Counts,
    Example,
    ExampleHead,
    Group,
    GroupPage,
    Noise,
    Order,
    State,
)

_groups, _counts, _examples = schema.groups, schema.group_counts, schema.examples

# The shortest beginning of an id that may stand for it.
_SHORTEST_ID = 4

_HEAD = tuple(column for column in _examples.c if column.name != "document")


def groups(
    connection: Connection, asked: Asked, state: State | None, order: Order, limit: int, offset: int
) -> GroupPage:
    """Groups seen in this time."""
    conditions = [*_conditions(asked)]
    if state is not None:
        conditions.append(_groups.c.state == state)
    found = _selected(conditions).subquery()
    total = connection.execute(select(func.count()).select_from(found)).scalar_one()
    by = {"count": found.c.number, "last_seen": found.c.last_seen, "first_seen": found.c.first_seen}
    ordered = select(found).order_by(by[order].desc(), found.c.id).limit(limit).offset(offset)
    return GroupPage(int(total), _filled(connection, asked, connection.execute(ordered)))


def group(connection: Connection, asked: Asked, wanted: str) -> Group | None:
    """One group by its id; its numbers are 0 if it was not seen in this time."""
    known = id_of(connection, wanted)
    if known is None:
        return None
    times = [*asked.conditions(_counts)]
    found = _selected([_groups.c.id == known], and_(_counts.c.group_id == _groups.c.id, *times))
    return next(iter(_filled(connection, asked, connection.execute(found))), None)


def id_of(connection: Connection, wanted: str) -> str | None:
    """The id that begins so, if there is exactly one."""
    ids = _groups.c.id
    if len(wanted) < _SHORTEST_ID or not wanted.isalnum():
        return None
    some = connection.execute(select(ids).where(ids.startswith(wanted)).limit(2)).scalars().all()
    return some[0] if len(some) == 1 else None


def _conditions(asked: Asked) -> list[ColumnElement[bool]]:
    return [*asked.conditions(_groups), *asked.conditions(_counts)]


def _selected(conditions: Iterable[ColumnElement[bool]], on: Any = None) -> Any:
    """Groups with their numbers. ``on``: how counts are joined, where those may be missing."""
    joined = _groups.join(
        _counts, _counts.c.group_id == _groups.c.id if on is None else on, isouter=on is not None
    )
    kept = (
        select(func.count())
        .where(_examples.c.group_id == _groups.c.id)
        .correlate(_groups)
        .scalar_subquery()
    )
    number = func.coalesce(func.sum(_counts.c.number), 0).label("number")
    alone = func.coalesce(func.sum(_counts.c.alone), 0).label("alone")
    return (
        select(*_groups.c, number, alone, kept.label("examples"))
        .select_from(joined)
        .where(*conditions)
        .group_by(*_groups.c)
    )


def _filled(connection: Connection, asked: Asked, rows: Iterable[Any]) -> list[Group]:
    places = counts_by_place(connection, asked)
    return [_group(row, places.get((row.shadow, row.route), Counts())) for row in rows]


def _group(row: Any, counts: Counts) -> Group:
    of = counts.total if row.part == EXCHANGE else counts.compared
    number = int(row.number)
    return Group(
        **{name: row._mapping[name] for name in _PLAIN},
        number=number,
        alone=int(row.alone),
        share=min(1.0, number / of) if of else 0.0,
        examples=int(row.examples),
    )


_PLAIN = tuple(
    name for name in Group.__struct_fields__ if name not in ("number", "alone", "share", "examples")
)


def noise(connection: Connection, asked: Asked) -> list[Noise]:
    """Places that differ, whatever the kind of difference."""
    columns = (_groups.c.shadow, _groups.c.route, _groups.c.part, _groups.c.pattern)
    rows = connection.execute(
        select(*columns, _groups.c.kind, func.sum(_counts.c.number), func.sum(_counts.c.alone))
        .select_from(_groups.join(_counts, _counts.c.group_id == _groups.c.id))
        .where(*_conditions(asked), _groups.c.part != EXCHANGE)
        .group_by(*columns, _groups.c.kind)
    )
    places: dict[tuple[str, ...], tuple[list[str], int, int]] = {}
    for *place, kind, number, alone in rows:
        kinds, differs, by_itself = places.get(tuple(place), ([], 0, 0))
        places[tuple(place)] = ([*kinds, kind], differs + int(number), by_itself + int(alone))
    counts = counts_by_place(connection, asked)
    found = []
    for (shadow, route, part, pattern), (kinds, differs, alone) in places.items():
        compared = counts.get((shadow, route), Counts()).compared
        known = min(differs, compared)
        found.append(
            Noise(shadow, route, part, pattern, sorted(kinds), known, min(alone, known), compared)
        )
    return sorted(found, key=lambda each: (-each.differs, each.shadow, each.route, each.pattern))


def numbers_by_state(connection: Connection, asked: Asked) -> dict[str, int]:
    """How many groups seen in this time are open, and closed."""
    rows = connection.execute(
        select(_groups.c.state, func.count(_groups.c.id.distinct()))
        .select_from(_groups.join(_counts, _counts.c.group_id == _groups.c.id))
        .where(*_conditions(asked))
        .group_by(_groups.c.state)
    )
    return {state: int(number) for state, number in rows}


def examples(connection: Connection, wanted: str) -> list[ExampleHead]:
    """The kept examples of a group, the newest first."""
    known = id_of(connection, wanted)
    found = select(*_HEAD).where(_examples.c.group_id == known)
    rows = connection.execute(found.order_by(_examples.c.at.desc(), _examples.c.id.desc()))
    return [_head(row) for row in rows]


def _head(row: Any) -> ExampleHead:
    return ExampleHead(*(row._mapping[column.name] for column in _HEAD))


def example(connection: Connection, wanted: int) -> Example | None:
    """One example in full."""
    found = connection.execute(select(*_HEAD, _examples.c.document).where(_examples.c.id == wanted))
    row = found.one_or_none()
    return None if row is None else Example(_head(row), unpacked(row.document))


def set_state(connection: Connection, wanted: str, state: State, now: float) -> bool:
    """Close or open a group."""
    known = id_of(connection, wanted)
    changes = {"state": state, "passes": 0, "closed_at": now if state == "closed" else None}
    changed = connection.execute(update(_groups).where(_groups.c.id == known).values(changes))
    return changed.rowcount == 1


def record_recheck(
    connection: Connection, wanted: str, passed: bool, close_after: int, now: float
) -> str | None:
    """Count a recheck; so many clean ones in a row close the group, a failed one opens it."""
    known = id_of(connection, wanted)
    changes = _passed(close_after, now) if passed else _failed()
    changed = connection.execute(update(_groups).where(_groups.c.id == known).values(changes))
    return known if changed.rowcount == 1 else None


def _passed(close_after: int, now: float) -> dict[str, Any]:
    columns = _groups.c
    closes = and_(columns.passes + 1 >= close_after, columns.state == "open")
    return {
        "passes": columns.passes + 1,
        "state": case((closes, "closed"), else_=columns.state),
        "closed_at": case((closes, now), else_=columns.closed_at),
    }


def _failed() -> dict[str, Any]:
    columns = _groups.c
    reopens = case((columns.state == "closed", 1), else_=0)
    changes = {"passes": 0, "state": "open", "closed_at": None}
    return changes | {"reopened": columns.reopened + reopens}
