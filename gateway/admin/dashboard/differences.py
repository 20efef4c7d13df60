"""Groups of differences, with what the register says of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from threading import Lock
from typing import TYPE_CHECKING, Literal

from msgspec import Struct
from msgspec.structs import replace

from gateway.known.standing import Assessed, Standing
from gateway.report.content import Finding, Shown
from gateway.report.findings import findings
from gateway.store.values import Filter, Group, Order

if TYPE_CHECKING:
    from gateway.store.reader import Reader

# More than anybody looks through; a worker tells 2000 apart by default.
MOST = 10_000
_MOST_REMEMBERED = 32

Show = Literal["unexpected", "expected", "closed", "all"]
SHOWS: tuple[Show, ...] = ("unexpected", "expected", "closed", "all")
ORDERS: tuple[Order, ...] = ("count", "last_seen", "first_seen")


class Listed(Struct, frozen=True):
    """A group. ``known``: the entry of the register that it hits, None for none.

    ``expected``: that entry is in force. ``show``: in which list it is. The rest is known
    of unexpected ones: ``shown``: what it looks like; ``follows``: groups that were only
    seen together with it; ``begins``: it was there first, and others may follow from it.
    """

    group: Group
    known: Assessed | None
    expected: bool
    show: str
    shown: Shown | None = None
    follows: list[Group] = []
    begins: bool = False

    @classmethod
    def of(cls, group: Group, standing: Standing) -> Listed:
        """As the register stands."""
        known = standing.of(group)
        expected = known is not None and known.state.excuses
        show = "closed" if group.state == "closed" else "expected" if expected else "unexpected"
        return cls(group, known, expected, show)


def listed(
    reader: Reader, where: Filter, standing: Standing, order: Order = "count"
) -> list[Listed]:
    """All groups seen in this time."""
    page = reader.groups(where, order=order, limit=MOST)
    return [Listed.of(group, standing) for group in page.groups]


def shown(groups: Iterable[Listed], show: Show) -> list[Listed]:
    """Those of one list."""
    return [each for each in groups if show in ("all", each.show)]


class Causes:
    """Which differences follow from which, as reports tell it: one bug is one line.

    That takes a look into many examples, so it is remembered for a few seconds.

    Threads: any may ask. The lock guards what is remembered; nothing is read under it.
    """

    def __init__(self, clock: Callable[[], float], fresh: float = 15.0) -> None:
        self._clock = clock
        self._fresh = fresh
        self._lock = Lock()
        self._known: dict[tuple[str, ...], tuple[float, list[Finding]]] = {}

    def first(self, reader: Reader, groups: Sequence[Listed], standing: Standing) -> list[Listed]:
        """Those that do not follow from others, each with those that follow from it."""
        by_id = {each.group.id: each for each in groups}
        found = self._found(reader, tuple(by_id), [each.group for each in groups], standing)
        told: list[Listed] = []
        done: set[str] = set()
        for each in found:
            follows = [by_id[group.id].group for group in each.follows]
            done.update(group.id for group in (each.group, *follows))
            lead = by_id[each.group.id]
            told.append(replace(lead, shown=each.shown, follows=follows, begins=each.begins))
        return [*told, *(each for each in groups if each.group.id not in done)]

    def _found(
        self, reader: Reader, key: tuple[str, ...], groups: list[Group], standing: Standing
    ) -> list[Finding]:
        # The same groups in another order are as many, and of one another's kind.
        key = tuple(sorted(key))
        now = self._clock()
        with self._lock:
            known = self._known.get(key)
        if known is not None and 0 <= now - known[0] < self._fresh:
            return known[1]
        found = findings(reader, groups, standing)
        with self._lock:
            if len(self._known) >= _MOST_REMEMBERED:
                self._known.clear()
            self._known[key] = (now, found)
        return found

    def __repr__(self) -> str:
        return f"<Causes of {len(self._known)} lists>"
