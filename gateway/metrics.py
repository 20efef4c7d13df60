"""What is measured, declared once; how it is exported is ``prometheus.py``'s business.

The base class counts nothing: an embedded mirror without prometheus-client
works the same, only unseen.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from gateway.shadow.outcome import Outcome
from gateway.shadow.pool import PoolSnapshot
from gateway.throttle import ThrottledLog


class Declared(NamedTuple):
    """One metric: its type, label names and help text."""

    kind: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...]
    help: str


METRICS = {
    "gateway_requests_total": Declared(
        "counter", ("method", "status"), "Requests answered, by method and status."
    ),
    "gateway_request_duration_seconds": Declared(
        "histogram", (), "From the request's arrival to the end of its answer."
    ),
    "gateway_upstream_duration_seconds": Declared(
        "histogram", (), "From calling the live upstream to the head of its answer."
    ),
    "gateway_inflight_requests": Declared("gauge", (), "Requests in progress."),
    "gateway_body_bytes": Declared(
        "gauge", (), "Bytes of request bodies that workers hold on their way in and to live."
    ),
    "gateway_shadow_requests_total": Declared(
        "counter",
        ("shadow", "outcome", "reason"),
        "The ledger: how live requests ended for each shadow.",
    ),
    "gateway_shadow_answers_total": Declared(
        "counter", ("shadow", "status"), "Answers of each shadow, by status."
    ),
    "gateway_shadow_duration_seconds": Declared(
        "histogram", ("shadow",), "From calling a shadow to the end of its answer."
    ),
    "gateway_shadow_live_total": Declared(
        "counter",
        ("shadow", "live"),
        "Copies taken for each shadow, by what became of the request on the live side.",
    ),
    "gateway_shadow_queue_requests": Declared("gauge", (), "Copies waiting for a thread."),
    "gateway_shadow_active_requests": Declared("gauge", (), "Shadow calls in progress."),
    "gateway_shadow_queue_bytes": Declared(
        "gauge", (), "Bytes of bodies held by copies waiting and in progress."
    ),
    "gateway_shadow_oldest_seconds": Declared("gauge", (), "Age of the oldest unfinished copy."),
    "gateway_shadow_breaker_open": Declared(
        "gauge", ("shadow",), "Workers in which the shadow's breaker is open."
    ),
    "gateway_shadow_percent": Declared(
        "gauge", ("shadow",), "Share of matching requests mirrored now; 0 when switched off."
    ),
}


class Metrics:
    """Receives what happens. This one forgets it."""

    def request_started(self) -> None:
        """A live request arrived."""

    def request_ended(
        self, method: str, status: int, seconds: float, upstream_seconds: float | None
    ) -> None:
        """A live request's answer was closed. Durations in seconds."""

    def shadow_answered(self, shadow: str, status: int, seconds: float) -> None:
        """A shadow answered, after so many seconds."""

    def shadow_outcome(self, shadow: str, outcome: Outcome) -> None:
        """The ledger recorded an outcome."""

    def shadow_taken(self, shadow: str, live: str) -> None:
        """The pool took a copy; ``live`` says what became of the request there."""

    def body_bytes(self, held: int) -> None:
        """Bytes of request bodies held at this moment."""

    def pool(self, snapshot: PoolSnapshot) -> None:
        """The shadow pool at this moment."""

    def shadow_state(self, shadow: str, percent: float, breaker_open: bool) -> None:
        """The share in force for a shadow, and whether its breaker is open."""


_EVENTS = tuple(name for name in vars(Metrics) if not name.startswith("_"))


class Guarded(Metrics):
    """Passes everything on, and lets no failure of counting (a full disk) reach a request."""

    def __init__(self, metrics: Metrics) -> None:
        self._log = ThrottledLog(logging.getLogger(__name__))
        for name in _EVENTS:
            setattr(self, name, self._guard(getattr(metrics, name)))

    def _guard(self, method: Callable[..., None]) -> Callable[..., None]:
        def guarded(*args: Any) -> None:
            try:
                method(*args)
            except Exception as error:  # noqa: BLE001 - the boundary of counting
                self._log.log(logging.ERROR, "Counting failed", exc_info=error)

        return guarded
