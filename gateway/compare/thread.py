"""The comparing thread: takes pairs that are complete, has them compared, tells the verdicts.

One for each process. Comparing is Python and holds the interpreter lock, so it is
done in pieces of a millisecond with rests between them that keep it to its share
of a CPU, and not at all while live is overloaded. What does not fit into its backlog
meanwhile is not compared, and counted as that.

Not done here: how to compare, what becomes of verdicts.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from threading import Lock

from gateway.backlog import Backlog, BacklogSnapshot
from gateway.budget import ByteBudget
from gateway.compare.answer import Answer
from gateway.compare.capture import Bounds
from gateway.compare.pairing import Half, Pairing
from gateway.compare.verdict import Comparison, Judged, NotCompared, Sink, Tally, Verdict
from gateway.shadow.copy import Copy
from gateway.shadow.outcome import Outcome
from gateway.throttle import ThrottledLog

Compare = Callable[[Copy, Answer, Answer], Comparison]

_QUEUE_FULL = Comparison(Verdict.NOT_COMPARED, NotCompared.QUEUE_FULL.value)


class Comparisons:
    """The desk where pairs become verdicts.

    ``compare``: of two answers, on the comparing thread. ``sinks``: told of every verdict
    there, in order; the list may grow. ``max_body``, ``max_bytes``, ``max_queue`` and
    ``share``: see ``[compare]``. ``hold``: whether live needs all there is now.

    Threads: request and pool threads open and settle; one thread compares and tells; one
    closes. The lock guards the counts of what could not be compared, for an addition.
    Only ``close`` waits.
    """

    def __init__(
        self,
        compare: Compare,
        sinks: Sequence[Sink],
        *,
        max_body: int,
        max_bytes: int,
        max_queue: int,
        share: float,
        hold: Callable[[], bool] = lambda: False,
    ) -> None:
        self._compare = compare
        self._sinks = sinks
        self.budget = ByteBudget(max_bytes)
        self._bounds = Bounds(self.budget, max_body)
        self._log = ThrottledLog(logging.getLogger(__name__))
        self._lock = Lock()
        # Verdicts without an exchange: (shadow, route, verdict).
        self._bare: Counter[tuple[str, str, Comparison]] = Counter()
        self._backlog = Backlog(
            "comparison",
            self._work,
            max_items=max_queue,
            max_bytes=max_bytes,
            share=share,
            hold=hold,
        )

    def open(self, request: Copy, route: str, received: float) -> Pairing:
        """A pairing for a request that is about to be answered by live."""
        return Pairing(self, self._bounds, len(request.body), route, received)

    def settle(self, half: Half) -> None:
        """Take a complete pair, or count it as not compared."""
        if not self._backlog.put(half):
            self._not_compared(half)

    def failed(self, shadow: str, outcome: Outcome) -> None:
        """A copy failed before there could be a pairing."""
        self._count(shadow, "", Comparison(Verdict.SHADOW_FAILED, outcome.reason))

    def _not_compared(self, half: Half) -> None:
        if half.claim():
            self._count(half.shadow, half.pairing.route, _QUEUE_FULL)
            half.finish()

    def _count(self, shadow: str, route: str, verdict: Comparison) -> None:
        with self._lock:
            self._bare[shadow, route, verdict] += 1

    def _work(self, half: Half) -> None:
        self.tell_bare()
        judged = self._judged(half)
        if half.claim():
            try:
                self._tell(judged)
            finally:
                half.finish()

    def _judged(self, half: Half) -> Judged:
        pairing, outcome = half.pairing, half.outcome
        live = pairing.no_answer or pairing.live.answer()
        answer = half.answer() if outcome is Outcome.ANSWERED else None
        comparison = _without_comparing(outcome, live, answer)
        sides = (_or_none(live), _or_none(answer))
        if comparison is None and sides[0] is not None and sides[1] is not None:
            comparison = self._comparison(half.request, sides[0], sides[1])
        at = time.time() - (time.monotonic() - pairing.received)
        verdict = comparison or Comparison(Verdict.NOT_COMPARED, NotCompared.NO_ROOM.value)
        return Judged(half.shadow, half.request, pairing.route, at, *sides, verdict)

    def _comparison(self, request: Copy, live: Answer, answer: Answer) -> Comparison:
        try:
            return self._compare(request, live, answer)
        except Exception as error:  # noqa: BLE001 - the boundary of rules and hooks
            self._log.log(logging.ERROR, "Comparing failed", exc_info=error)
            return Comparison(Verdict.NOT_COMPARED, NotCompared.RULES_FAILED.value)

    def tell_bare(self) -> None:
        """Tell the verdicts that have no exchange. Also for a housekeeper, at every tick:
        the comparing thread may be busy, or have nothing to do."""
        if not self._bare:
            return
        with self._lock:
            bare, self._bare = self._bare, Counter()
        for (shadow, route, verdict), number in bare.items():
            self._tell(Tally(shadow, route, verdict, number))

    def _tell(self, told: Judged | Tally) -> None:
        for sink in self._sinks:
            try:
                sink(told)
            except Exception as error:  # noqa: BLE001 - one sink must not keep it from others
                self._log.log(logging.ERROR, "A verdict could not be told", exc_info=error)

    def close(self, timeout: float) -> None:
        """Compare what there is, for so long; what is left then is not compared."""
        for half in self._backlog.close(timeout):
            self._not_compared(half)
        self.tell_bare()

    def snapshot(self) -> BacklogSnapshot:
        """The backlog at this moment."""
        return self._backlog.snapshot()

    def __repr__(self) -> str:
        return f"<Comparisons {self._backlog!r}, {self.budget!r}>"


def _without_comparing(
    outcome: Outcome, live: Answer | NotCompared, answer: Answer | NotCompared | None
) -> Comparison | None:
    """The verdict where there are no two answers; None where there are."""
    if outcome is not Outcome.ANSWERED:
        timed_out = outcome is Outcome.FAILED_TIMED_OUT
        verdict = Verdict.TIMED_OUT if timed_out else Verdict.SHADOW_FAILED
        return Comparison(verdict, outcome.reason)
    for side in (live, answer):
        if isinstance(side, NotCompared):
            return Comparison(Verdict.NOT_COMPARED, side.value)
    return None


def _or_none(side: Answer | NotCompared | None) -> Answer | None:
    return None if isinstance(side, NotCompared) else side
