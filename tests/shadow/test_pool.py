"""The bounded pool: what it takes, drops, and how it ends."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from threading import Event, Thread
from typing import Any

import pytest

from gateway.shadow.outcome import Outcome
from gateway.shadow.pool import ShadowPool
from tests.support.waiting import wait_for


class Recorder:
    """What the pool reported done."""

    def __init__(self) -> None:
        self.outcomes: Counter[Outcome] = Counter()
        self._lock = threading.Lock()

    def __call__(self, outcome: Outcome) -> None:
        with self._lock:
            self.outcomes[outcome] += 1


def pool(threads: int = 1, max_queue: int = 2, max_queue_bytes: int = 100) -> ShadowPool:
    return ShadowPool(threads=threads, max_queue=max_queue, max_queue_bytes=max_queue_bytes)


class Waiting:
    """Work that needs a thread of its own for all it does."""

    ends = 0.0

    def __init__(self, finish: Callable[[], Outcome]) -> None:
        self.finish = finish

    def begin(self) -> Outcome | None:
        return None

    def fileno(self) -> int:
        return -1

    def advance(self) -> Outcome | None:
        return None


answered = Waiting(lambda: Outcome.ANSWERED)


def idle(running: ShadowPool, done: int) -> None:
    """Wait until so many copies are done; closing would cancel what waits."""
    wait_for(lambda: running.snapshot().done == done, f"{done} copies to be done")


class Gate(Waiting):
    """Work that runs until it is let go."""

    def __init__(self) -> None:
        self.entered = Event()
        self.open = Event()

    def finish(self) -> Outcome:
        self.entered.set()
        self.open.wait(10)
        return Outcome.ANSWERED


def test_work_runs_on_a_pool_thread_and_its_outcome_is_told_once() -> None:
    """Never inline."""
    seen, done = [], Recorder()

    def work() -> Outcome:
        seen.append(threading.current_thread())
        return Outcome.ANSWERED

    running = pool()
    assert running.offer(Waiting(work), 1, done) is None
    assert running.close(5)
    assert done.outcomes == {Outcome.ANSWERED: 1}
    assert seen[0] is not threading.current_thread()


def test_copies_over_the_queue_limit_are_dropped_at_once() -> None:
    """One runs, two wait, the next is dropped; a place that frees is used again."""
    gate, done, running = Gate(), Recorder(), pool()
    assert running.offer(gate, 1, done) is None
    gate.entered.wait(5)
    taken = [running.offer(answered, 1, done) for _ in range(3)]
    assert taken == [None, None, Outcome.DROPPED_QUEUE_FULL]
    gate.open.set()
    idle(running, 3)
    assert running.offer(answered, 1, done) is None
    idle(running, 4)
    assert running.close(5)
    assert done.outcomes == {Outcome.ANSWERED: 4}


def test_copies_over_the_byte_limit_are_dropped_at_once() -> None:
    """Bytes in progress count as well as bytes waiting."""
    gate, done, running = Gate(), Recorder(), pool()
    assert running.offer(gate, 60, done) is None
    assert running.offer(answered, 41, done) is Outcome.DROPPED_BYTES_FULL
    assert running.offer(answered, 40, done) is None
    assert running.snapshot().queued_bytes == 100
    gate.open.set()
    assert running.close(5)
    assert running.snapshot().queued_bytes == 0


@pytest.mark.parametrize("error", [ValueError, SystemExit, KeyboardInterrupt, GeneratorExit])
def test_whatever_work_raises_ends_in_the_ledger(error: type[BaseException]) -> None:
    """Also what is no Exception; and the thread goes on to the next copy."""
    done, running = Recorder(), pool()

    def work() -> Outcome:
        raise error

    assert running.offer(Waiting(work), 1, done) is None
    assert running.offer(answered, 1, done) is None
    idle(running, 2)
    assert running.close(5)
    assert done.outcomes == {Outcome.FAILED_INTERNAL: 1, Outcome.ANSWERED: 1}


def test_closing_cancels_what_waits_and_waits_for_what_runs() -> None:
    """And takes nothing more; every permit comes back."""
    gate, done, running = Gate(), Recorder(), pool()
    for work in (gate, answered, answered):
        assert running.offer(work, 10, done) is None
    gate.entered.wait(5)
    assert not running.close(0)
    assert running.offer(answered, 1, done) is Outcome.DROPPED_DRAINING
    assert done.outcomes == {Outcome.DROPPED_DRAINING: 2}
    gate.open.set()
    assert running.close(5)
    assert done.outcomes == {Outcome.DROPPED_DRAINING: 2, Outcome.ANSWERED: 1}
    snapshot = running.snapshot()
    assert (snapshot.active, snapshot.queued, snapshot.queued_bytes) == (0, 0, 0)


def test_no_thread_is_left_after_closing() -> None:
    """The executor's threads are joined."""
    before = set(threading.enumerate())
    running = pool(threads=4, max_queue=50)
    for _ in range(20):
        running.offer(answered, 1, Recorder())
    assert running.close(5)
    assert set(threading.enumerate()) <= before


def test_the_oldest_copy_ages_by_the_clock() -> None:
    """What gateway_shadow_oldest_seconds shows."""
    now = [100.0]
    running = ShadowPool(threads=1, max_queue=5, max_queue_bytes=9, clock=lambda: now[0])
    gate = Gate()
    running.offer(gate, 1, Recorder())
    now[0] = 103.0
    running.offer(answered, 1, Recorder())
    assert running.snapshot().oldest_seconds == 3.0
    gate.open.set()
    assert running.close(5)
    assert running.snapshot().oldest_seconds == 0.0


def test_the_bounds_hold_under_many_threads() -> None:
    """Never above the limits; taken plus dropped is offered; all permits return."""
    done, running = Recorder(), pool(threads=2, max_queue=3, max_queue_bytes=1000)
    refused: Counter[Outcome | None] = Counter()
    most, lock = [0], threading.Lock()

    def work() -> Outcome:
        with lock:
            most[0] = max(most[0], running.snapshot().active)
        return Outcome.ANSWERED

    def offer_many() -> None:
        for _ in range(300):
            outcome = running.offer(Waiting(work), 1, done)
            with lock:
                refused[outcome] += 1

    threads = [Thread(target=offer_many) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    idle(running, refused[None])
    assert running.close(5)
    assert most[0] <= 2
    assert refused[None] == done.outcomes[Outcome.ANSWERED]
    assert sum(refused.values()) == 8 * 300
    assert running.snapshot().queued_bytes == 0


def test_its_repr_is_for_debugging() -> None:
    """Counters at a glance."""
    running = pool()
    running.close(1)
    running.offer(answered, 1, Recorder())
    assert repr(running) == "<ShadowPool [0 active, 0 queued | 0 done, 1 dropped]>"


@pytest.mark.parametrize("error", [RuntimeError, MemoryError])
@pytest.mark.parametrize("runs", [True, False], ids=["runs-all-the-same", "does-not-run"])
def test_a_submission_that_fails_is_booked_as_what_became_of_it(
    runs: bool, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The executor queues first and may then find no thread to start."""
    done, running = Recorder(), pool()

    def submit(run: Any, *arguments: Any) -> None:
        if runs:
            run(*arguments)
        raise error("can't start new thread")

    monkeypatch.setattr(running._executor, "submit", submit)
    if runs:
        assert running.offer(answered, 1, done) is None
        assert done.outcomes == {Outcome.ANSWERED: 1}
    elif error is RuntimeError:
        assert running.offer(answered, 1, done) is Outcome.DROPPED_QUEUE_FULL
    else:
        with pytest.raises(MemoryError):
            running.offer(answered, 1, done)
    assert running.snapshot().queued_bytes == 0
    assert running.close(1)
