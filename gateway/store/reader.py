"""What the dashboard, the report and the commands ask the store.

Stands at the far end of the line: nothing here is on a request's path. A reader
makes no store: what is not there yet is said with ``StoreMissing``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType

from msgspec.structs import replace
from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.exc import SQLAlchemyError

from gateway.store import figures, groups, schema
from gateway.store.coverage import coverage
from gateway.store.database import as_store_error, make_engine, require_file
from gateway.store.errors import StoreMissing, StoreTooNew
from gateway.store.figures import Asked
from gateway.store.migrations import STEPS, migrate, version_of
from gateway.store.pairs import pairs
from gateway.store.retention import MINUTES_FOR, size_of
from gateway.store.series import series
from gateway.store.url import absolute, shown
from gateway.store.values import (
    FLOOR,
    Counts,
    Coverage,
    DriftSum,
    Example,
    ExampleHead,
    Filter,
    Group,
    GroupPage,
    Health,
    Isolation,
    Latency,
    LedgerCount,
    Noise,
    Order,
    PairSample,
    Point,
    State,
    Summary,
    VerdictCount,
)

ALL = Filter()


def open_reader(url: str, *, clock: Callable[[], float] = time.time) -> Reader:
    """A reader of the store at ``sqlite:///PATH`` or ``postgresql://…``.

    Raises ``StoreError``, whose text is fit for a person: ``StoreMissing`` where there is
    none yet, and others where it cannot be read.
    """
    reader = Reader(url, clock)
    try:
        reader.check()
    except BaseException:
        reader.close()
        raise
    return reader


class Reader:
    """Queries, and the few things that people change. Every method may raise ``StoreError``.

    Threads: any thread may call it; each call has a connection of its own, from a small
    pool, and waits for the database. There is no lock here.
    """

    def __init__(self, url: str, clock: Callable[[], float] = time.time) -> None:
        self.url = url = absolute(url)
        self._clock = clock
        self._engine = make_engine(url, writes=False, pool_size=4)
        self._writing = make_engine(url, writes=True)

    def check(self) -> None:
        """Whether it can be read. A store of an older version is brought up to date."""
        with self._reading() as connection:
            version = version_of(connection)
        if version == 0:
            raise StoreMissing(f"no gateway has kept figures at {shown(self.url)}")
        if version > len(STEPS):
            raise StoreTooNew(version, len(STEPS))
        if version < len(STEPS):
            with self._changing() as connection:
                migrate(connection)

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self._using(self._engine) as connection:
            yield connection

    @contextmanager
    def _changing(self) -> Iterator[Connection]:
        with self._using(self._writing) as connection:
            yield connection

    @contextmanager
    def _using(self, engine: Engine) -> Iterator[Connection]:
        """One transaction: all that is read in it is of one moment."""
        require_file(self.url)
        try:
            with engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise as_store_error(error, self.url) from error

    def _asked(self, where: Filter) -> Asked:
        return Asked(where, self._clock() - MINUTES_FOR)

    def close(self) -> None:
        """Let go of the connections."""
        self._engine.dispose()
        self._writing.dispose()

    def __enter__(self) -> Reader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # -- figures --------------------------------------------------------------------------

    def health(self) -> Health:
        """Of the store itself."""
        writers, lost = schema.writers, schema.lost
        with self._reading() as connection:
            version = version_of(connection)
            written = connection.execute(select(func.max(writers.c.at))).scalar()
            rows = connection.execute(select(lost.c.what, lost.c.number)).all()
        return Health(
            shown(self.url),
            version,
            self.size(),
            written,
            {row.what: int(row.number) for row in rows},
        )

    def size(self) -> int:
        """Bytes it takes; on PostgreSQL about so many."""
        require_file(self.url)
        try:
            return size_of(self._engine)
        except SQLAlchemyError as error:
            raise as_store_error(error, self.url) from error

    def shadows(self) -> list[str]:
        """Names of the shadows there are figures of, without ``FLOOR``."""
        tables = (schema.verdicts, schema.ledger)
        with self._reading() as connection:
            names = {
                name
                for table in tables
                for name in connection.execute(select(table.c.shadow).distinct()).scalars()
            }
        return sorted(names - {FLOOR})

    def routes(self, where: Filter = ALL) -> list[str]:
        """Names of the routes there are figures of."""
        names: set[str] = set()
        asked = self._asked(replace(where, route=None))
        with self._reading() as connection:
            for table in (schema.verdicts, schema.traffic):
                found = select(table.c.route).where(*asked.conditions(table)).distinct()
                names.update(connection.execute(found).scalars())
        return sorted(names)

    def summary(self, where: Filter = ALL) -> Summary:
        """All at a glance."""
        asked = self._asked(where)
        with self._reading() as connection:
            span = figures.span(connection, asked)
            verdicts = figures.verdicts(connection, asked)
            ledger = figures.ledger(connection, asked)
            states = groups.numbers_by_state(connection, asked)
            return Summary(
                first_at=float(span[0]) if span else None,
                last_at=float(span[1]) if span else None,
                live_requests=figures.live_requests(connection, asked, ledger),
                counts=figures.counts_of(verdicts),
                verdicts=figures.added_up((each.verdict, each.number) for each in verdicts),
                ledger=figures.added_up((each.outcome, each.number) for each in ledger),
                open_groups=states.get("open", 0),
                closed_groups=states.get("closed", 0),
                latency=figures.latency(connection, asked),
            )

    def series(self, where: Filter = ALL, *, step: int = 60) -> list[Point]:
        """Figures over time, oldest first; steps of ``step`` seconds without any are left out.

        Steps are at least an hour where ``since`` is left out or more than two days ago.
        """
        asked = self._asked(where)
        with self._reading() as connection:
            return series(connection, asked, max(step, asked.step))

    def verdicts(self, where: Filter = ALL) -> list[VerdictCount]:
        """Exchanges by shadow, route, count, verdict and reason."""
        with self._reading() as connection:
            return figures.verdicts(connection, self._asked(where))

    def ledger(self, where: Filter = ALL) -> list[LedgerCount]:
        """How live requests ended for each shadow. The ledger knows no routes and verdicts."""
        with self._reading() as connection:
            return figures.ledger(connection, self._asked(where))

    def latency(self, where: Filter = ALL) -> Latency:
        """Both sides' latency."""
        with self._reading() as connection:
            return figures.latency(connection, self._asked(where))

    def pairs(self, where: Filter = ALL, *, limit: int = 10_000) -> PairSample:
        """An evenly random sample of both sides' latencies, exchange by exchange."""
        with self._reading() as connection:
            return pairs(connection, self._asked(where), limit)

    def drift(self, where: Filter = ALL) -> list[DriftSum]:
        """Signed sums of money differences, oldest day first; days count as a whole."""
        with self._reading() as connection:
            return figures.drift(connection, self._asked(where))

    def coverage(self, where: Filter = ALL) -> list[Coverage]:
        """What clients asked and how much of it was compared; days count as a whole."""
        shadows = self.shadows() if where.shadow is None else [where.shadow]
        with self._reading() as connection:
            return coverage(connection, self._asked(where), shadows)

    def noise(self, where: Filter = ALL) -> list[Noise]:
        """Places that differ, the most frequent first."""
        with self._reading() as connection:
            return groups.noise(connection, self._asked(where))

    def isolation(self, where: Filter = ALL) -> Isolation:
        """What mirroring costs live; only ``since`` and ``until`` matter."""
        with self._reading() as connection:
            return figures.isolation(connection, self._asked(where))

    def floor(self, where: Filter = ALL) -> Counts:
        """How live compares with live. Its groups: ``groups`` with shadow ``FLOOR``."""
        asked = self._asked(replace(where, shadow=FLOOR))
        with self._reading() as connection:
            return figures.counts_of(figures.verdicts(connection, asked))

    # -- groups and examples ---------------------------------------------------------------

    def groups(
        self,
        where: Filter = ALL,
        *,
        state: State | None = None,
        order: Order = "count",
        limit: int = 50,
        offset: int = 0,
    ) -> GroupPage:
        """Groups seen in this time, the most frequent (or latest, or newest) first."""
        with self._reading() as connection:
            return groups.groups(connection, self._asked(where), state, order, limit, offset)

    def group(self, group: str, where: Filter = ALL) -> Group | None:
        """One group, by its id or the beginning of it if that is clear."""
        with self._reading() as connection:
            return groups.group(connection, self._asked(where), group)

    def examples(self, group: str) -> list[ExampleHead]:
        """The kept examples of a group, the newest first."""
        with self._reading() as connection:
            return groups.examples(connection, group)

    def example(self, example: int) -> Example | None:
        """One example in full."""
        with self._reading() as connection:
            return groups.example(connection, example)

    # -- what people change ------------------------------------------------------------------

    def close_group(self, group: str) -> bool:
        """It is fixed. It opens again when it recurs. False: there is no such group."""
        with self._changing() as connection:
            return groups.set_state(connection, group, "closed", self._clock())

    def reopen_group(self, group: str) -> bool:
        """It is not fixed after all. False: there is no such group."""
        with self._changing() as connection:
            return groups.set_state(connection, group, "open", self._clock())

    def record_recheck(self, group: str, passed: bool, *, close_after: int = 3) -> Group | None:
        """A group's examples were sent again, and none (``passed``) or some differed as before.

        So many clean passes in a row close the group; a failed one opens it. Returns the
        group as it is now, None if there is no such group.
        """
        with self._changing() as connection:
            known = groups.record_recheck(connection, group, passed, close_after, self._clock())
        return None if known is None else self.group(known)
