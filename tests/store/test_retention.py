"""What is old goes, what is kept adds up to the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Barrier, Thread

import pytest
from sqlalchemy import Engine, func, select

from gateway.store import schema
from gateway.store.database import make_engine
from gateway.store.reader import Reader
from gateway.store.retention import (
    Pruner,
    Retention,
    drop_old,
    fold,
    shrink,
    size_of,
    take_turn,
)
from gateway.store.values import Filter
from tests.store.conftest import MakeStore, running
from tests.store.exchanges import NOON, cent, difference, judged

Read = Callable[[str], Reader]
HOUR, DAY = 3600, 86400


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    made = make_engine(url, writes=True)
    yield made
    made.dispose()


def rows(engine: Engine, *tables: object) -> int:
    with engine.begin() as connection:
        return sum(
            connection.execute(select(func.count()).select_from(table)).scalar_one()  # type: ignore[arg-type]
            for table in tables or schema.metadata.tables.values()
        )


def fill(make_store: MakeStore, url: str, *, minutes: int, every: int = 60, size: int = 10) -> None:
    """One exchange of each kind of figure in every so many seconds, backwards from noon."""
    now = [NOON]
    with running(make_store, url, clock=lambda: now[0]) as store:
        for minute in range(minutes):
            at = NOON - every * minute
            shown = difference(f"/k{minute % 7}")
            body = bytes(str(minute), "ascii") * size
            store.put(judged(at=at, differences=[shown], drift=[cent()], body=body))
            now[0] = at
            store.note_request("GET", "/a", 200)
            store.note_isolation(False, 0.1, False)
        now[0] = NOON


def figures(reader: Reader) -> list[object]:
    """All there is to be asked that has no time in it, and no sum of floats."""
    summary, isolation = reader.summary(), reader.isolation().mirrored
    return [
        summary.counts,
        summary.live_requests,
        [(each.number, each.p50, each.p99) for each in (summary.latency.live, isolation.latency)],
        (isolation.number, isolation.errors),
        sorted((group.id, group.number) for group in reader.groups().groups),
    ]


def test_hours_add_up_to_what_their_minutes_did(
    make_store: MakeStore, url: str, read: Read, engine: Engine
) -> None:
    """Fewer rows, the same sums."""
    fill(make_store, url, minutes=240)
    reader = read(url)
    before, many = figures(reader), rows(engine, *schema.BY_MINUTE)
    fold(engine, NOON - HOUR)
    assert figures(reader) == before
    assert reader.summary().counts.total == 240
    assert rows(engine, *schema.BY_MINUTE) < many / 2
    # What is newer is still by the minute.
    assert len(reader.series(Filter(since=NOON - 1800))) == 31
    fold(engine, NOON - HOUR)
    assert reader.summary().counts.total == 240


def test_what_is_too_old_goes(make_store: MakeStore, url: str, read: Read, engine: Engine) -> None:
    """Figures, groups and their examples."""
    fill(make_store, url, minutes=100, every=HOUR)
    reader = read(url)
    drop_old(engine, NOON - 3 * DAY)
    summary = reader.summary()
    assert summary.counts.total == 72
    assert summary.first_at is not None
    assert summary.first_at >= NOON - 3 * DAY
    assert all(day.day >= "2026-06-12" for day in reader.drift())
    drop_old(engine, NOON + 2 * DAY)
    left = {t.name for t in schema.metadata.tables.values() if rows(engine, t)}
    assert left <= {"gateway_facts"}


def test_examples_go_first_when_it_is_too_large(
    make_store: MakeStore, url: str, read: Read, engine: Engine
) -> None:
    """The newest of each group stays; the figures are all there."""
    fill(make_store, url, minutes=60, size=200)
    most = size_of(engine) - 1000
    examples = rows(engine, schema.examples)
    shrink(engine, most, NOON)
    assert size_of(engine) <= most
    assert 7 <= rows(engine, schema.examples) < examples
    shrink(engine, 0, NOON)
    assert [group.examples for group in read(url).groups().groups] == [1] * 7
    assert read(url).summary().counts.total == 60


def test_then_the_oldest_figures_go(make_store: MakeStore, url: str, read: Read) -> None:
    """As many as are needed, and never those of the last hour."""
    fill(make_store, url, minutes=400, every=600)
    engine = make_engine(url, writes=True)
    try:
        whole = size_of(engine)
        shrink(engine, int(whole * 0.7), NOON)
        assert size_of(engine) <= whole * 0.7
        left = read(url).summary()
        assert 0 < left.counts.total < 400
        assert left.last_at == NOON - 30
        shrink(engine, 0, NOON)
        assert read(url).summary().counts.total > 0
    finally:
        engine.dispose()


def test_one_process_prunes_at_a_time(make_store: MakeStore, url: str, engine: Engine) -> None:
    """Of several that want to, one may; the others for a while not."""
    with running(make_store, url) as store:
        store.put(judged())
    with engine.begin() as connection:
        connection.execute(schema.facts.delete().where(schema.facts.c.name == "pruned"))
    barrier, taken = Barrier(4), []

    def ask() -> None:
        own = make_engine(url, writes=True)
        try:
            barrier.wait(10)
            with own.begin() as connection:
                taken.append(take_turn(connection, NOON, 60))
        finally:
            own.dispose()

    threads = [Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == [False, False, False, True]
    with engine.begin() as connection:
        assert not take_turn(connection, NOON + 59, 60)
        assert take_turn(connection, NOON + 61, 60)
        # A clock that was set back must not stop it.
        assert take_turn(connection, NOON - DAY, 60)


def test_a_store_prunes_by_itself(make_store: MakeStore, url: str, read: Read) -> None:
    """In the background, at its first turn and then now and again."""
    fill(make_store, url, minutes=50, every=DAY)
    with running(make_store, url, clock=lambda: NOON + 3600) as store:
        store.put(judged())
        pruner = Pruner(Retention(30 * DAY, 2**30), 60, lambda: NOON)
        assert "pruned" not in repr(pruner)
    engine = make_engine(url, writes=True)
    try:
        Pruner(Retention(30 * DAY, 2**30), 60, lambda: NOON + 7200).prune(engine)
    finally:
        engine.dispose()
    assert read(url).summary().counts.total == 31
