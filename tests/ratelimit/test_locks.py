"""Locks in shared memory: one holder at a time, and none for ever."""

from __future__ import annotations

import mmap
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Thread

import pytest

from gateway.ratelimit.locks import (
    MUTEX_BYTES,
    ROBUST_MUTEXES,
    ByteLocks,
    Locks,
    LockTimeout,
    RobustMutexes,
)
from gateway.waiting import pause
from tests.ratelimit.processes import programs
from tests.support.turning import Turning

NUMBER = 4
LONG = 20.0

# What both sides do; the kind of lock is the second argument.
OPEN = """
import mmap, os, sys
from gateway.ratelimit.locks import ByteLocks, RobustMutexes
descriptor = os.open(sys.argv[1], os.O_RDWR)
memory = mmap.mmap(descriptor, 0)
locks = RobustMutexes(memory, 4096) if sys.argv[2] == "mutex" else ByteLocks(descriptor, 4)
"""
HOLD = (
    OPEN
    + """
locks.acquire(3, 20.0)
print("held", flush=True)
sys.stdin.readline()
locks.release(3)
print("released", flush=True)
sys.stdin.readline()
"""
)
# Reads, writes and tells the time of day in between: without the lock counts get lost.
COUNT = (
    OPEN
    + """
print("ready", flush=True)
sys.stdin.readline()
for _ in range(2000):
    locks.acquire(1, 20.0)
    seen = int.from_bytes(memory[:8], "little")
    os.getppid()
    memory[:8] = (seen + 1).to_bytes(8, "little")
    locks.release(1)
print("done", flush=True)
"""
)


class Shared:
    """Locks in a file, as this process sees them."""

    def __init__(self, path: Path, kind: str) -> None:
        self.path, self.kind = path, kind
        self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
        os.ftruncate(self.descriptor, 8192)
        self.memory = mmap.mmap(self.descriptor, 0)
        self.locks: Locks = ByteLocks(os.dup(self.descriptor), NUMBER)
        if kind == "mutex":
            mutexes = RobustMutexes(self.memory, 4096)
            mutexes.create(NUMBER)
            self.locks = mutexes
        assert NUMBER * MUTEX_BYTES <= 4096


mutex = pytest.param(
    "mutex", marks=pytest.mark.skipif(not ROBUST_MUTEXES, reason="the C library has none")
)


@pytest.fixture(params=[mutex, "byte"])
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shared]:
    made = Shared(tmp_path / "locks", request.param)
    yield made
    made.memory.close()
    os.close(made.descriptor)


def test_one_process_at_a_time(shared: Shared) -> None:
    """Three that count in the same place lose nothing."""
    with programs(3, COUNT, shared.path, shared.kind) as counting:
        assert [program.line() for program in counting] == ["ready"] * 3
        for program in counting:
            program.tell("go")
        assert [program.line() for program in counting] == ["done"] * 3
    assert int.from_bytes(shared.memory[:8], "little") == 6000


def test_one_thread_at_a_time(shared: Shared) -> None:
    """Those of one process too."""
    counted = 0

    def count() -> None:
        nonlocal counted
        for _ in range(300):
            shared.locks.acquire(1, LONG)
            seen = counted
            os.getppid()  # gives up the interpreter lock
            counted = seen + 1
            shared.locks.release(1)

    together(count, 8)
    assert counted == 8 * 300


def together(work: Callable[[], None], number: int) -> None:
    threads = [Thread(target=work) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_locks_are_independent(shared: Shared) -> None:
    """Who holds one leaves the others to the rest."""
    with programs(1, HOLD, shared.path, shared.kind) as (holder,):
        assert holder.line() == "held"
        shared.locks.acquire(2, LONG)
        shared.locks.release(2)


def test_a_holder_that_is_killed_leaves_the_lock(shared: Shared) -> None:
    """To the next who comes, and to those after it."""
    with programs(1, HOLD, shared.path, shared.kind) as (holder,):
        assert holder.line() == "held"
        holder.kill()
    for _ in range(2):
        shared.locks.acquire(3, LONG)
        shared.locks.release(3)


def test_who_waits_when_the_holder_is_killed_gets_it(shared: Shared) -> None:
    """At once, and not when its patience ends."""
    waiting, got = Event(), Event()

    def wait() -> None:
        waiting.set()
        shared.locks.acquire(3, LONG)
        got.set()
        shared.locks.release(3)

    with programs(1, HOLD, shared.path, shared.kind) as (holder,):
        assert holder.line() == "held"
        thread = Thread(target=wait)
        thread.start()
        waiting.wait(LONG)
        assert not got.wait(0.05)
        holder.kill()
        thread.join()
    assert got.is_set()


def test_a_holder_that_is_stopped_costs_patience_only(shared: Shared) -> None:
    """Nobody waits for ever; and it finds its lock when it goes on."""
    with programs(1, HOLD, shared.path, shared.kind) as (holder,):
        assert holder.line() == "held"
        holder.signal(signal.SIGSTOP)
        with pytest.raises(LockTimeout):
            shared.locks.acquire(3, 0.01)
        holder.signal(signal.SIGCONT)
        holder.tell("go on")
        assert holder.line() == "released"
        shared.locks.acquire(3, LONG)
        shared.locks.release(3)


def test_a_holder_that_is_stopped_holds_up_no_other_request(shared: Shared) -> None:
    """Where many take turns on one thread, they do so while one of them waits for the lock."""
    if shared.kind != "mutex":
        pytest.skip("systems without robust mutexes have no such worker")
    turns: list[float] = []
    gave_up = False

    def take() -> None:
        nonlocal gave_up
        with pytest.raises(LockTimeout):
            shared.locks.acquire(3, 0.3)
        gave_up = True

    def others() -> None:
        while not gave_up:
            turns.append(time.monotonic())
            pause(0.01)

    with programs(1, HOLD, shared.path, shared.kind) as (holder,):
        assert holder.line() == "held"
        turning = Turning()
        turning.start(take)
        turning.start(others)
        turning.turn_until(lambda: gave_up)
        turning.close()
    assert len(turns) > 5


def test_a_thread_that_has_it_is_waited_for_no_longer_than_asked(shared: Shared) -> None:
    """Within a process as between two; and giving up takes nothing away."""
    shared.locks.acquire(0, LONG)

    def give_up() -> None:
        with pytest.raises(LockTimeout):
            shared.locks.acquire(0, 0.01)

    together(give_up, 2)
    shared.locks.release(0)
    shared.locks.acquire(0, LONG)
    shared.locks.release(0)
