"""Entries held against what a store has counted."""

from __future__ import annotations

from datetime import date, datetime, timezone
from pathlib import Path

import pytest

from gateway.known.entry import State
from gateway.known.register import Register
from gateway.known.standing import standing, today_of, unmeasured
from tests.known.test_entry import entry

pytest.importorskip("sqlalchemy")

from gateway.store.reader import open_reader
from tests.dashboard.filling import FIELD, SLOTS, TAX, fill

NOW = datetime(2026, 3, 2, 1, tzinfo=timezone.utc).timestamp()
TODAY = date(2026, 3, 2)
HITS = (SLOTS - 10) * 5


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """From half past ten in the evening until one."""
    return fill(Path(tmp_path_factory.mktemp("store"), "gateway.db"), NOW).url


def test_hits_are_those_of_all_groups_that_an_entry_is_about(store: str) -> None:
    """Since it was added; the state follows."""
    entries = [
        entry(id="tax", pattern=TAX.pattern, expires=TODAY),
        entry(id="limited", pattern=FIELD.pattern, expires=TODAY, limit=9),
        entry(id="nothing", pattern="/nothing", expires=TODAY),
        entry(id="late", pattern="**", part="status", expires=TODAY, added=date(2026, 3, 3)),
    ]
    with open_reader(store, clock=lambda: NOW) as reader:
        found = standing(Register(entries), reader, TODAY)
    states = {each.entry.id: (each.hits, each.state) for each in found.entries}
    assert states == {
        "tax": (HITS, State.IN_FORCE),
        "limited": (10, State.EXCEEDED),
        "nothing": (0, State.NEVER_HIT),
        "late": (0, State.NEVER_HIT),
    }
    assert found.entries[0].groups == 1
    assert (found.entries[0].last_hit or 0) > NOW - 600


def test_hits_count_from_the_day_an_entry_was_added(store: str) -> None:
    """Those of the day before do not."""
    today = entry(id="today", pattern=TAX.pattern, expires=TODAY, added=TODAY)
    with open_reader(store, clock=lambda: NOW) as reader:
        (found,) = standing(Register([today]), reader, TODAY).entries
        groups = reader.groups().groups
        assert 0 < found.hits < HITS
        here = standing(Register([today]), reader, TODAY)
    covered = [group for group in groups if here.excuses(group)]
    assert [group.pattern for group in covered] == [TAX.pattern]


def test_what_is_worth_nothing_excuses_nothing(store: str) -> None:
    """Expired or exceeded."""
    with open_reader(store, clock=lambda: NOW) as reader:
        groups = reader.groups().groups
        for bad in (
            entry(pattern="**", expires=date(2026, 3, 1)),
            entry(pattern="**", expires=TODAY, limit=3),
        ):
            found = standing(Register([bad]), reader, TODAY)
            assert not any(found.excuses(group) for group in groups)
            assert any(found.of(group) for group in groups)


def test_without_a_store_nothing_is_known_to_be_hit() -> None:
    """The entries are there all the same."""
    found = unmeasured(Register([entry(expires=TODAY)]), TODAY)
    assert [each.state for each in found.entries] == [State.NEVER_HIT]


def test_days_are_those_of_utc() -> None:
    """Wherever the gateway runs."""
    assert today_of(NOW) == TODAY
    assert today_of(NOW - 3601) == date(2026, 3, 1)
