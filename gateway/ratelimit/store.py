"""What a store of counts is asked and answers, and the one that needs no service.

A store takes all of a request's demands or none of them: a request that any
limit refuses counts against no limit.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from gateway.ratelimit.locks import LockTimeout
from gateway.ratelimit.rate import Rate
from gateway.ratelimit.table import Place, Table, mark_of

# A holder that is not running has been stopped, or waits for a processor on a machine
# that has too few: that is waited for, or the limit would not hold exactly.
_PATIENCE = 1.0


class StoreUnavailable(Exception):
    """The store cannot say now whether a request may pass."""


class Limit(NamedTuple):
    """One rate under the name it is announced by."""

    name: str
    rate: Rate
    mark: int
    interval: int
    tolerance: int

    @classmethod
    def of(cls, name: str, rate: Rate) -> Limit:
        """A limit of that rate. Its counts are those of any limit of the same rate."""
        mark = mark_of(str(rate), rate.tolerance)
        return cls(name, rate, mark, rate.interval, rate.tolerance)


class Demand(NamedTuple):
    """One request more for a key, under some limits."""

    key: bytes
    limits: tuple[Limit, ...]


class Verdict(NamedTuple):
    """Whether the request passes, and the debt of each limit after that, in demanded order."""

    passes: bool
    debts: list[int]


class Store(Protocol):
    """Counts for all who share it."""

    def take(self, demands: Sequence[Demand]) -> Verdict:
        """Count a request, if all limits let it pass. Raises ``StoreUnavailable``."""

    def start(self) -> None:
        """Begin what runs beside requests. Once, after fork."""

    def close(self) -> None:
        """End that, and give back what is held."""


class EmbeddedStore:
    """Counts in a table that the workers of one machine share.

    Threads: any. A check holds the locks of its keys' buckets, for some microseconds
    and without I/O; it waits for others that hold one, a bounded time.
    """

    def __init__(
        self,
        table: Table,
        forgotten: Callable[[], None] = lambda: None,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """``forgotten``: called when a debt had to be forgotten because the table is full."""
        self._table: Table | None = table
        self._forgotten = forgotten
        self._clock = clock

    def take(self, demands: Sequence[Demand]) -> Verdict:
        """Count a request, if all limits let it pass."""
        table, wanted = self._table, []
        if table is None:
            raise StoreUnavailable("it was closed")
        for key, limits in demands:
            place = table.place(key)
            wanted += [(place, limit) for limit in limits]
        # In one order for everybody: two that wait for each other would wait for ever.
        stripes = sorted({place.stripe for place, _ in wanted})
        locks, held = table.locks, 0
        try:
            for stripe in stripes:
                locks.acquire(stripe, _PATIENCE)
                held += 1
            verdict, lost = self._decide(table, wanted)
        except LockTimeout:
            raise StoreUnavailable("somebody who holds a lock of the table was stopped") from None
        except OSError as error:
            raise StoreUnavailable(f"a lock of the table is broken: {error}") from error
        finally:
            for stripe in stripes[:held]:
                locks.release(stripe)
        for _ in range(lost):
            self._forgotten()
        return verdict

    def _decide(self, table: Table, wanted: list[tuple[Place, Limit]]) -> tuple[Verdict, int]:
        find, moments, now = table.find, table.moments, self._clock()
        entries, debts, passes = [], [], True
        for place, limit in wanted:
            entry = find(place, limit.mark)
            debt = moments[entry] - now if entry else 0
            if not 0 < debt <= limit.tolerance:
                debt = 0
            if debt + limit.interval > limit.tolerance:
                passes = False
            entries.append(entry)
            debts.append(debt)
        if not passes:
            return Verdict(False, debts), 0
        for number, (_, limit) in enumerate(wanted):
            debts[number] += limit.interval
        return Verdict(True, debts), _write(table, wanted, entries, debts, now)

    def start(self) -> None:
        """Nothing runs beside requests."""

    def close(self) -> None:
        """Give back the memory. Other processes keep theirs, and the counts."""
        self._table = None

    def __repr__(self) -> str:
        return f"<EmbeddedStore {self._table!r}>"


def _write(
    table: Table, wanted: list[tuple[Place, Limit]], entries: list[int], debts: list[int], now: int
) -> int:
    """Keep the new debts. Returns how many others were forgotten for that."""
    moments, lost, new = table.moments, 0, []
    for number, entry in enumerate(entries):
        if entry:
            moments[entry] = now + debts[number]
        else:
            new.append(number)
    # After that: a new entry may take the place of one that was found.
    for number in new:
        place, limit = wanted[number]
        lost += table.add(place, limit.mark, now + debts[number], now)
    return lost


class NoStore:
    """Stands where a store could not be made, and says why to everybody who asks.

    Threads: any.
    """

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def take(self, demands: Sequence[Demand]) -> Verdict:
        """Never count."""
        raise StoreUnavailable(self._reason)

    def start(self) -> None:
        """Nothing runs."""

    def close(self) -> None:
        """Nothing is held."""

    def __repr__(self) -> str:
        return f"<NoStore: {self._reason}>"
