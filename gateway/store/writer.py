"""The writer's turn: what has gathered becomes a batch, and the batch is in the database.

Runs on the store's thread. What cannot be written now is written later, the same batch
first; meanwhile everything else gathers, within its bounds. A batch that the database
will never take (which would be a mistake of ours) is given up after a few tries.
"""

from __future__ import annotations

import os
import uuid
from typing import NamedTuple

from sqlalchemy import Engine
from sqlalchemy.exc import (
    DataError,
    IntegrityError,
    ProgrammingError,
    SQLAlchemyError,
)

from gateway.store.database import LOCK_SECONDS, as_store_error, make_engine, make_file
from gateway.store.errors import StoreError
from gateway.store.migrations import migrate
from gateway.store.saving import Batch, save
from gateway.store.url import is_sqlite, path_of, shown

# Errors that trying again does not cure. The others are the database's state.
_OURS = (DataError, IntegrityError, ProgrammingError)
_MOST_TRIES = 3


class Limits(NamedTuple):
    """How much is kept of what there is too much of; how long another's lock is waited for."""

    examples_per_group: int
    pairs_per_day: int
    lock_seconds: float = LOCK_SECONDS


class Writer:
    """Writes batches to one store.

    Threads: used by one thread, which may wait here for a disk or a server. There is no
    lock.
    """

    def __init__(self, url: str, limits: Limits) -> None:
        self.url = url
        self.id = uuid.uuid4().hex
        self._limits = limits
        self._engine: Engine | None = None
        self._file: tuple[int, int] | None = None
        self._tries = 0

    def write(self, batch: Batch) -> bool:
        """Write a batch. False: it was given up. Raises ``StoreError``: try again."""
        try:
            with self.engine().begin() as connection:
                save(
                    connection,
                    batch,
                    examples_per_group=self._limits.examples_per_group,
                    pairs=self._limits.pairs_per_day,
                )
        except _OURS as error:
            self._tries += 1
            if self._tries < _MOST_TRIES:
                raise as_store_error(error, self.url) from error
            self._tries = 0
            return False
        except SQLAlchemyError as error:
            # A file that was replaced, a server that moved: begin anew.
            self.close()
            raise as_store_error(error, self.url) from error
        self._tries = 0
        return True

    def engine(self) -> Engine:
        """The engine, over tables that are up to date. Raises ``StoreError``."""
        if self._engine is not None and self._file != self._identity():
            self.close()  # the file was moved or removed: what is written there, nobody reads
        if self._engine is None:
            self._engine = self._opened()
            self._file = self._identity()
        return self._engine

    def _opened(self) -> Engine:
        try:
            make_file(self.url)
        except OSError as error:
            raise StoreError(f"{shown(self.url)}: {error.strerror}") from error
        engine = make_engine(self.url, writes=True, lock_seconds=self._limits.lock_seconds)
        try:
            with engine.begin() as connection:
                migrate(connection)
        except SQLAlchemyError as error:
            engine.dispose()
            raise as_store_error(error, self.url) from error
        except BaseException:
            engine.dispose()
            raise
        return engine

    def _identity(self) -> tuple[int, int] | None:
        """Which file it is, whatever its name; None for a server, or if there is none."""
        if not is_sqlite(self.url):
            return None
        try:
            status = os.stat(path_of(self.url))
        except OSError:
            return None
        return status.st_dev, status.st_ino

    def close(self) -> None:
        """Let go of the connection."""
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.dispose()

    def __repr__(self) -> str:
        state = "open" if self._engine is not None else "not open"
        return f"<Writer to {shown(self.url)}, {state}>"
