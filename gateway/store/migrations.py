"""How a store of an older version becomes one of this version.

Each step is a function of its own and is never changed once it was released: the tables
as ``schema`` has them today are not those a step found. All steps there are to take are
taken in one transaction, by whichever process comes first, while the others wait.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Connection, inspect, select, text

from gateway.store.errors import StoreTooNew
from gateway.store.schema import facts, metadata

Step = Callable[[Connection], None]

# Any number; every process that makes a schema must use the same one.
_LOCK = 0x6A7E_3A71


def _first(connection: Connection) -> None:
    """Everything. Becomes a copy of these tables once there is a second step."""
    metadata.create_all(connection)


STEPS: tuple[Step, ...] = (_first,)


def version_of(connection: Connection) -> int:
    """How many steps were taken; 0 for a database without a store."""
    if not inspect(connection).has_table(facts.name):
        return 0
    found = connection.execute(select(facts.c.value).where(facts.c.name == "schema"))
    return int(found.scalar_one_or_none() or 0)


def migrate(connection: Connection, steps: Sequence[Step] = STEPS) -> int:
    """Bring the schema up to date, within the transaction of ``connection``.

    Returns the version it had. Raises ``StoreTooNew`` for one that has more steps.
    """
    if connection.dialect.name == "postgresql":
        # SQLite's transaction holds the whole file already. Freed with the transaction.
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    version = version_of(connection)
    if version > len(steps):
        raise StoreTooNew(version, len(steps))
    for step in steps[version:]:
        step(connection)
    if version < len(steps):
        connection.execute(facts.delete().where(facts.c.name == "schema"))
        connection.execute(facts.insert().values(name="schema", value=str(len(steps))))
    return version
