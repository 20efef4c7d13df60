"""Engines that many processes can use at once."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import text

from gateway.store import database
from gateway.store.database import make_engine, make_file
from gateway.store.errors import StoreError


def test_a_lock_at_the_very_beginning_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workers that start together switch to WAL together; SQLite itself does not wait there."""
    url = f"sqlite:///{tmp_path}/gateway.db"
    make_file(url)
    pauses: list[float] = []
    with closing(sqlite3.connect(tmp_path / "gateway.db", isolation_level=None)) as other:
        other.execute("CREATE TABLE something (x)")
        other.execute("BEGIN IMMEDIATE")

        def release(seconds: float) -> None:
            pauses.append(seconds)
            other.execute("ROLLBACK")

        clock = SimpleNamespace(monotonic=time.monotonic, sleep=release)
        monkeypatch.setattr(database, "time", clock)
        engine = make_engine(url, writes=True)
        try:
            with engine.begin() as connection:
                assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
                assert connection.execute(text("PRAGMA auto_vacuum")).scalar() in (0, 2)
        finally:
            engine.dispose()
    assert len(pauses) == 1


def test_packages_that_are_missing_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the password left out."""
    monkeypatch.setattr(database, "missing_packages", lambda url: "pip install 'gateway[x]'")
    with pytest.raises(StoreError) as raised:
        make_engine("postgresql://ann:hunter2@db/x", writes=False)
    assert (
        str(raised.value) == "postgresql://ann@db/x needs more packages: pip install 'gateway[x]'"
    )


def test_a_file_is_made_once(tmp_path: Path) -> None:
    """What is there stays."""
    url = f"sqlite:///{tmp_path}/gateway.db"
    make_file(url)
    (tmp_path / "gateway.db").write_bytes(b"something")
    make_file(url)
    assert (tmp_path / "gateway.db").read_bytes() == b"something"
