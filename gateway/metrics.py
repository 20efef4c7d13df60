"""What is measured, declared once; how it is exported is ``prometheus.py``'s business.

The base class counts nothing: an embedded mirror without prometheus-client
works the same, only unseen.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from gateway.throttle import ThrottledLog

if TYPE_CHECKING:
    from gateway.exchange import Exchange
    from gateway.isolation.difference import Interval
    from gateway.process import ProcessFigures
    from gateway.shadow.outcome import Outcome
    from gateway.shadow.pool import PoolSnapshot


class Declared(NamedTuple):
    """One metric: its type, label names and help text.

    ``by``: who tells it. What the gateway as a whole is asked for, the admin
    process tells; a worker knows only of itself.
    """

    kind: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...]
    help: str
    by: Literal["worker", "admin"] = "worker"


METRICS = {
    "gateway_requests_total": Declared(
        "counter",
        ("method", "status", "route"),
        "Requests answered, by method, status and route.",
    ),
    "gateway_request_duration_seconds": Declared(
        "histogram", ("route",), "From the request's arrival to the end of its answer."
    ),
    "gateway_upstream_duration_seconds": Declared(
        "histogram",
        ("upstream",),
        "From calling a live upstream to the head of its answer, by the upstream's URL.",
    ),
    "gateway_refusals_total": Declared(
        "counter",
        ("middleware", "reason"),
        "Requests the gateway answered itself, by who refused them and why.",
    ),
    "gateway_authenticated_total": Declared(
        "counter",
        ("scheme", "identity"),
        "Requests of clients who proved an identity; that of a token is not told.",
    ),
    "gateway_authentication_stale": Declared(
        "gauge",
        ("source",),
        "Workers that could not renew their credentials or keys, and use the old ones.",
    ),
    "gateway_access_log_lost_total": Declared(
        "counter", (), "Access log lines lost to a full disk or a blocked pipe."
    ),
    "gateway_validation_reports_total": Declared(
        "counter",
        ("route", "reason"),
        "Requests that did not fit, and passed because their route only reports.",
    ),
    "gateway_rate_limit_store_errors_total": Declared(
        "counter", (), "Requests that could not be counted: the store of rate limits was down."
    ),
    "gateway_rate_limit_forgotten_total": Declared(
        "counter", (), "Clients' debts forgotten because the table of rate limits was full."
    ),
    "gateway_shed_total": Declared(
        "counter", ("reason",), "Requests refused at once with 503, by reason."
    ),
    "gateway_admission_limit": Declared(
        "gauge", (), "Requests that may be in progress at once, all workers together."
    ),
    "gateway_waiting_requests": Declared(
        "gauge", (), "Requests that wait for a place among those in progress."
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
    "gateway_verdicts_total": Declared(
        "counter",
        ("shadow", "verdict", "reason"),
        "Mirrored exchanges by what comparing them came to; shadow live is the floor.",
    ),
    "gateway_compared_total": Declared(
        "counter",
        ("shadow", "count"),
        "The same in the five counts that add up with the ledger's skips and drops.",
    ),
    "gateway_comparison_waiting": Declared("gauge", (), "Exchanges that wait to be compared."),
    "gateway_comparison_bytes": Declared(
        "gauge", (), "Bytes of requests and answers held to compare them."
    ),
    "gateway_hook_failures_total": Declared(
        "counter", ("hook",), "Calls of a host's hook that raised or had no room."
    ),
    "gateway_isolation_requests": Declared(
        "gauge", ("group",), "Requests that the isolation proof compares, mirrored and held_out."
    ),
    "gateway_isolation_latency_seconds": Declared(
        "gauge",
        ("bound",),
        "By how much mirrored requests are slower than held-out ones: low, estimate, high (95 %).",
    ),
    "gateway_isolation_errors": Declared(
        "gauge",
        ("bound",),
        "By how much more of the mirrored requests fail, 0 to 1: low, estimate, high (95 %).",
    ),
    "gateway_isolation_exceeded_total": Declared(
        "counter", ("budget",), "Times that mirroring cost live more than its budget."
    ),
    "gateway_store_errors_total": Declared(
        "counter", (), "Times that comparison figures could not be written; they wait."
    ),
    "gateway_store_lost_total": Declared(
        "counter", ("what",), "Comparison figures and examples for which there was no room."
    ),
    "gateway_recorded_total": Declared(
        "counter", (), "Exchanges with live written to files for replay."
    ),
    "gateway_record_lost_total": Declared(
        "counter", ("reason",), "Exchanges that were to be recorded and were not, by reason."
    ),
    "gateway_worker_resident_bytes": Declared(
        "gauge", ("worker",), "Memory that a worker has in RAM."
    ),
    "gateway_worker_cpu_seconds_total": Declared(
        "counter", ("worker",), "CPU time that a worker and those it replaced have used."
    ),
    "gateway_worker_open_fds": Declared("gauge", ("worker",), "Descriptors a worker has open."),
    "gateway_worker_max_fds": Declared("gauge", ("worker",), "Descriptors a worker may open."),
    "gateway_worker_threads": Declared("gauge", ("worker",), "Threads of a worker."),
    "gateway_workers": Declared(
        "gauge", ("state",), "Workers that take requests, and that finish their last ones.", "admin"
    ),
    "gateway_reload_successful": Declared(
        "gauge", (), "1 when the settings in force are those last asked for, else 0.", "admin"
    ),
}


class Metrics:
    """Receives what happens. This one forgets it."""

    def request_started(self) -> None:
        """A live request arrived."""

    def request_ended(self, method: str, exchange: Exchange, seconds: float) -> None:
        """A live request's answer was closed, so many seconds after it arrived."""

    def shadow_answered(self, shadow: str, status: int, seconds: float) -> None:
        """A shadow answered, after so many seconds."""

    def shadow_outcome(self, shadow: str, outcome: Outcome) -> None:
        """The ledger recorded an outcome."""

    def shadow_taken(self, shadow: str, live: str) -> None:
        """The pool took a copy; ``live`` says what became of the request there."""

    def authenticated(self, scheme: str, identity: str) -> None:
        """A client proved an identity; "" for one that is not to be told."""

    def authentication_stale(self, source: str, stale: bool) -> None:
        """Whether the credentials or keys in use are older than they should be."""

    def access_log_lost(self, lines: int) -> None:
        """So many more lines of the access log were lost."""

    def validation_reported(self, route: str | None, reason: str) -> None:
        """A request of a route that only reports did not fit."""

    def rate_limit_store_error(self) -> None:
        """A request could not be counted."""

    def rate_limit_forgotten(self) -> None:
        """The table of rate limits was full, and a debt was forgotten."""

    def shed(self, reason: str, count: int) -> None:
        """So many requests were refused with 503 for this reason."""

    def admission(self, limit: int, waiting: int) -> None:
        """Requests that may be in progress at once, and those that wait, at this moment."""

    def body_bytes(self, held: int) -> None:
        """Bytes of request bodies held at this moment."""

    def pool(self, snapshot: PoolSnapshot) -> None:
        """The shadow pool at this moment."""

    def shadow_state(self, shadow: str, percent: float, breaker_open: bool) -> None:
        """The share in force for a shadow, and whether its breaker is open."""

    def verdict(self, shadow: str, verdict: str, reason: str, counts_as: str, number: int) -> None:
        """So many exchanges came to this verdict, which is in one of the five counts."""

    def comparison(self, waiting: int, held: int) -> None:
        """Exchanges that wait to be compared, and the bytes held for that, at this moment."""

    def hook_failed(self, hook: str, number: int) -> None:
        """So many calls of a host's hook raised, or were left out."""

    def isolation(
        self, mirrored: int, held_out: int, latency: Interval | None, errors: Interval | None
    ) -> None:
        """What the isolation proof says at this moment."""

    def isolation_exceeded(self, budget: str) -> None:
        """Mirroring costs live more than this budget allows."""

    def store_failed(self) -> None:
        """Comparison figures could not be written; it is tried again."""

    def store_lost(self, what: str, number: int) -> None:
        """There was no room for so many figures or examples."""

    def recorded(self, number: int) -> None:
        """So many more exchanges were written to files."""

    def record_lost(self, reason: str, number: int) -> None:
        """So many more exchanges were to be recorded and were not."""

    def process(self, figures: ProcessFigures) -> None:
        """What this process takes of the machine at this moment."""


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
