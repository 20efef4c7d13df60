"""Offers one live request to every shadow. Nothing that goes wrong here gets out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import NamedTuple, Protocol

from gateway.compare.pairing import Half, Pairing
from gateway.exchange import LiveOutcome
from gateway.routes import RouteTable
from gateway.shadow.copy import Copy
from gateway.shadow.holdout import Holdout
from gateway.shadow.ledger import Ledger
from gateway.shadow.outcome import Outcome
from gateway.shadow.pool import ShadowPool
from gateway.shadow.upstream import ShadowUpstream
from gateway.shadow.vetting import Vetting
from gateway.target import path_of
from gateway.throttle import ThrottledLog

_events = logging.getLogger(__name__)


class Comparing(Protocol):
    """Who wants live's answers and shadows', to compare them."""

    def open(self, request: Copy, route: str, received: float) -> Pairing:
        """A pairing for a request that live is about to answer."""

    def failed(self, shadow: str, outcome: Outcome) -> None:
        """A copy failed before there was a pairing."""


# Told of each request that could be mirrored, once live is done with it: whether it was
# held out, how long it took in all, and whether live failed.
Watch = Callable[[bool, float, bool], None]


class Offered(NamedTuple):
    """What became of an offer.

    ``taken``: names of the shadows that take a copy. ``held_out``: whether the request
    was held out of mirroring; None where there was no shadow to mirror it to. ``missed``:
    the other shadows, and why they take none.
    """

    taken: tuple[str, ...] = ()
    held_out: bool | None = None
    missed: tuple[tuple[str, Outcome], ...] = ()


class Fanout:
    """The mirror's only door to the shadow side.

    ``routes``: whether a route is mirrored at all. ``comparing``, ``vetting``: None
    where nobody compares, no host has hooks. ``watchers``: told of every request that
    could be mirrored; the list may grow until the first request.

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
        comparing: Comparing | None = None,
        holdout: Holdout | None = None,
        vetting: Vetting | None = None,
        watchers: Iterable[Watch] = (),
        log: ThrottledLog | None = None,
    ) -> None:
        self.shadows = tuple(shadows)
        self.comparing = comparing
        self._holdout = holdout or Holdout(0)
        self._vetting = vetting
        self.watchers = list(watchers)
        self._pool = pool
        self._ledger = ledger
        self._routes = routes
        self._log = log or ThrottledLog(logging.getLogger(__name__))
        # Asked for each request: whether live needs all there is. Set by whoever knows.
        self.overloaded: Callable[[], bool] = _never
        # One shadow that must know how live ended delays the offer to that point for all.
        self.after_answer = any(shadow.needs_live_outcome for shadow in self.shadows)

    def gives_nothing(self) -> Outcome | None:
        """Why no shadow gets a copy at this moment; None when one may.

        Asked before live is: then nothing need be kept of its answer, and the offer is told.
        """
        if self.overloaded():
            return Outcome.DROPPED_OVERLOADED
        for shadow in self.shadows:
            if not shadow.breaker.rests:
                return self._pool.full
        return Outcome.DROPPED_BREAKER_OPEN

    def offer(
        self,
        copy: Copy,
        live: LiveOutcome,
        pairing: Pairing | None = None,
        dropped: Outcome | None = None,
    ) -> Offered:
        """Hand the copy to every shadow that wants it; the ledger gets the rest.

        ``dropped``: what ``gives_nothing`` said, if it was asked; there is no pairing then.
        """
        missed: list[tuple[str, Outcome]] = []
        wanted = []
        for shadow in self.shadows:
            outcome = self._unwanted(shadow, copy, live, pairing)
            if outcome is None:
                wanted.append(shadow)
            else:
                missed.append((shadow.name, outcome))
        if not wanted:
            return Offered(missed=tuple(missed))
        if self._holdout.has(copy.request_id):
            missed += self._all_missed(wanted, Outcome.SKIPPED_HELD_OUT)
            return Offered(held_out=True, missed=tuple(missed))
        if dropped is not None:
            missed += self._all_missed(wanted, dropped)
        elif self._vetting is None:
            missed += self._send(wanted, copy, pairing)
        else:
            missed += self._vet(self._vetting, wanted, copy, pairing)
        lost = {name for name, _ in missed}
        taken = tuple(shadow.name for shadow in wanted if shadow.name not in lost)
        return Offered(taken, held_out=False, missed=tuple(missed))

    def _all_missed(
        self, shadows: Sequence[ShadowUpstream], outcome: Outcome
    ) -> list[tuple[str, Outcome]]:
        for shadow in shadows:
            self._ledger.record(shadow.name, outcome)
        return [(shadow.name, outcome) for shadow in shadows]

    def _unwanted(
        self, shadow: ShadowUpstream, copy: Copy, live: LiveOutcome, pairing: Pairing | None
    ) -> Outcome | None:
        try:
            outcome = self._decide(shadow, copy, live)
        except BaseException as error:  # noqa: BLE001 - the boundary of shadow work
            outcome = self._failed(shadow, error)
            self._tell(pairing, shadow, copy, outcome)
        if outcome is not None:
            self._ledger.record(shadow.name, outcome)
        return outcome

    def _tell(
        self, pairing: Pairing | None, shadow: ShadowUpstream, copy: Copy, outcome: Outcome
    ) -> None:
        """The comparison has a verdict for every failure in the ledger."""
        if pairing is not None:
            pairing.half(shadow.name, copy).finish_call(outcome)
        elif self.comparing is not None:
            self.comparing.failed(shadow.name, outcome)

    def _failed(self, shadow: ShadowUpstream, error: BaseException) -> Outcome:
        self._log.log(logging.ERROR, "Mirroring to %s failed", shadow.name, exc_info=error)
        return Outcome.FAILED_INTERNAL

    def _vet(
        self,
        vetting: Vetting,
        wanted: Sequence[ShadowUpstream],
        copy: Copy,
        pairing: Pairing | None,
    ) -> list[tuple[str, Outcome]]:
        """Let the host's hooks see the copy first, on their own thread."""
        if pairing is not None:
            pairing.hold()
        vetted = partial(self._vetted, wanted, copy, pairing)
        if not self.overloaded() and vetting.offer(copy, vetted):
            return []
        full = Outcome.DROPPED_OVERLOADED if self.overloaded() else Outcome.DROPPED_HOOK_FAILED
        vetted(None, full)
        return [(shadow.name, full) for shadow in wanted]

    def _vetted(
        self,
        wanted: Sequence[ShadowUpstream],
        copy: Copy,
        pairing: Pairing | None,
        sendable: Copy | None,
        outcome: Outcome,
    ) -> None:
        if sendable is not None:
            self._send(wanted, sendable, pairing)
        else:
            self._all_missed(wanted, outcome)
        if pairing is not None:
            pairing.let_go()

    def _send(
        self, wanted: Sequence[ShadowUpstream], copy: Copy, pairing: Pairing | None
    ) -> list[tuple[str, Outcome]]:
        outcomes = [(shadow.name, self._unsent(shadow, copy, pairing)) for shadow in wanted]
        return [(name, outcome) for name, outcome in outcomes if outcome is not None]

    def _unsent(
        self, shadow: ShadowUpstream, copy: Copy, pairing: Pairing | None
    ) -> Outcome | None:
        half = None
        try:
            if pairing is not None:
                half = pairing.half(shadow.name, copy)
            outcome = self._submit(shadow, copy, half)
        except BaseException as error:  # noqa: BLE001 - the boundary of shadow work
            outcome = self._failed(shadow, error)
        if outcome is not None:
            self._ledger.record(shadow.name, outcome)
            if half is not None:
                half.finish_call(outcome)
        return outcome

    def _decide(self, shadow: ShadowUpstream, copy: Copy, live: LiveOutcome) -> Outcome | None:
        # However the shadow reads the path: what is not for it may do harm there.
        if not all(self._routes.find_all(copy.method, path_of(copy.target))):
            return Outcome.SKIPPED_ROUTE
        return shadow.decide(copy, live)

    def _submit(self, shadow: ShadowUpstream, copy: Copy, half: Half | None) -> Outcome | None:
        if self.overloaded():
            return Outcome.DROPPED_OVERLOADED
        admission = shadow.breaker.admits()
        if admission is None:
            return Outcome.DROPPED_BREAKER_OPEN
        refusal: Outcome | None = Outcome.FAILED_INTERNAL
        try:
            refusal = self._pool.offer(
                shadow.call(copy, admission, half),
                len(copy.body),
                partial(self._ended, shadow, admission, half),
            )
        finally:
            if refusal is not None:
                shadow.breaker.withdraw(admission)
        return refusal

    def _ended(
        self, shadow: ShadowUpstream, admission: int, half: Half | None, outcome: Outcome
    ) -> None:
        self._ledger.record(shadow.name, outcome)
        if half is not None:
            half.finish_call(outcome)
        if outcome.outcome in {"dropped", "skipped"}:  # not sent after all
            shadow.breaker.withdraw(admission)
        else:
            opened = shadow.breaker.report(admission, failed=outcome.outcome == "failed")
            if opened is not None:
                _tell_of(shadow.name, opened, outcome)

    def nobody_wants(self, head: Copy) -> bool:
        """Whether no shadow is to get this request, by what its head tells; then it is recorded.

        For whoever would have to make a copy first. ``head``: one without a body.
        """
        return self._all_recorded(
            [self._decide(shadow, head, LiveOutcome.ANSWERED) for shadow in self.shadows]
        )

    def all_rest(self) -> bool:
        """Whether no shadow gets anything at the moment; then it is recorded for a request."""
        return self._all_recorded([shadow.resting for shadow in self.shadows])

    def _all_recorded(self, outcomes: Sequence[Outcome | None]) -> bool:
        """Record an outcome for each shadow, if each has one."""
        if None in outcomes:
            return False
        for shadow, outcome in zip(self.shadows, outcomes, strict=True):
            if outcome is not None:
                self._ledger.record(shadow.name, outcome)
        return True

    def skip(self, outcome: Outcome) -> None:
        """Record the same outcome for every shadow: none of them is offered this request."""
        for shadow in self.shadows:
            self._ledger.record(shadow.name, outcome)
            if outcome.outcome == "failed" and self.comparing is not None:
                self.comparing.failed(shadow.name, outcome)

    def __repr__(self) -> str:
        return f"<Fanout to {', '.join(s.name for s in self.shadows) or 'nobody'}>"


def _never() -> bool:
    return False


def _tell_of(shadow: str, opened: bool, outcome: Outcome) -> None:
    if opened:
        _events.warning("%s fails again and again (%s): it gets a rest", shadow, outcome.reason)
    else:
        _events.info("%s answers again", shadow)
