"""What each known difference is worth today, by what the store has counted.

Hits are those of the groups an entry is about, since the day it was added, whatever time
a page or a report looks at: an entry is in force for all of them or for none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timezone
from typing import Protocol

from msgspec import Struct

from gateway.known.entry import Entry, GroupLike, State
from gateway.known.register import Register
from gateway.store.values import Filter, Group, GroupPage

# More groups than a store keeps of one kind by default, several shadows together.
_ALL = 100_000


class Groups(Protocol):
    """What is asked of a ``store.reader.Reader``."""

    def groups(self, where: Filter, *, limit: int) -> GroupPage:
        """Groups seen in this time."""


class Assessed(Struct, frozen=True):
    """An entry today. ``hits``: since it was added; ``last_hit``: None for never.

    ``groups``: how many groups of differences it is about.
    """

    entry: Entry
    state: State
    hits: int
    groups: int
    last_hit: float | None


class Standing:
    """The register on one day. Immutable; any thread may ask."""

    def __init__(self, register: Register, assessed: Iterable[Assessed], today: date) -> None:
        self.register = register
        self.today = today
        self.entries = tuple(assessed)
        self._by_id = {each.entry.id: each for each in self.entries}

    def of(self, group: GroupLike) -> Assessed | None:
        """The entry that a group's exchanges are hits of, with its state."""
        entry = self.register.entry_for(group, self.today)
        return None if entry is None else self._by_id[entry.id]

    def excuses(self, group: GroupLike) -> bool:
        """Whether these differences count as expected."""
        found = self.of(group)
        return found is not None and found.state.excuses


def standing(register: Register, reader: Groups, today: date) -> Standing:
    """Hold the register against the store. Raises ``StoreError``."""
    seen: dict[date | None, list[Group]] = {
        day: reader.groups(Filter(since=_beginning(day)), limit=_ALL).groups
        for day in {entry.added for entry in register.entries}
    }
    return Standing(register, _assessed(register, seen, today), today)


def unmeasured(register: Register, today: date) -> Standing:
    """The register where there is no store: nothing is known to be hit."""
    return Standing(register, _assessed(register, {}, today), today)


def _assessed(
    register: Register, seen: Mapping[date | None, Iterable[Group]], today: date
) -> list[Assessed]:
    mine: dict[str, list[Group]] = {entry.id: [] for entry in register.entries}
    for day, groups in seen.items():
        for group in groups:
            entry = register.entry_for(group, today)
            if entry is not None and entry.added == day:
                mine[entry.id].append(group)
    return [_of(entry, mine[entry.id], today) for entry in register.entries]


def _of(entry: Entry, groups: list[Group], today: date) -> Assessed:
    hits = sum(group.number for group in groups)
    last = max((group.last_seen for group in groups), default=None)
    return Assessed(entry, entry.state(today, hits), hits, len(groups), last)


def _beginning(day: date | None) -> float | None:
    return None if day is None else datetime.combine(day, time.min, timezone.utc).timestamp()


def today_of(now: float) -> date:
    """The day (UTC) of a moment in seconds since the epoch."""
    return datetime.fromtimestamp(now, timezone.utc).date()
