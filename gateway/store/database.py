"""Engines for both databases, set up so that many processes can use one store.

SQLite: WAL, so that readers and the one writer do not wait for each other; a write
transaction takes the lock at its beginning, where waiting for it is possible (a reader
that becomes a writer halfway fails at once instead); the file is readable by its owner
only. PostgreSQL: bounded waits.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import cache
from importlib import import_module
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool
from sqlalchemy.sql.schema import Table

from gateway.store.errors import StoreError, StoreMissing
from gateway.store.url import is_sqlite, missing_packages, path_of, shown

# Seconds. Others hold a lock for a batch: some milliseconds, unless the disk is slow.
LOCK_SECONDS = 5.0
_STATEMENT_SECONDS = 30
_CONNECT_SECONDS = 5
_LOCK_PAUSE = 0.01


def make_engine(
    url: str, *, writes: bool, pool_size: int = 1, lock_seconds: float = LOCK_SECONDS
) -> Engine:
    """An engine; it opens nothing yet. ``writes``: every transaction is one that writes.

    ``lock_seconds``: the longest wait for another process's lock.

    Raises ``StoreError`` where packages are missing.
    """
    missing = missing_packages(url)
    if missing is not None:
        raise StoreError(f"{shown(url)} needs more packages: {missing}")
    if is_sqlite(url):
        return _sqlite_engine(url, writes, pool_size, lock_seconds)
    return _postgresql_engine(url, pool_size, lock_seconds)


def _sqlite_engine(url: str, writes: bool, pool_size: int, lock_seconds: float) -> Engine:
    engine = create_engine(
        url,
        # Readers open the file for each query: it may be another one by then.
        **({"pool_size": pool_size, "max_overflow": 0} if writes else {"poolclass": NullPool}),
        # A connection is one thread's at a time, though not always the same one's.
        connect_args={"check_same_thread": False, "timeout": lock_seconds},
    )
    begin = "BEGIN IMMEDIATE" if writes else "BEGIN"

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, record: Any) -> None:
        # Transactions begin where we say so, not where the module guesses.
        connection.isolation_level = None
        if not writes:
            return
        # Before there are tables, or it has no effect.
        connection.execute("PRAGMA auto_vacuum=INCREMENTAL").close()
        _use_wal(connection, lock_seconds)
        connection.execute("PRAGMA synchronous=NORMAL").close()
        connection.execute("PRAGMA journal_size_limit=16777216").close()

    @event.listens_for(engine, "begin")
    def begin_(connection: Any) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _use_wal(connection: Any, lock_seconds: float) -> None:
    """Processes that start together all do this, and SQLite does not wait for locks here."""
    gives_up = time.monotonic() + lock_seconds
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL").close()
        except sqlite3.OperationalError:
            if time.monotonic() > gives_up:
                raise
            time.sleep(_LOCK_PAUSE)
        else:
            return


def _postgresql_engine(url: str, pool_size: int, lock_seconds: float) -> Engine:
    # The URL is PostgreSQL's own form; which driver we use is our business.
    with_driver = make_url(url).set(drivername="postgresql+psycopg")
    options = {"connect_timeout": _CONNECT_SECONDS, "application_name": "gateway"}
    limits = {"statement_timeout": _STATEMENT_SECONDS, "lock_timeout": lock_seconds}
    defaults = {name: value for name, value in options.items() if name not in with_driver.query}
    return create_engine(
        with_driver,
        pool_size=pool_size,
        max_overflow=0,
        pool_pre_ping=True,  # a server that was started anew is used at once
        connect_args={
            **defaults,
            "options": " ".join(f"-c {name}={value * 1000:.0f}" for name, value in limits.items()),
        },
    )


def make_file(url: str) -> None:
    """Make a SQLite store's file before SQLite does: only its owner may read it."""
    if is_sqlite(url):
        with suppress(FileExistsError):
            os.close(os.open(path_of(url), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def require_file(url: str) -> None:
    """Readers make no store. Raises ``StoreMissing``."""
    if is_sqlite(url) and not os.path.exists(path_of(url)):
        raise StoreMissing(f"there is no store at {shown(url)}: no gateway has kept figures there")


def inserting(dialect: str, table: Table) -> Any:
    """An INSERT that can say what to do with a row that is there already."""
    # Only the dialect in use: all of PostgreSQL's drivers are 30 ms and 2 MB of every worker.
    return import_module(f"sqlalchemy.dialects.{dialect}").insert(table)


@cache
def adding(dialect: str, table: Table) -> Any:
    """An INSERT that adds to the numbers of a row that is there already.

    Made once for each table: building it and looking up its text cost more than running it.
    """
    insert = inserting(dialect, table)
    new, old = insert.excluded, table.c
    keys = [column.name for column in table.primary_key]
    changes = {c.name: old[c.name] + new[c.name] for c in table.c if c.name not in keys}
    return insert.on_conflict_do_update(index_elements=keys, set_=changes)


def rows_of(table: Table, rows: Iterable[tuple[Sequence[Any], Sequence[Any]]]) -> list[Any]:
    """Keys and numbers as parameters, in the order of the table's columns."""
    names = [column.name for column in table.c]
    return [dict(zip(names, (*key, *numbers), strict=True)) for key, numbers in rows]


def as_store_error(error: SQLAlchemyError, url: str) -> StoreError:
    """What a database said, without the statement and its values."""
    cause = getattr(error, "orig", None) or error
    text = " ".join(str(cause).split())[:300] or type(cause).__name__
    return StoreError(f"{shown(url)}: {text}")
