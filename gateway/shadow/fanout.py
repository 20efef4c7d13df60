"""Offers one live request to every shadow. Nothing that goes wrong here gets out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial

from gateway.exchange import LiveOutcome
from gateway.routes import RouteTable
from gateway.shadow.copy import Copy
from gateway.shadow.ledger import Ledger
from gateway.shadow.outcome import Outcome
from gateway.shadow.pool import ShadowPool
from gateway.shadow.upstream import ShadowUpstream
from gateway.target import path_of
from gateway.throttle import ThrottledLog

_events = logging.getLogger(__name__)


class Fanout:
    """The mirror's only door to the shadow side.

    ``routes``: whether a route is mirrored at all.

    Threads: called from request threads; returns at once, whatever the shadows
    do. It waits on nothing that shadow work can hold.
    """

    def __init__(
        self,
        shadows: Sequence[ShadowUpstream],
        pool: ShadowPool,
        ledger: Ledger,
        *,
        routes: RouteTable[bool],
        log: ThrottledLog | None = None,
    ) -> None:
        self.shadows = tuple(shadows)
        self._pool = pool
        self._ledger = ledger
        self._routes = routes
        self._log = log or ThrottledLog(logging.getLogger(__name__))
        # Asked for each request: whether live needs all there is. Set by whoever knows.
        self.overloaded: Callable[[], bool] = _never
        # One shadow that must know how live ended delays the offer to that point for all.
        self.after_answer = any(shadow.needs_live_outcome for shadow in self.shadows)

    def offer(self, copy: Copy, live: LiveOutcome) -> tuple[str, ...]:
        """Hand the copy to every shadow that wants it; the ledger gets the rest.

        Returns the names of those whose copy was taken.
        """
        return tuple(shadow.name for shadow in self.shadows if self._offer(shadow, copy, live))

    def _offer(self, shadow: ShadowUpstream, copy: Copy, live: LiveOutcome) -> bool:
        try:
            outcome = self._decide(shadow, copy, live) or self._submit(shadow, copy)
        except BaseException as error:  # noqa: BLE001 - the boundary of shadow work
            self._log.log(logging.ERROR, "Mirroring to %s failed", shadow.name, exc_info=error)
            outcome = Outcome.FAILED_INTERNAL
        if outcome is not None:
            self._ledger.record(shadow.name, outcome)
        return outcome is None

    def _decide(self, shadow: ShadowUpstream, copy: Copy, live: LiveOutcome) -> Outcome | None:
        if not self._routes.find(copy.method, path_of(copy.target)):
            return Outcome.SKIPPED_ROUTE
        return shadow.decide(copy, live)

    def _submit(self, shadow: ShadowUpstream, copy: Copy) -> Outcome | None:
        if self.overloaded():
            return Outcome.DROPPED_OVERLOADED
        admission = shadow.breaker.admits()
        if admission is None:
            return Outcome.DROPPED_BREAKER_OPEN
        refusal: Outcome | None = Outcome.FAILED_INTERNAL
        try:
            refusal = self._pool.offer(
                shadow.call(copy, admission),
                len(copy.body),
                partial(self._ended, shadow, admission),
            )
        finally:
            if refusal is not None:
                shadow.breaker.withdraw(admission)
        return refusal

    def _ended(self, shadow: ShadowUpstream, admission: int, outcome: Outcome) -> None:
        self._ledger.record(shadow.name, outcome)
        if outcome.outcome == "dropped":
            shadow.breaker.withdraw(admission)
        else:
            opened = shadow.breaker.report(admission, failed=outcome.outcome == "failed")
            if opened is not None:
                _tell_of(shadow.name, opened, outcome)

    def skip(self, outcome: Outcome) -> None:
        """Record the same outcome for every shadow: none of them is offered this request."""
        for shadow in self.shadows:
            self._ledger.record(shadow.name, outcome)

    def __repr__(self) -> str:
        return f"<Fanout to {', '.join(s.name for s in self.shadows) or 'nobody'}>"


def _never() -> bool:
    return False


def _tell_of(shadow: str, opened: bool, outcome: Outcome) -> None:
    if opened:
        _events.warning("%s fails again and again (%s): it gets a rest", shadow, outcome.reason)
    else:
        _events.info("%s answers again", shadow)
