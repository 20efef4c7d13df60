"""Both databases, for tests that hold for both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.store.reader import Reader, open_reader
from gateway.store.store import Pauses, Plan, Store
from tests.store.exchanges import NOON
from tests.support.postgresql import PostgresqlServer, needs_postgresql, postgresql_server

# Turns follow each other closely, so that tests need not wait.
QUICK = Pauses(turn=0.01, retry=0.02, longest_retry=0.05, prune=60.0, lock=0.05)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresqlServer]:
    with postgresql_server() as server:
        yield server


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=needs_postgresql)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty place for a store."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/gateway.db"
    server: PostgresqlServer = request.getfixturevalue("postgresql")
    return server.database()


MakeStore = Callable[..., Store]


@pytest.fixture
def make_store() -> Iterator[MakeStore]:
    """Stores that are closed after the test."""
    made = []

    def make(url: str, plan: Plan = Plan(), **more: object) -> Store:
        kept: dict[str, object] = {"clock": lambda: NOON, "pauses": QUICK} | more
        store = Store(url, plan, **kept)  # type: ignore[arg-type]
        made.append(store)
        return store

    yield make
    for store in made:
        store.close()


@pytest.fixture
def read() -> Iterator[Callable[[str], Reader]]:
    """Readers that are closed after the test; they wait for a store to be there."""
    with ExitStack() as stack:
        yield lambda url: stack.enter_context(open_reader(url, clock=lambda: NOON))


@contextmanager
def running(make_store: MakeStore, url: str, *args: Any, **more: Any) -> Iterator[Store]:
    """A store whose thread runs; after the block it has written everything."""
    store = make_store(url, *args, **more)
    store.start()
    yield store
    assert store.close(10), store
    assert not store.failures, store
