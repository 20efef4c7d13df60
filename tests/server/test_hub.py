"""The hub, over a real epoll set and real sockets: who goes on when."""

from __future__ import annotations

import gc
import logging
import math
import os
import select
import socket
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Thread, get_ident
from typing import Any

import pytest

pytest.importorskip("greenlet")

from gateway.waiting import Gate, blocking, give_way, hub_here, pause, wait_for
from tests.support.turning import LONG, Turning


@pytest.fixture
def turning() -> Iterator[Turning]:
    turning = Turning()
    yield turning
    turning.close()


@pytest.fixture
def pairs() -> Iterator[Callable[[], tuple[socket.socket, socket.socket]]]:
    """Makes connected sockets, which do not outlive the test."""
    made: list[socket.socket] = []

    def pair() -> tuple[socket.socket, socket.socket]:
        two = socket.socketpair()
        made.extend(two)
        return two

    yield pair
    for each in made:
        each.close()


Pairs = Callable[[], tuple[socket.socket, socket.socket]]


def test_who_waits_for_a_descriptor_goes_on_when_something_happens_to_it(
    turning: Turning, pairs: Pairs
) -> None:
    """And is told what; until then others run, and again as often as it waits."""
    ours, theirs = pairs()
    got: list[object] = []

    def work() -> None:
        for _ in range(3):
            got.append(wait_for(ours.fileno(), select.POLLIN, LONG))
            got.append(ours.recv(9))

    turning.start(work)
    for number in (b"1", b"2", b"3"):
        turning.turn()
        assert len(got) % 2 == 0
        before = len(got)
        theirs.sendall(number)
        turning.turn_until(lambda before=before: len(got) > before)
    assert got == [select.POLLIN, b"1", select.POLLIN, b"2", select.POLLIN, b"3"]
    assert not turning.hub.waited_in
    assert turning.others == []


def test_who_waits_for_nothing_goes_on_when_its_time_is_over(
    turning: Turning, pairs: Pairs
) -> None:
    """Not before, and a few milliseconds after."""
    ours, _ = pairs()
    got: list[tuple[int, float]] = []
    began = time.monotonic()

    def work() -> None:
        got.append((wait_for(ours.fileno(), select.POLLIN, 0.05), time.monotonic() - began))

    turning.start(work)
    turning.turn_until(lambda: got)
    happened, seconds = got[0]
    assert happened == 0
    assert 0.05 <= seconds < 1.0
    assert turning.hub.patience() == -1.0
    assert not turning.hub.waited_in


def test_waits_end_in_the_order_of_their_times(turning: Turning) -> None:
    """Whoever came first; each new one is noticed if it is the soonest, or the last."""
    ended: list[float] = []

    def work(seconds: float) -> None:
        pause(seconds)
        ended.append(seconds)

    for seconds in (0.06, 0.02, 0.04, 0.0):
        turning.hub.start(work, seconds)
    turning.turn_until(lambda: len(ended) == 4)
    assert ended == [0.0, 0.02, 0.04, 0.06]


def test_a_wait_may_be_longer_than_the_kernel_can_count(turning: Turning) -> None:
    """Which would be an error, and so the end of everybody's waits."""
    turning.start(lambda: pause(1e9))
    turning.start(lambda: pause(math.inf))
    assert 0 < turning.hub.patience() < 2**31 / 1000
    turning.epoll.poll(min(0.01, turning.hub.patience()))


def test_many_wait_at_once(turning: Turning, pairs: Pairs) -> None:
    """Each hears of its own; more than are kept to be used again."""
    sockets = [pairs() for _ in range(300)]
    got: dict[int, bytes] = {}

    def work(number: int) -> None:
        wait_for(sockets[number][0].fileno(), select.POLLIN, LONG)
        got[number] = sockets[number][0].recv(9)

    for number in range(300):
        turning.hub.start(work, number)
    assert repr(turning.hub) == "<Hub [300 waiting, 0 spare]>"
    for number in reversed(range(300)):
        sockets[number][1].sendall(b"%d" % number)
    turning.turn_until(lambda: len(got) == 300)
    assert got == {number: b"%d" % number for number in range(300)}
    assert repr(turning.hub) == "<Hub [0 waiting, 64 spare]>"


def test_others_run_meanwhile(turning: Turning, pairs: Pairs) -> None:
    """One that waits holds up neither those who were started nor those who come."""
    ours, theirs = pairs()
    done: list[str] = []

    def waits() -> None:
        wait_for(ours.fileno(), select.POLLIN, LONG)
        done.append("waits")

    turning.start(waits)
    turning.start(lambda: done.append("goes"))
    assert done == ["goes"]
    theirs.sendall(b"x")
    turning.turn_until(lambda: len(done) == 2)


def test_a_descriptor_nobody_waits_for_is_not_the_hubs(turning: Turning, pairs: Pairs) -> None:
    """It may be a client's."""
    ours, theirs = pairs()
    turning.epoll.register(ours, select.EPOLLIN | select.EPOLLONESHOT)
    theirs.sendall(b"x")
    turning.turn(LONG)
    assert turning.others == [ours.fileno()]


def test_a_wait_that_is_over_is_not_told_of_what_happens_then(
    turning: Turning, pairs: Pairs
) -> None:
    """It is nobody's, once; the next wait for the descriptor is one of its own."""
    ours, theirs = pairs()
    got: list[int] = []

    def work() -> None:
        got.append(wait_for(ours.fileno(), select.POLLIN, 0.0))
        pause(LONG)

    turning.start(work)
    turning.turn_until(lambda: got)
    theirs.sendall(b"x")
    turning.turn(LONG)
    assert got == [0]
    assert turning.others == [ours.fileno()]
    turning.turn()
    assert turning.others == [ours.fileno()]


def test_a_closed_descriptors_number_can_be_waited_for_again(
    turning: Turning, pairs: Pairs
) -> None:
    """It is another descriptor then, which the epoll set has never heard of."""
    ours, theirs = pairs()
    number = ours.fileno()
    got: list[int] = []

    def work() -> None:
        got.append(wait_for(number, select.POLLIN, LONG))

    turning.start(work)
    theirs.sendall(b"x")
    turning.turn_until(lambda: got)
    ours.close()
    again, peer = pairs()
    assert number in (again.fileno(), peer.fileno())
    writer = peer if again.fileno() == number else again
    turning.start(work)
    writer.sendall(b"x")
    turning.turn_until(lambda: len(got) == 2)
    assert got == [select.POLLIN, select.POLLIN]


def test_who_waits_for_what_was_closed_goes_on_when_another_has_the_number(
    turning: Turning, pairs: Pairs
) -> None:
    """Else it would wait for ever: only one can be told."""
    ours, _ = pairs()
    number = ours.fileno()
    got: list[tuple[str, int]] = []

    def work(name: str) -> None:
        got.append((name, wait_for(number, select.POLLIN, LONG)))

    turning.hub.start(work, "first")
    ours.close()
    again, peer = pairs()
    turning.hub.start(work, "second")
    turning.turn_until(lambda: got)
    assert got == [("first", 0)]
    (peer if again.fileno() == number else again).sendall(b"x")
    turning.turn_until(lambda: len(got) == 2)
    assert got[1] == ("second", select.POLLIN)


def test_a_descriptor_that_is_closed_cannot_be_waited_for(turning: Turning) -> None:
    """Whoever wants to is told, and leaves nothing behind."""
    got: list[OSError] = []

    def work() -> None:
        try:
            wait_for(-1, select.POLLIN, LONG)
        except OSError as error:
            got.append(error)

    turning.start(work)
    assert len(got) == 1
    assert not turning.hub.waited_in


def park_at(gate: list[Gate], ended: list[bool], seconds: float = LONG) -> None:
    gate.append(Gate())
    ended.append(gate[0].wait(seconds))


def test_a_gate_is_opened_from_another_thread(turning: Turning) -> None:
    """Which wakes the hub's, that sleeps until something happens."""
    gate: list[Gate] = []
    ended: list[bool] = []
    turning.start(lambda: park_at(gate, ended))
    turning.turn()
    assert ended == []
    opening = Thread(target=gate[0].let_pass)
    began = time.monotonic()
    opening.start()
    turning.turn(LONG)
    assert time.monotonic() - began < LONG / 2
    assert ended == [True]
    opening.join(LONG)
    turning.turn()
    assert turning.others == []


def test_a_gate_is_opened_from_the_hubs_own_thread(turning: Turning) -> None:
    """By another greenlet, in this round: nobody sleeps before who waited went on."""
    gate: list[Gate] = []
    ended: list[bool] = []
    turning.start(lambda: park_at(gate, ended))
    turning.start(lambda: gate[0].let_pass())
    assert turning.hub.patience() == 0.0
    turning.turn()
    assert ended == [True]


def test_a_gate_that_is_open_is_passed_at_once(turning: Turning) -> None:
    """The opening of it that comes later wakes nobody who waits for something else."""
    gates: list[Gate] = []
    ended: list[bool] = []

    def work() -> None:
        gates.append(Gate())
        gates[0].let_pass()
        ended.append(gates[0].wait(LONG))
        ended.append(Gate().wait(0.05))

    turning.start(work)
    assert ended == [True]
    turning.turn()
    assert ended == [True]
    turning.turn_until(lambda: len(ended) == 2)
    assert ended == [True, False]


def test_a_gate_is_waited_at_for_so_long(turning: Turning) -> None:
    """Who opens it then opens it for nobody."""
    gate: list[Gate] = []
    ended: list[bool] = []
    turning.start(lambda: park_at(gate, ended, 0.02))
    turning.turn_until(lambda: ended)
    gate[0].let_pass()
    turning.turn()
    assert ended == [False]
    assert not turning.hub.waited_in


def test_gates_are_opened_whenever_somebody_waits(turning: Turning) -> None:
    """By threads that are faster, or slower: no opening is lost."""
    passed: list[bool] = []
    with ThreadPoolExecutor(4) as threads:

        def work() -> None:
            for _ in range(50):
                gate = Gate()
                threads.submit(gate.let_pass)
                passed.append(gate.wait(LONG))

        for _ in range(20):
            turning.start(work)
        turning.turn_until(lambda: len(passed) == 1000)
    assert all(passed)


def test_what_blocks_is_done_on_another_thread(turning: Turning) -> None:
    """Others run until it is done; what it came to is what it would have come to here."""
    may_end = Event()
    got: list[Any] = []

    def stuck() -> str:
        assert hub_here() is None
        assert may_end.wait(LONG)
        return f"{get_ident()}"

    turning.start(lambda: got.append(blocking(stuck)))
    turning.start(lambda: got.append("goes on"))
    turning.turn()
    assert got == ["goes on"]
    may_end.set()
    turning.turn_until(lambda: len(got) == 2)
    assert got[1] != f"{get_ident()}"


@pytest.mark.parametrize("failure", [ZeroDivisionError, SystemExit, KeyboardInterrupt])
def test_what_blocks_may_raise(turning: Turning, failure: type[BaseException]) -> None:
    """Its exception is raised where it was wanted, and the thread goes on."""
    got: list[object] = []

    def fail() -> None:
        raise failure("so")

    def work() -> None:
        with pytest.raises(failure, match="so"):
            blocking(fail)
        got.append(blocking(lambda: "went on"))

    turning.start(work)
    turning.turn_until(lambda: got)
    assert got == ["went on"]


def test_who_gives_way_goes_on_in_the_next_round(turning: Turning, pairs: Pairs) -> None:
    """When those whose descriptors are ready had their turn."""
    ours, theirs = pairs()
    done: list[str] = []

    def much() -> None:
        theirs.sendall(b"x")
        for _ in range(3):
            done.append("much")
            give_way()

    def little() -> None:
        wait_for(ours.fileno(), select.POLLIN, LONG)
        done.append("little")

    turning.start(little)
    turning.start(much)
    turning.turn_until(lambda: len(done) == 4)
    assert done == ["much", "little", "much", "much"]


@pytest.mark.parametrize("failure", [ValueError, SystemExit, KeyboardInterrupt])
def test_work_that_raises_is_logged_and_ends_nobody_else(
    turning: Turning, failure: type[BaseException], caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever it raises: what leaves a greenlet would end all that are on its thread."""
    done: list[str] = []

    def fail() -> None:
        pause(0.0)
        raise failure("oh")

    turning.start(fail)
    turning.start(lambda: (pause(0.01), done.append("another")))
    with caplog.at_level(logging.ERROR):
        turning.turn_until(lambda: done)
    (record,) = caplog.records
    assert record.message == "A request's greenlet failed"
    assert record.exc_info is not None
    assert record.exc_info[0] is failure
    assert repr(turning.hub) == "<Hub [0 waiting, 2 spare]>"


def test_what_a_greenlet_had_is_not_kept_with_it() -> None:
    """A spare one keeps nobody's request."""

    class Item:
        pass

    turning = Turning()
    item = Item()
    kept = weakref.ref(item)
    turning.hub.start(lambda item: pause(0.0), item)
    del item
    turning.turn()
    assert repr(turning.hub) == "<Hub [0 waiting, 1 spare]>"
    assert kept() is None
    turning.close()


def test_a_closed_hub_is_not_this_threads_any_more() -> None:
    """What waits here from then on blocks; who opens a gate late hurts nobody, nor a
    descriptor that has the number of one of the hub's."""
    turning = Turning()
    gates: list[Gate] = []
    turning.start(lambda: park_at(gates, []))
    turning.close()
    assert hub_here() is None
    assert not Gate().wait(0.0)
    before = set(os.listdir("/proc/self/fd"))
    new = [os.eventfd(0, os.EFD_NONBLOCK) for _ in range(50)]
    late = Thread(target=gates[0].let_pass)
    late.start()
    late.join(LONG)
    for fd in new:
        with pytest.raises(BlockingIOError):
            os.eventfd_read(fd)
        os.close(fd)
    assert set(os.listdir("/proc/self/fd")) <= before


def test_a_hub_leaves_no_descriptor_behind() -> None:
    """When nobody has it any more."""

    def use() -> None:
        turning = Turning()
        turning.start(lambda: pause(0.0))
        turning.turn()
        turning.close()

    use()
    gc.collect()
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(10):
        use()
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) <= before
