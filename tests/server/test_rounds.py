"""What comes first in a round, and how the rounds end."""

from __future__ import annotations

import os
import select
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("greenlet")

from gateway.server.epoll_worker import EpollWorker, Next
from gateway.server.rounds import Rounds
from gateway.waiting import Gate, give_way, wait_for
from tests.server.conftest import serving
from tests.support.client import BrokenAnswer
from tests.support.turning import Turning
from tests.support.waiting import wait_for as eventually

LONG = 10.0

Request = Callable[[], object]


class Work:
    """A worker whose clients' requests are functions: in hand, or behind a descriptor."""

    def __init__(self) -> None:
        self.epoll = select.epoll()
        self.stopped = False
        # Of those who wait to be let in, and of those that come by a descriptor.
        self.waiting: deque[Request] = deque()
        self.clients: dict[int, Request] = {}
        self.sockets: list[socket.socket] = []
        self._stop, self._end = os.pipe()[::-1]
        self.epoll.register(self._end, select.EPOLLIN)

    def client(self, request: Request) -> Callable[[], None]:
        """One whose request comes when the function is called that is returned."""
        ours, theirs = socket.socketpair()
        self.sockets += [ours, theirs]
        self.clients[ours.fileno()] = request
        self.epoll.register(ours, select.EPOLLIN | select.EPOLLONESHOT)
        return lambda: theirs.sendall(b"x")

    def stop(self) -> None:
        os.close(self._stop)

    def close(self) -> None:
        self.epoll.close()
        os.close(self._end)
        for each in self.sockets:
            each.close()

    # -- what the rounds call --------------------------------------------------------------

    def most(self) -> int:
        return 64

    def heard(self) -> None:
        self.epoll.unregister(self._end)

    def let_in(self) -> Any:
        return self.waiting.popleft() if self.waiting else None

    def turn(self, fd: int) -> Any:
        if fd == self._end:
            self.stopped = True
        return self.clients.get(fd)

    def answer(self, conn: Any) -> None:
        conn()


@pytest.fixture
def work() -> Iterator[Work]:
    work = Work()
    yield work
    work.close()


@pytest.fixture
def rounds(work: Work) -> Iterator[Rounds]:
    """Not begun; ended with the test."""
    rounds = Rounds(work)
    yield rounds
    if rounds.alive:
        work.stop()
        rounds.join(LONG)
        assert not rounds.alive


def test_those_who_were_here_go_on_before_others_begin(work: Work, rounds: Rounds) -> None:
    """All of them, though they came last: else more would begin than can be gone on with."""
    order: list[str] = []
    done = Event()
    upstreams = [socket.socketpair() for _ in range(20)]
    work.sockets += [each for pair in upstreams for each in pair]

    def waits(number: int) -> None:
        wait_for(upstreams[number][0].fileno(), select.POLLIN, LONG)
        order.append("went on")

    def begins() -> None:
        order.append("began")
        if order.count("began") == 30:
            done.set()

    def all_at_once() -> None:
        """In a round of its own, so that all of it is there in the next."""
        for _ in range(30):
            work.client(begins)()
        for _, theirs in upstreams:
            theirs.sendall(b"x")

    for number in range(20):
        work.waiting.append(lambda number=number: waits(number))
    work.waiting.append(all_at_once)
    rounds.start()
    work.client(lambda: None)()
    assert done.wait(LONG)
    assert order == ["went on"] * 20 + ["began"] * 30


def test_new_ones_begin_a_few_at_a_time(work: Work, rounds: Rounds) -> None:
    """Who goes on meanwhile waits for those few."""
    order: list[str] = []
    done = Event()
    gates: list[Gate] = []

    def waits() -> None:
        gates.append(Gate())
        gates[0].wait(LONG)
        order.append("went on")

    def begins() -> None:
        order.append("began")
        gates[0].let_pass()
        if len(order) == 31:
            done.set()

    work.waiting.append(waits)
    work.waiting.extend([begins] * 30)
    rounds.start()
    work.client(lambda: None)()
    assert done.wait(LONG)
    assert order.index("went on") < 10


@pytest.mark.parametrize("number", [1, 4, 5, 50])
def test_all_that_may_begin_do_though_nothing_happens(
    work: Work, rounds: Rounds, number: int
) -> None:
    """Those who wait to be let in, when others leave: no event tells of them."""
    left = [None] * number
    done = Event()

    def begins() -> None:
        left.pop()
        if not left:
            done.set()

    rounds.start()
    work.client(lambda: work.waiting.extend([begins] * number))()
    assert done.wait(LONG)


def test_a_request_begun_in_a_round_can_let_another_go_on(work: Work, rounds: Rounds) -> None:
    """Without anything that happens then."""
    gates: list[Gate] = []
    done = Event()

    def waits() -> None:
        gates.append(Gate())
        if gates[0].wait(LONG):
            done.set()

    work.waiting.extend([waits, lambda: gates[0].let_pass()])
    rounds.start()
    work.client(lambda: None)()
    assert done.wait(LONG)


def test_the_thread_sleeps_while_there_is_nothing_to_do(work: Work, rounds: Rounds) -> None:
    """Also after it was told to stop, while somebody waits still."""
    gates: list[Gate] = []
    waits, done = Event(), Event()

    def wait() -> None:
        gates.append(Gate())
        waits.set()
        if gates[0].wait(LONG):
            done.set()

    begun: list[None] = []
    work.waiting.append(wait)
    rounds.start()
    late = work.client(lambda: begun.append(None))
    work.client(lambda: None)()
    assert waits.wait(LONG)
    work.stop()
    eventually(lambda: work.stopped, "the stop")
    late()
    rounds.join(0.05)
    assert rounds.alive
    (thread,) = (each for each in threading.enumerate() if each.name == "requests")
    used = _cpu_seconds(thread)
    rounds.join(0.2)
    assert _cpu_seconds(thread) - used < 0.1
    # It had its end, and nobody began meanwhile.
    gates[0].let_pass()
    assert done.wait(LONG)
    rounds.join(LONG)
    assert not rounds.alive
    assert begun == []


def _cpu_seconds(thread: threading.Thread) -> float:
    told = Path(f"/proc/self/task/{thread.native_id}/stat").read_text().rpartition(")")[2].split()
    return (int(told[11]) + int(told[12])) / os.sysconf("SC_CLK_TCK")


def test_a_client_that_sends_many_at_once_takes_turns_with_others() -> None:
    """Each of its requests may be answered without anything to wait for."""
    turns: list[str] = []

    class Worker(SimpleNamespace):
        left = 4

        def _work_on(self, conn: object, action: object) -> Next:
            turns.append("many")
            self.left -= 1
            return Next.RUN if self.left else Next.WAIT

    def another() -> None:
        for _ in range(3):
            turns.append("another")
            give_way()

    with closing(Turning()) as turning:
        worker: Any = Worker(_run=None)
        turning.start(lambda: EpollWorker.answer(worker, worker))
        turning.start(another)
        turning.turn_until(lambda: len(turns) == 7)
    assert turns == ["many", "another"] * 3 + ["many"]


def test_a_worker_whose_thread_failed_is_replaced(tmp_path: Path) -> None:
    """Rather than take connections that nobody would answer."""
    conf = f"""
        from pathlib import Path

        def post_worker_init(worker):
            let_in = worker.let_in

            def fails():
                if Path({str(tmp_path / "fail")!r}).exists():
                    raise MemoryError("no more")
                return let_in()

            worker.let_in = fails
    """
    conf = "\n".join(line[8:] for line in conf.splitlines())
    limits = {"lets_others_run": True}
    with serving(tmp_path, conf=conf, limits=limits, graceful_timeout=1) as server:
        failed = server.worker().pid
        (tmp_path / "fail").touch()
        with server.client() as client, pytest.raises((BrokenAnswer, ConnectionError)):
            client.request("GET", "/counts")
        (tmp_path / "fail").unlink()
        assert server.counts()["pid"] != failed
        assert "MemoryError: no more" in server.output
