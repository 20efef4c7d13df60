"""The ledger's vocabulary: how a live request can end for one shadow.

Code, metrics, logs, dashboard and docs use these words and no others.
"""

from __future__ import annotations

from enum import Enum


class Outcome(Enum):
    """Exactly one of these for every live request and shadow: (outcome, reason).

    ``outcome``: skipped, dropped, failed or answered. ``reason``: why; empty for answered.
    """

    # Not meant for this shadow.
    SKIPPED_ROUTE = ("skipped", "route")
    SKIPPED_METHOD = ("skipped", "method")
    SKIPPED_SAMPLED_OUT = ("skipped", "sampled_out")
    SKIPPED_SWITCHED_OFF = ("skipped", "switched_off")
    SKIPPED_TOO_LARGE = ("skipped", "too_large")
    SKIPPED_UNREADABLE = ("skipped", "unreadable")
    SKIPPED_REFUSED = ("skipped", "refused")
    SKIPPED_LIVE_REFUSED = ("skipped", "live_refused")
    SKIPPED_ABANDONED = ("skipped", "abandoned")
    SKIPPED_HELD_OUT = ("skipped", "held_out")
    SKIPPED_HOOK = ("skipped", "hook")
    # Meant for it, but there was no room; decided without waiting.
    DROPPED_QUEUE_FULL = ("dropped", "queue_full")
    DROPPED_BYTES_FULL = ("dropped", "bytes_full")
    DROPPED_BREAKER_OPEN = ("dropped", "breaker_open")
    DROPPED_OVERLOADED = ("dropped", "overloaded")
    DROPPED_DRAINING = ("dropped", "draining")
    DROPPED_HOOK_FAILED = ("dropped", "hook_failed")
    # Sent, and no usable answer came.
    FAILED_CONNECT = ("failed", "connect")
    FAILED_TIMED_OUT = ("failed", "timed_out")
    FAILED_RESET = ("failed", "reset")
    FAILED_BAD_ANSWER = ("failed", "bad_answer")
    FAILED_INTERNAL = ("failed", "internal")
    # Sent and answered, whatever the status; read to the end or to a bound.
    ANSWERED = ("answered", "")

    def __init__(self, outcome: str, reason: str) -> None:
        # Not properties of the value: every request asks, and Enum is slow to tell.
        self.outcome = outcome
        self.reason = reason

    __hash__ = object.__hash__
