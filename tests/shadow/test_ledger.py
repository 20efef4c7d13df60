"""The ledger counts every end once."""

from __future__ import annotations

from threading import Thread

from gateway.shadow.ledger import Ledger
from gateway.shadow.outcome import Outcome


def test_outcomes_are_counted_by_shadow() -> None:
    """And told to the sink as they come."""
    told: list[tuple[str, Outcome]] = []
    ledger = Ledger(["a", "b"], lambda shadow, outcome: told.append((shadow, outcome)))
    ledger.record("a", Outcome.ANSWERED)
    ledger.record("a", Outcome.SKIPPED_ROUTE)
    assert ledger.snapshot() == {"a": {Outcome.ANSWERED: 1, Outcome.SKIPPED_ROUTE: 1}, "b": {}}
    assert (ledger.total("a"), ledger.total("b")) == (2, 0)
    assert told == [("a", Outcome.ANSWERED), ("a", Outcome.SKIPPED_ROUTE)]


def test_counts_are_exact_under_many_threads() -> None:
    """No increment is lost."""
    ledger = Ledger(["a"])
    threads = [
        Thread(target=lambda: [ledger.record("a", Outcome.ANSWERED) for _ in range(1000)])
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ledger.total("a") == 8000


def test_outcomes_and_reasons_are_the_documented_words() -> None:
    """Four outcomes; a reason belongs to one outcome only."""
    assert {o.outcome for o in Outcome} == {"skipped", "dropped", "failed", "answered"}
    reasons = [o.reason for o in Outcome]
    assert len(set(reasons)) == len(reasons)
