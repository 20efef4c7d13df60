"""Counting must not hurt what is counted."""

from __future__ import annotations

import logging

import pytest

from gateway.metrics import Guarded, Metrics
from gateway.shadow.outcome import Outcome


class Full(Metrics):
    """Metrics on a full disk."""

    def shadow_outcome(self, shadow: str, outcome: Outcome) -> None:
        raise OSError("no space left")


class Kept(Metrics):
    """Metrics that work."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []

    def shadow_taken(self, shadow: str, live: str) -> None:
        self.seen.append((shadow, live))


def test_a_failure_to_count_is_logged_and_goes_no_further(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A full disk under the metrics is neither live's nor a shadow's fault."""
    with caplog.at_level(logging.ERROR):
        Guarded(Full()).shadow_outcome("s", Outcome.ANSWERED)
    assert "Counting failed" in caplog.text


def test_everything_is_passed_on() -> None:
    """Every event has its guard."""
    kept = Kept()
    guarded = Guarded(kept)
    guarded.shadow_taken("s", "answered")
    assert kept.seen == [("s", "answered")]
    events = {name for name in vars(Metrics) if not name.startswith("_")}
    assert events <= set(vars(guarded))
