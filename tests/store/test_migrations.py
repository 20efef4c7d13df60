"""A store becomes one of this version, once, whoever comes first."""

from __future__ import annotations

from threading import Barrier, Thread

import pytest
from sqlalchemy import Connection, inspect, text

from gateway.store.database import make_engine
from gateway.store.errors import StoreTooNew
from gateway.store.migrations import STEPS, migrate, version_of
from gateway.store.schema import metadata


def test_an_empty_database_gets_all_tables(url: str) -> None:
    """And the number of the version; a second time there is nothing to do."""
    engine = make_engine(url, writes=True)
    try:
        with engine.begin() as connection:
            assert migrate(connection) == 0
        with engine.begin() as connection:
            assert migrate(connection) == len(STEPS) == version_of(connection)
            assert set(inspect(connection).get_table_names()) >= set(metadata.tables)
    finally:
        engine.dispose()


def _second(connection: Connection) -> None:
    connection.execute(text("ALTER TABLE gateway_groups ADD COLUMN note TEXT"))


def test_an_older_store_takes_the_steps_that_are_missing(url: str) -> None:
    """What it has stays."""
    engine = make_engine(url, writes=True)
    try:
        with engine.begin() as connection:
            migrate(connection)
            connection.execute(text("INSERT INTO gateway_lost VALUES ('figures', 7)"))
        with engine.begin() as connection:
            assert migrate(connection, (*STEPS, _second)) == len(STEPS)
            columns = {c["name"] for c in inspect(connection).get_columns("gateway_groups")}
            assert "note" in columns
            assert version_of(connection) == len(STEPS) + 1
            assert connection.execute(text("SELECT number FROM gateway_lost")).scalar() == 7
    finally:
        engine.dispose()


def test_a_step_that_fails_leaves_the_store_as_it_was(url: str) -> None:
    """All steps or none."""

    def breaks(connection: Connection) -> None:
        _second(connection)
        raise RuntimeError("halfway")

    engine = make_engine(url, writes=True)
    try:
        with engine.begin() as connection:
            migrate(connection)
        with pytest.raises(RuntimeError, match="halfway"), engine.begin() as connection:
            migrate(connection, (*STEPS, breaks))
        with engine.begin() as connection:
            assert version_of(connection) == len(STEPS)
            columns = {c["name"] for c in inspect(connection).get_columns("gateway_groups")}
            assert "note" not in columns
    finally:
        engine.dispose()


def test_a_newer_store_is_left_alone(url: str) -> None:
    """This version does not know what its tables mean."""
    engine = make_engine(url, writes=True)
    try:
        with engine.begin() as connection:
            migrate(connection, (*STEPS, _second))
        with pytest.raises(StoreTooNew, match="newer Gateway"), engine.begin() as connection:
            migrate(connection)
    finally:
        engine.dispose()


def test_several_that_start_at_once_do_it_once(url: str) -> None:
    """As workers do."""
    barrier, versions = Barrier(4), []

    def start() -> None:
        engine = make_engine(url, writes=True)
        try:
            barrier.wait(10)
            with engine.begin() as connection:
                versions.append(migrate(connection))
        finally:
            engine.dispose()

    threads = [Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(versions) == [0, 1, 1, 1]
