"""The housekeeper."""

from __future__ import annotations

import logging
import threading
from threading import Event

import pytest

from gateway.housekeeping import Housekeeper


def test_tasks_run_again_and_again_and_once_more_at_the_end() -> None:
    """On a thread of its own, which is gone afterwards."""
    runs: list[str] = []
    third = Event()
    others = set(threading.enumerate())
    keeper = Housekeeper(interval=0.001)

    def task() -> None:
        runs.append(threading.current_thread().name)
        if len(runs) == 3:
            third.set()

    keeper.add(task)
    keeper.start()
    assert third.wait(5)
    keeper.stop()
    done = len(runs)
    assert done >= 4
    assert set(runs) == {"gateway-housekeeper"}
    assert {t.name for t in set(threading.enumerate()) - others} == set()


def test_a_task_that_fails_stops_neither_the_others_nor_itself(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is logged."""
    ran: list[int] = []

    def failing() -> None:
        raise ValueError("task")

    keeper = Housekeeper()
    keeper.add(failing)
    keeper.add(lambda: ran.append(1))
    with caplog.at_level(logging.ERROR):
        keeper.tick()
        keeper.tick()
    assert ran == [1, 1]
    assert "housekeeping task failed" in caplog.text


def test_a_task_can_be_due_at_some_ticks_only() -> None:
    """At the first, at every so many after it, and at the last one in any case."""
    ticks: list[None] = []
    ran: list[int] = []
    keeper = Housekeeper()
    keeper.add(lambda: ticks.append(None))
    keeper.add(lambda: ran.append(len(ticks)), every=4)
    for _ in range(10):
        keeper.tick()
    assert ran == [1, 5, 9]
    keeper.stop()
    keeper.tick()
    assert ran == [1, 5, 9, 11]
