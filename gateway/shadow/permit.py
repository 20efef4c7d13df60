"""One accepted copy on its way through the pool."""

from __future__ import annotations

import logging
from collections.abc import Callable

from gateway.shadow.outcome import Outcome
from gateway.shadow.work import Work
from gateway.throttle import ThrottledLog

Done = Callable[[Outcome], None]


class Permit:
    """Whoever claims it first, to run or to end it, has it. ``claimed`` is the pool's."""

    __slots__ = ("_log", "accepted", "claimed", "done", "size", "work")

    def __init__(
        self, work: Work, size: int, done: Done, accepted: float, log: ThrottledLog
    ) -> None:
        self.work = work
        self.size = size
        self.done = done
        self.accepted = accepted
        self.claimed = False
        self._log = log

    def guarded(self, step: Callable[[], Outcome | None]) -> Outcome | None:
        """The outcome of a step of the work; an internal failure if it raised anything at all."""
        try:
            return step()
        except BaseException as error:  # noqa: BLE001 - the boundary of shadow work
            self._log.log(logging.ERROR, "A shadow call failed inside the gateway", exc_info=error)
            return Outcome.FAILED_INTERNAL

    def tell(self, outcome: Outcome) -> None:
        """Tell whoever wants to know how it ended."""
        try:
            self.done(outcome)
        except BaseException as error:  # noqa: BLE001 - the boundary of shadow work
            self._log.log(logging.ERROR, "Recording a shadow call failed", exc_info=error)
