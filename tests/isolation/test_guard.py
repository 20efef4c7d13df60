"""Mirroring switches itself off when it costs live too much."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from gateway.control import Control
from gateway.isolation.guard import Guard
from gateway.metrics import Metrics
from gateway.settings.isolation import Isolation
from gateway.shadow.switch import Switch


class Noted(Metrics):
    """Metrics that remember."""

    def __init__(self) -> None:
        self.said: list[Any] = []
        self.exceeded: list[str] = []

    def isolation(self, *said: Any) -> None:
        self.said.append(said)

    def isolation_exceeded(self, budget: str) -> None:
        self.exceeded.append(budget)


class Worker:
    """A guard as one worker has it."""

    def __init__(self, control: Control | None = None, shared: Path | None = None, **config: Any):
        self.control = control or Control()
        self.metrics = Noted()
        self.now = 0.0
        self.guard = Guard(
            Isolation(**config),
            ["a", "b"],
            control=self.control,
            metrics=self.metrics,
            shared=shared,
            clock=lambda: self.now,
        )

    def serve(self, requests: int, mirrored: float, held_out: float, failing: bool = False) -> None:
        """So many requests, a tenth of them held out, each group with its latency."""
        for number in range(requests):
            out = number % 10 == 0
            self.guard.watch(out, held_out if out else mirrored, failing and not out)
        self.guard.look()

    @property
    def off(self) -> list[bool]:
        return [self.control.switch(name).off for name in ("a", "b")]


@pytest.mark.parametrize(
    ("served", "budget"),
    [((2000, 0.1, 0.02), "latency"), ((2000, 0.02, 0.02, True), "errors")],
    ids=["latency", "errors"],
)
def test_all_shadows_are_switched_off_loudly(
    served: tuple[Any, ...], budget: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Once, with the figures, what to do, and why in the switch."""
    worker = Worker()
    with caplog.at_level(logging.ERROR):
        worker.serve(*served)
        worker.guard.look()
    assert worker.off == [True, True]
    assert worker.control.switch("a") == Switch(off=True, why="isolation")
    assert worker.metrics.exceeded == [budget]
    (line,) = caplog.messages
    assert line.startswith("MIRRORING IS SWITCHED OFF: 1800 mirrored requests against 200 held-out")
    assert "gateway shadow NAME --reset" in line


@pytest.mark.parametrize(
    "served",
    [(2000, 0.02, 0.02), (2000, 0.02, 0.1), (2000, 0.029, 0.02), (900, 0.1, 0.02)],
    ids=["alike", "faster", "within", "too-few"],
)
def test_within_the_budget_nothing_happens(served: tuple[Any, ...]) -> None:
    """Nor before there are enough held-out requests."""
    worker = Worker()
    worker.serve(*served)
    assert worker.off == [False, False]
    assert worker.metrics.exceeded == []


def test_what_is_known_is_told() -> None:
    """Intervals as soon as there is one request in each group."""
    worker = Worker()
    worker.guard.look()
    assert worker.metrics.said == [(0, 0, None, None)]
    worker.serve(100, 0.03, 0.02)
    mirrored, held_out, latency, errors = worker.metrics.said[-1]
    assert (mirrored, held_out) == (90, 10)
    assert latency.low < latency.estimate == pytest.approx(0.01)
    assert errors == (0, 0, 0)
    assert worker.guard.state.latency == latency


def test_where_it_is_only_to_warn_it_only_warns(caplog: pytest.LogCaptureFixture) -> None:
    """Once, until it was within the budget again."""
    worker = Worker(action="warn")
    worker.serve(2000, 0.1, 0.02)
    worker.guard.look()
    assert worker.off == [False, False]
    assert worker.metrics.exceeded == ["latency"]
    assert "costs live more than its budget" in caplog.text


def test_after_it_was_switched_on_again_it_begins_anew() -> None:
    """What was measured before is not how it is now; but the same again switches off again."""
    worker = Worker()
    worker.serve(2000, 0.1, 0.02)
    worker.guard.look()
    for name in ("a", "b"):
        worker.control.set(name, Switch())
    worker.guard.look()
    assert worker.off == [False, False]
    worker.serve(2000, 0.1, 0.02)
    assert worker.off == [True, True]
    assert worker.metrics.exceeded == ["latency", "latency"]


def test_workers_conclude_together(tmp_path: Path) -> None:
    """None of them has enough alone; the first that sees it switches off for all."""
    path = tmp_path / "control.json"
    one, two = (Worker(Control(path), tmp_path) for _ in range(2))
    one.serve(900, 0.1, 0.02)
    assert one.off == [False, False]
    # The other is another process.
    (own,) = (tmp_path / "isolation").iterdir()
    own.rename(own.with_name("1"))
    two.serve(900, 0.1, 0.02)
    assert two.off == [True, True]
    one.control.refresh()
    assert one.off == [True, True]
    one.guard.look()
    assert one.guard.state.groups.mirrored.requests == 810  # the other's; its own is forgotten


def test_it_looks_every_few_seconds() -> None:
    """A housekeeper ticks more often."""
    worker = Worker()
    for _ in range(100):
        worker.now += 0.25
        worker.guard.tick()
    assert len(worker.metrics.said) == 13


def test_a_worker_that_has_ended_says_no_more(tmp_path: Path) -> None:
    """A housekeeper's last turn comes after."""
    worker = Worker(shared=tmp_path)
    worker.guard.tick()
    assert list((tmp_path / "isolation").iterdir())
    worker.guard.close()
    worker.now += 60
    worker.guard.tick()
    assert list((tmp_path / "isolation").iterdir()) == []
