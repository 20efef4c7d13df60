"""The embedded store: exact for all who share it, all or nothing, and never in the way."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ratelimit.locks import LockTimeout
from gateway.ratelimit.rate import SECOND, Rate
from gateway.ratelimit.store import (
    Demand,
    EmbeddedStore,
    Limit,
    NoStore,
    StoreUnavailable,
)
from gateway.ratelimit.table import LEAST_BYTES, STRIPES, Table
from tests.ratelimit.processes import programs

START = 5 * SECOND


class Clock:
    """Time that passes when told to."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> int:
        return self.now


class Harness:
    """A store with a clock, and what it forgot."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.forgotten = 0
        self.table = Table(None, LEAST_BYTES)
        self.store = EmbeddedStore(self.table, self._forget, self.clock)

    def _forget(self) -> None:
        self.forgotten += 1

    def passes(self, *demands: Demand, times: int = 1) -> int:
        return sum(self.store.take(demands).passes for _ in range(times))


@pytest.fixture
def harness() -> Iterator[Harness]:
    made = Harness()
    yield made
    made.store.close()


def demand(key: str, *rates: Rate) -> Demand:
    return Demand(key.encode(), tuple(Limit.of(str(rate), rate) for rate in rates))


def test_a_limit_holds_and_is_paid_off(harness: Harness) -> None:
    """First the burst, then one in every interval."""
    ten = demand("key", Rate(10, 60, 10))
    assert harness.passes(ten, times=30) == 10
    harness.clock.now += 6 * SECOND - 1
    assert harness.passes(ten) == 0
    harness.clock.now += 1
    assert harness.passes(ten, times=5) == 1
    harness.clock.now += 3600 * SECOND
    assert harness.passes(ten, times=30) == 10


def test_keys_do_not_share(harness: Harness) -> None:
    """Each has the whole limit."""
    rate = Rate(3, 60, 3)
    assert [harness.passes(demand(str(n), rate), times=9) for n in range(50)] == [3] * 50


def test_all_rates_of_a_key_hold(harness: Harness) -> None:
    """The strictest at each moment."""
    both = demand("key", Rate(15, 60, 15), Rate(2, 1, 5))
    assert harness.passes(both, times=9) == 5
    passed = 5
    for _ in range(7):
        harness.clock.now += SECOND
        passed += harness.passes(both, times=9)
    assert passed == 15 + 7 // 4


def test_a_request_that_one_limit_refuses_counts_against_none(harness: Harness) -> None:
    """Of the same key or of another."""
    narrow, wide = Rate(1, 3600, 1), Rate(10, 3600, 10)
    together = [demand("one", wide, narrow), demand("two", wide)]
    assert harness.passes(*together, times=50) == 1
    assert harness.passes(demand("one", wide), times=50) == 9
    assert harness.passes(demand("two", wide), times=50) == 9


def test_the_verdict_has_the_debt_of_every_limit(harness: Harness) -> None:
    """In the order they were asked in; after the request if it passes, else as it is."""
    one, two = Rate(2, 60, 2), Rate(1, 1, 7)
    demands = [demand("a", one, two), demand("b", two)]
    assert harness.store.take(demands) == (True, [30 * SECOND, SECOND, SECOND])
    assert harness.store.take(demands) == (True, [60 * SECOND, 2 * SECOND, 2 * SECOND])
    harness.clock.now += SECOND // 2
    refused = harness.store.take(demands)
    assert refused == (False, [59 * SECOND + SECOND // 2, 3 * SECOND // 2, 3 * SECOND // 2])


def test_a_debt_that_cannot_be_is_none(harness: Harness) -> None:
    """Whatever came to be in the memory, nobody is shut out for ever."""
    rate = Rate(3, 60, 3)
    place = harness.table.place(b"key")
    limit = Limit.of("", rate)
    harness.table.add(place, limit.mark, 2**62, START)
    assert harness.passes(demand("key", rate), times=9) == 3


def test_what_had_to_be_forgotten_is_told(harness: Harness) -> None:
    """Each debt once, and nothing while there is room."""
    rate = Rate(5, 60, 5)
    harness.passes(demand("key", rate), times=9)
    assert harness.forgotten == 0
    for number in range(3 * STRIPES * 16):
        harness.passes(demand(str(number), rate))
    assert harness.forgotten == pytest.approx(2 * STRIPES * 16, rel=0.2)


def test_one_that_is_found_is_not_written_over_by_one_that_is_new() -> None:
    """Though the new one takes its place in a full bucket."""
    made = Harness()
    old, new = Rate(100, 60, 100), Rate(2, 3600, 2)
    made.passes(demand("key", old))
    place = made.table.place(b"key")
    for number in itertools.count():
        key = b"%d" % number
        if made.table.place(key).bucket == place.bucket:
            made.passes(Demand(key, demand("", new).limits))
            if made.forgotten:
                break
    made.passes(demand("key", old))
    assert made.passes(demand("key", old, new)) == 1
    assert made.store.take([demand("key", new)]).debts == [3600 * SECOND]
    made.store.close()


@given(
    st.lists(
        st.tuples(st.sets(st.sampled_from("abc"), min_size=1), st.integers(0, 2 * SECOND)),
        max_size=60,
    )
)
def test_it_decides_as_the_rates_alone_would(requests: list[tuple[set[str], int]]) -> None:
    """Several keys at once, time between: what a plain dictionary of debts says."""
    made, rates = Harness(), (Rate(3, 1, 4), Rate(7, 10, 7))
    debts = {(key, rate): 0 for key in "abc" for rate in rates}
    for keys, pause in requests:
        made.clock.now += pause
        debts = {each: max(0, debt - pause) for each, debt in debts.items()}
        asked = [(key, rate) for key in sorted(keys) for rate in rates]
        passes = all(rate.allows(debts[key, rate]) for key, rate in asked)
        if passes:
            debts.update({(key, rate): debts[key, rate] + rate.interval for key, rate in asked})
        verdict = made.store.take([demand(key, *rates) for key in sorted(keys)])
        assert verdict == (passes, [debts[each] for each in asked])
    made.store.close()


def together(works: list[Callable[[], None]]) -> None:
    threads = [Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_threads_share_a_limit_exactly(harness: Harness) -> None:
    """And wait for each other in no circle, whatever keys they ask for and in what order."""
    shared = demand("shared", Rate(100, 3600, 100))
    own = [demand(f"own {n}", Rate(1000, 1, 1000)) for n in range(8)]
    passed: list[int] = []

    def ask(order: int) -> None:
        demands = [shared, *own] if order % 2 else [*reversed(own), shared]
        passed.append(sum(harness.store.take(demands).passes for _ in range(50)))

    together([lambda order=order: ask(order) for order in range(8)])  # type: ignore[misc]
    assert sum(passed) == 100


ASK = """
import sys
from pathlib import Path
from gateway.ratelimit.rate import Rate
from gateway.ratelimit.store import Demand, EmbeddedStore, Limit
from gateway.ratelimit.table import Table
store = EmbeddedStore(Table(Path(sys.argv[1]), 0))
demands = [
    Demand(key, (Limit.of("", Rate(500, 86400, 500)), Limit.of("", Rate(10**6, 1, 10**6))))
    for key in (b"one", b"two")
]
print("ready", flush=True)
sys.stdin.readline()
passed = 0
for number in range(int(sys.argv[2])):
    passed += store.take(demands if number % 2 else demands[::-1]).passes
    if number % 100 == 0:
        print(passed, flush=True)
print("passed", passed, flush=True)
sys.stdin.readline()
"""


def passed_by(lines: Callable[[], str]) -> int:
    return int(next(line for line in iter(lines, "") if line.startswith("passed")).split()[1])


def test_processes_share_a_limit_exactly(tmp_path: Path) -> None:
    """What passes in all of them together is the limit."""
    with programs(3, ASK, tmp_path / "t", 1000) as asking:
        assert [program.line() for program in asking] == ["ready"] * 3
        for program in asking:
            program.tell("go")
        assert sum(passed_by(program.line) for program in asking) == 500


def test_a_process_that_is_killed_takes_nothing_with_it(tmp_path: Path) -> None:
    """At any moment: the rest goes on, the limit holds, every lock is free."""
    path = tmp_path / "t"
    with programs(4, ASK, path, 1_000_000) as doomed:
        assert [program.line() for program in doomed] == ["ready"] * 4
        for program in doomed:
            program.tell("go")
        for program in doomed:
            assert program.line()
            program.kill()
    store = EmbeddedStore(Table(path, 0))
    (once,) = [Demand(b"one", (Limit.of("", Rate(500, 86400, 500)),))]
    # What was killed between counting and saying so has counted.
    assert sum(store.take([once]).passes for _ in range(600)) <= 500
    keys = [demand(str(number), Rate(1, 1, 1)) for number in range(20 * STRIPES)]
    assert all(store.take([key]).passes for key in keys)
    store.close()


def test_a_lock_that_is_not_given_back_is_no_lock_for_ever(harness: Harness) -> None:
    """The store is down, then; nothing that was taken on the way is kept."""
    keys = [demand(str(number), Rate(1, 60, 1)) for number in range(4)]
    stripes = sorted({harness.table.place(key.key).stripe for key in keys})
    locks = harness.table.locks
    locks.acquire(stripes[-1], 1)
    caught: list[StoreUnavailable] = []

    def ask() -> None:
        try:
            harness.store.take(keys)
        except StoreUnavailable as error:
            caught.append(error)

    together([ask])
    assert len(caught) == 1
    locks.release(stripes[-1])
    for stripe in stripes:
        locks.acquire(stripe, 1)
    with pytest.raises(LockTimeout):
        locks.acquire(stripes[0], 0.001)
    for stripe in stripes:
        locks.release(stripe)
    assert harness.passes(*keys) == 1


def test_a_request_that_is_late_finds_the_store_closed(harness: Harness) -> None:
    """And not its memory gone."""
    once = demand("key", Rate(1, 60, 1))
    for _ in range(2):
        harness.store.close()
        with pytest.raises(StoreUnavailable, match="closed"):
            harness.store.take([once])


def test_where_no_store_could_be_made_everybody_is_told_why() -> None:
    """As of one that is down."""
    store = NoStore("the disk is full")
    store.start()
    with pytest.raises(StoreUnavailable, match="the disk is full"):
        store.take([])
    store.close()
