"""A bounded backlog and its one thread."""

from __future__ import annotations

import logging
import threading
import time
from threading import Event

import pytest

from gateway.backlog import Backlog
from tests.support.waiting import wait_for


def threads(name: str) -> int:
    return sum(thread.name == f"gateway-{name}" for thread in threading.enumerate())


def test_what_is_put_is_worked_off_in_order() -> None:
    """By one thread, that the first item starts and close ends."""
    done: list[int] = []
    backlog = Backlog("b-order", done.append, max_items=100, max_bytes=1000, gather_seconds=0)
    assert threads("b-order") == 0
    for number in range(50):
        assert backlog.put(number, 10)
    assert threads("b-order") == 1
    wait_for(lambda: backlog.snapshot().waiting == 0, "the backlog")
    assert backlog.put(50)
    assert backlog.close(5) == []
    assert done == list(range(51))
    assert threads("b-order") == 0
    assert backlog.snapshot() == (0, 0, 51, 0)


@pytest.mark.parametrize(
    ("sizes", "taken"),
    [([1] * 5, 3), ([40, 40, 40], 2), ([101], 0), ([100, 1], 1)],
    ids=["items", "bytes", "too-large", "to-the-brim"],
)
def test_what_has_no_room_is_refused_at_once(sizes: list[int], taken: int) -> None:
    """Three items or a hundred bytes, the one in progress included."""
    go = Event()
    backlog = Backlog("b", lambda item: go.wait(10), max_items=3, max_bytes=100)
    assert [backlog.put("x", size) for size in sizes].count(True) == taken
    go.set()
    assert backlog.close(5) == []
    assert backlog.snapshot() == (0, 0, taken, len(sizes) - taken)


def test_work_that_raises_is_logged_and_the_next_is_done(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whatever it raises."""
    done: list[int] = []

    def work(item: int) -> None:
        if item < 2:
            raise (ValueError if item else SystemExit)("of the work")
        done.append(item)

    backlog = Backlog("b", work, max_items=9, max_bytes=9)
    with caplog.at_level(logging.ERROR):
        assert all(backlog.put(number) for number in range(3))
        assert backlog.close(5) == []
    assert done == [2]
    assert [str(r.exc_info[1]) for r in caplog.records if r.exc_info] == ["of the work"] * 2


def test_work_that_never_ends_holds_up_nobody_at_the_end() -> None:
    """What is not done comes back, the one in progress first; the thread is no hindrance."""
    stuck, begun = Event(), Event()
    worked: list[int] = []

    def work(item: int) -> None:
        worked.append(item)
        begun.set()
        stuck.wait(30)

    backlog = Backlog("b-stuck", work, max_items=9, max_bytes=9)
    assert all(backlog.put(number) for number in range(3))
    assert begun.wait(5)
    began = time.monotonic()
    assert backlog.close(0.1) == [0, 1, 2]
    assert time.monotonic() - began < 2
    assert not backlog.put(3)
    stuck.set()
    wait_for(lambda: threads("b-stuck") == 0, "the thread to end")
    assert backlog.snapshot().held == 0
    assert worked == [0]


def test_nothing_is_worked_on_while_there_is_something_more_important() -> None:
    """Until there is not, or it is closed."""
    busy, asked, done = Event(), Event(), []
    busy.set()

    def hold() -> bool:
        asked.set()
        return busy.is_set()

    backlog = Backlog("b", done.append, max_items=9, max_bytes=9, hold=hold, gather_seconds=0.001)
    backlog.put(1)
    assert asked.wait(5)
    assert done == []
    busy.clear()
    wait_for(lambda: done == [1], "the work")
    busy.set()
    backlog.put(2)
    assert backlog.close(5) == []
    assert done == [1, 2]


def test_it_keeps_to_its_share_of_a_cpu() -> None:
    """A fifth: forty milliseconds of work take at least a hundred and sixty."""
    spent = []

    def work(item: int) -> None:
        end = time.thread_time() + 0.004
        while time.thread_time() < end:
            pass
        spent.append(item)

    backlog = Backlog("b", work, max_items=99, max_bytes=9, share=0.2, gather_seconds=0)
    began = time.monotonic()
    for number in range(10):
        backlog.put(number)
    wait_for(lambda: len(spent) == 10, "the work")
    assert time.monotonic() - began > 0.04 * 4 * 0.9
    backlog.close(1)


def test_without_a_thread_to_be_had_the_next_item_tries_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody who puts is told."""
    done: list[int] = []
    backlog = Backlog("b", done.append, max_items=9, max_bytes=9)

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        assert backlog.put(1)
    assert backlog.put(2)
    assert backlog.close(5) == []
    assert done == [1, 2]


def test_who_is_late_in_starting_it_leaves_it_with_one_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its first item may be done, and another put, before the one that started it goes on."""
    done: list[int] = []
    backlog = Backlog("b-late", done.append, max_items=9, max_bytes=9, gather_seconds=0)
    started: list[threading.Thread] = []

    class Late(threading.Thread):
        def start(self) -> None:
            started.append(self)
            super().start()
            if len(started) == 1:
                wait_for(lambda: backlog.snapshot().done == 1, "the first item")
                backlog.put(2)

    monkeypatch.setattr("gateway.backlog.Thread", Late)
    assert backlog.put(1)
    assert backlog.close(5) == []
    assert (len(started), done) == (1, [1, 2])
