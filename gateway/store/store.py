"""The store as the comparison sees it: counts at once, writes later, and never says no.

``put`` is called for each exchange with a verdict, on the comparing thread. It adds to
counts in memory, which have a bound, and lets a few exchanges wait as examples, within
a bound of count and bytes. A thread of the store's own writes both, twice a second.
While the database is away the counts go on; what does not fit is lost and counted.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from threading import Event, Lock, Thread
from typing import Any, NamedTuple, Protocol

from gateway.compare.verdict import Comparison, Judged, Tally
from gateway.offload import apart
from gateway.shadow.outcome import Outcome
from gateway.signals import leave_signals_to_host
from gateway.store.counting import (
    HELD_OUT,
    MIRRORED,
    Counting,
    Sheet,
    add_isolation,
    add_request,
    add_tally,
    minute_of,
)
from gateway.store.database import LOCK_SECONDS
from gateway.store.errors import StoreError
from gateway.store.grouping import keys_of
from gateway.store.keeping import Candidate, Keeping, size_of
from gateway.store.retention import Pruner, Retention
from gateway.store.saving import Batch, Example, example_of
from gateway.store.shape import shape_of
from gateway.store.texts import storable
from gateway.store.url import shown
from gateway.store.writer import Limits, Writer
from gateway.throttle import ThrottledLog

# A name that stands for no route, as in metrics.
DEFAULT_ROUTE = "default"

# Different keys of one kind that wait to be written: hours of an ordinary day.
_MOST_KEYS = 50_000
_MOST_EXAMPLES = 1000

LedgerSnapshot = Callable[[], Mapping[str, Mapping[Outcome, int]]]


class Pauses(NamedTuple):
    """Seconds between turns, ordinarily and after failures; the longest wait for a lock."""

    turn: float = 0.5
    retry: float = 1.0
    longest_retry: float = 30.0
    prune: float = 60.0
    lock: float = LOCK_SECONDS


class Plan(NamedTuple):
    """What a store keeps; see the settings of the same names."""

    max_age: float = 30 * 86400.0
    max_size: int = 2**30
    examples_per_group: int = 6
    max_example: int = 2**20
    max_waiting: int = 16 * 2**20
    max_groups: int = 2000
    pairs_per_day: int = 1000


class Redacting(Protocol):
    """What ``compare.redaction.Redactor`` does."""

    def redacted(self, judged: Judged) -> Judged:
        """An exchange as it may be kept."""

    def comparison(self, comparison: Comparison) -> Comparison:
        """What was found, as it may be kept."""


class _AsIs:
    """For exchanges that were redacted before."""

    def redacted(self, judged: Judged) -> Judged:
        return judged

    def comparison(self, comparison: Comparison) -> Comparison:
        return comparison


def _no_ledger() -> Mapping[str, Mapping[Outcome, int]]:
    return {}


def _nobody(*_: Any) -> None:
    return None


class Store:
    """Takes verdicts and writes what they add up to.

    ``redactor``: makes of exchanges what may be kept, before anything of them waits.
    ``ledger``: the outcomes so far, asked for at every turn. ``failed``: told of each
    write that failed; ``lost``: of what could not be kept, and how much of it.

    Threads: any may call ``put`` and the ``note_…`` methods; they wait for nothing but a
    lock that is held for some additions, one for the comparison and one for live
    requests, so that these never wait for that. One thread starts and closes. Only the
    store's own thread packs, writes, logs and waits; ``close`` waits for it, a bounded time.
    """

    def __init__(
        self,
        url: str,
        plan: Plan = Plan(),
        *,
        redactor: Redacting = _AsIs(),
        ledger: LedgerSnapshot = _no_ledger,
        failed: Callable[[], None] = _nobody,
        lost: Callable[[str, int], None] = _nobody,
        clock: Callable[[], float] = time.time,
        pauses: Pauses = Pauses(),
    ) -> None:
        self.url = url
        self._redactor = redactor
        self._ledger, self._failed, self._tell_lost = ledger, failed, lost
        self._clock, self._pauses = clock, pauses
        self._counting = Counting(pairs_per_day=plan.pairs_per_day, max_groups=plan.max_groups)
        self._keeping = Keeping(
            each=plan.examples_per_group,
            largest=plan.max_example,
            most=_MOST_EXAMPLES,
            most_bytes=plan.max_waiting,
        )
        self._writer = Writer(url, Limits(plan.examples_per_group, plan.pairs_per_day, pauses.lock))
        self._pruner = Pruner(Retention(plan.max_age, plan.max_size), pauses.prune, clock)
        self._sheet, self._requests = Sheet(_MOST_KEYS), Sheet(_MOST_KEYS)
        self._lock, self._request_lock = Lock(), Lock()
        self._log = ThrottledLog(logging.getLogger(__name__), burst=1, interval=60)
        self._events = logging.getLogger(__name__)
        self._told: dict[tuple[str, Outcome], int] = {}
        self._lost_examples = 0
        self._number = 0
        self._pending: tuple[Batch, list[Candidate]] | None = None
        self.failures = 0  # in a row
        self.written = 0
        self._stop = Event()
        self._thread: Thread | None = None

    # -- what others call: never waits, never raises ------------------------------------------

    def put(self, judged: Judged | Tally) -> None:
        """Count an exchange; if it is to be an example, redact it first."""
        try:
            if isinstance(judged, Tally):
                now = self._clock()
                with self._lock:
                    add_tally(self._sheet, judged, judged.route or DEFAULT_ROUTE, now)
            else:
                self._put(judged)
        except Exception as error:  # noqa: BLE001 - the boundary: nobody may suffer from counting
            self._log.log(logging.ERROR, "An exchange was not counted", exc_info=error)

    def _put(self, judged: Judged) -> None:
        route, found = judged.route or DEFAULT_ROUTE, judged.comparison
        if found.differences:
            # Names of members can be secret too, and groups are called by them.
            found = self._redactor.comparison(found)
        keys = keys_of(judged.shadow, route, found)
        shape = storable(shape_of(judged.request))
        with self._lock:
            groups = self._counting.add(self._sheet, judged, route, keys, shape)
            wanted = self._keeping.wanted(judged, groups) if groups else None
        if wanted:
            redacted = self._redactor.redacted(judged)
            with self._lock:
                self._keeping.offer(redacted, wanted, size_of(judged))

    def note_request(self, method: str, route: str | None, status: int | None) -> None:
        """Count a request of a client, when its answer is closed; whatever became of copies."""
        known = status if status is not None and 100 <= status < 600 else 0
        with self._request_lock:
            add_request(self._requests, method, route or DEFAULT_ROUTE, known, self._clock())

    def note_isolation(self, held_out: bool, seconds: float, failed: bool) -> None:
        """Count live's answer to a request that could be mirrored: it was, or was held out."""
        arm = HELD_OUT if held_out else MIRRORED
        with self._request_lock:
            add_isolation(self._requests, arm, seconds, failed, self._clock())

    # -- the life of it -------------------------------------------------------------------------

    def start(self) -> None:
        """Start the thread, once; it opens the database."""
        if self._thread is not None or self._stop.is_set():
            return
        # A daemon: stuck in a write, it must not keep the process.
        thread = Thread(target=self._run, name="gateway-store", daemon=True)
        thread.start()
        self._thread = thread

    def close(self, timeout: float = 2.0) -> bool:
        """Write what is here, for at most about ``timeout`` seconds. False: it is not done."""
        self._stop.set()
        if self._thread is None:
            self._writer.close()
            return True
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def __repr__(self) -> str:
        state = f"{self.failures} failures in a row" if self.failures else "writing"
        return (
            f"<Store {shown(self.url)}, {state} | {self.written} batches, "
            f"{self._sheet!r}, {self._keeping!r}>"
        )

    # -- the store's thread ------------------------------------------------------------------------

    def _run(self) -> None:
        leave_signals_to_host()
        pause = self._pauses.turn
        while not self._stop.wait(pause):
            pause = self._turn()
        # Twice: a batch that waited, and what has gathered since.
        self._turn()
        if not self.failures:
            self._turn()
        apart(self._writer.close)

    def _turn(self) -> float:
        """Write what there is. Returns seconds until the next turn."""
        try:
            if self._pending is None:
                self._pending = self._gathered()
            if self._pending is not None and not self._write(*self._pending):
                return self._again()
            self._pending = None
            if not self._stop.is_set() and self._pruner.is_due():
                apart(self._prune)
        except Exception as error:  # noqa: BLE001 - the boundary: the thread goes on
            self._log.log(logging.ERROR, "Writing comparison figures failed", exc_info=error)
            self._give_up()
        return self._pauses.turn

    def _again(self) -> float:
        wait: float = self._pauses.retry * 2 ** min(self.failures - 1, 10)
        return min(wait, self._pauses.longest_retry)

    def _gathered(self) -> tuple[Batch, list[Candidate]] | None:
        """All since the last time, as a batch; None if there is nothing."""
        with self._lock:
            sheet, self._sheet = self._sheet, Sheet(_MOST_KEYS)
            candidates = self._keeping.take()
            lost = self._keeping.lost
        with self._request_lock:
            requests, self._requests = self._requests, Sheet(_MOST_KEYS)
        sheet.traffic, sheet.isolation = requests.traffic, requests.isolation
        now = self._clock()
        self._add_ledger(sheet, now)
        examples = self._packed(candidates, sheet)
        self._add_lost(sheet, lost)
        if sheet.is_empty() and not examples:
            return None
        self._number += 1
        return Batch(self._writer.id, self._number, sheet, examples, now), candidates

    def _add_ledger(self, sheet: Sheet, now: float) -> None:
        minute = minute_of(now)
        for shadow, outcomes in self._ledger().items():
            for outcome, number in outcomes.items():
                new = number - self._told.get((shadow, outcome), 0)
                if new:
                    sheet.ledger.add((minute, shadow, outcome.outcome, outcome.reason), new)
                    self._told[shadow, outcome] = number

    def _packed(self, candidates: Iterable[Candidate], sheet: Sheet) -> list[Example]:
        examples = []
        for candidate in candidates:
            try:
                examples.append(example_of(candidate))
            except Exception as error:  # noqa: BLE001 - a value that cannot be packed
                sheet.lost["examples"] += 1
                self._log.log(logging.ERROR, "An example was not kept", exc_info=error)
        return examples

    def _add_lost(self, sheet: Sheet, examples: int) -> None:
        sheet.lost["examples"] += examples - self._lost_examples
        self._lost_examples = examples
        sheet.lost["figures"] += sum(sums.left_out for sums in sheet.sums)
        sheet.lost += type(sheet.lost)()  # without what is zero
        for what, number in sheet.lost.items():
            self._tell_lost(what, number)

    def _write(self, batch: Batch, candidates: list[Candidate]) -> bool:
        result = apart(lambda: self._attempt(batch))
        if isinstance(result, StoreError):
            self.failures += 1
            self._failed()
            if self.failures == 1:
                text = "Comparison figures wait in memory, since they cannot be written: %s"
                self._log.log(logging.WARNING, text, result)
            return False
        if isinstance(result, Exception):
            raise result
        if self.failures:
            self._events.info("Comparison figures are written again: %s", shown(self.url))
        self.failures = 0
        self.written += 1
        self._settle(candidates)
        if not result:
            self._count_given_up(batch)
        return True

    def _attempt(self, batch: Batch) -> bool | Exception:
        try:
            return self._writer.write(batch)
        except Exception as error:  # noqa: BLE001 - told to the thread that waits
            return error

    def _settle(self, candidates: list[Candidate]) -> None:
        with self._lock:
            self._keeping.settled(candidates)

    def _give_up(self) -> None:
        """The batch cannot be written, and that is our own fault: go on without it."""
        pending, self._pending = self._pending, None
        if pending is not None:
            self._settle(pending[1])
            self._count_given_up(pending[0])

    def _count_given_up(self, batch: Batch) -> None:
        number = sum(row[0] for row in batch.sheet.verdicts.rows.values())
        with self._lock:
            self._sheet.lost["exchanges"] += number

    def _prune(self) -> None:
        try:
            self._pruner.prune(self._writer.engine())
        except Exception as error:  # noqa: BLE001 - tried again at its next time
            self._log.log(logging.WARNING, "Old figures were not removed: %s", error)
