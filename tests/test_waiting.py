"""Waiting where there is no hub: on the threads of any process."""

from __future__ import annotations

import math
import os
import select
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Thread, get_ident

import pytest

from gateway.waiting import Gate, blocking, give_way, hub_here, pause, use_hub, wait_for
from tests.support.waiting import wait_for as eventually

LONG = 10.0


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


@pytest.mark.parametrize("seconds", [0.0, 0.05, LONG, math.inf])
def test_a_gate_that_is_open_is_not_waited_at(seconds: float) -> None:
    """Opened before anybody came, and for good; nobody has to be in time."""
    gate = Gate()
    gate.let_pass()
    began = time.monotonic()
    assert gate.wait(seconds)
    assert gate.open
    assert time.monotonic() - began < LONG / 2


def test_who_waits_at_a_gate_goes_on_when_another_thread_opens_it() -> None:
    """The wait is not for the time that it may take."""
    gates: list[Gate] = []
    waits = Event()

    def wait() -> bool:
        gates.append(Gate())
        waits.set()
        return gates[0].wait(math.inf)

    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(wait)
        assert waits.wait(LONG)
        assert not waiting.done()
        gates[0].let_pass()
        assert waiting.result(LONG)


@pytest.mark.parametrize("seconds", [-1.0, 0.0, 0.05], ids=str)
def test_a_closed_gate_is_waited_at_for_so_long(seconds: float) -> None:
    """No time left is no time, and not for ever."""
    gate = Gate()
    began = time.monotonic()
    assert not gate.wait(seconds)
    assert time.monotonic() - began >= seconds
    assert repr(gate) == "<Gate [closed]>"


def test_a_gate_may_be_opened_after_the_wait_was_over() -> None:
    """Whoever opens it need not know; nobody hears of it."""
    gate = Gate()
    assert not gate.wait(0.0)
    gate.let_pass()
    assert gate.open
    assert repr(gate) == "<Gate [open]>"


def test_a_gate_may_be_opened_by_two_at_the_same_moment() -> None:
    """Of whom the second has seen it closed still."""
    gate = Gate()
    gate.let_pass()
    gate.open = False  # what the second saw
    gate.let_pass()
    assert gate.wait(0.0)


def test_gates_are_opened_whenever_their_thread_waits() -> None:
    """Before, while, or just as it begins: no opening is lost, whoever is faster."""
    with ThreadPoolExecutor(2) as threads:
        for _ in range(500):
            gate = Gate()
            opening = [threads.submit(gate.let_pass) for _ in range(2)]
            assert gate.wait(LONG)
            for each in opening:
                each.result(LONG)


def test_a_descriptor_is_waited_for(pair: tuple[socket.socket, socket.socket]) -> None:
    """Until what was asked for happens to it; what happened is told."""
    ours, theirs = pair
    assert wait_for(ours.fileno(), select.POLLIN | select.POLLOUT, LONG) == select.POLLOUT
    Thread(target=theirs.sendall, args=(b"x",)).start()
    assert wait_for(ours.fileno(), select.POLLIN, LONG) == select.POLLIN
    ours.recv(1)
    theirs.close()
    assert wait_for(ours.fileno(), select.POLLIN, LONG) & select.POLLHUP


def test_a_descriptor_is_waited_for_so_long(pair: tuple[socket.socket, socket.socket]) -> None:
    """Then nothing has happened."""
    began = time.monotonic()
    assert wait_for(pair[0].fileno(), select.POLLIN, 0.05) == 0
    assert time.monotonic() - began >= 0.049


def test_without_a_hub_it_is_this_thread_that_waits_and_works() -> None:
    """There is nobody to give way to."""
    assert hub_here() is None
    assert blocking(get_ident) == get_ident()
    began = time.monotonic()
    give_way()
    pause(0.02)
    assert time.monotonic() - began >= 0.02


def test_what_blocks_may_raise() -> None:
    with pytest.raises(ZeroDivisionError):
        blocking(lambda: 1 // 0)


def test_a_hub_is_that_of_one_thread() -> None:
    """Others wait as they always did."""
    hub = object()
    use_hub(hub)  # type: ignore[arg-type]
    try:
        with ThreadPoolExecutor(1) as threads:
            assert threads.submit(hub_here).result(LONG) is None
        assert hub_here() is hub
    finally:
        use_hub(None)


def test_a_forked_process_has_no_hub() -> None:
    """It has neither the greenlets nor an epoll set of its own, and would take events that
    its parent waits for."""
    use_hub(object())  # type: ignore[arg-type]
    try:
        child = os.fork()
        if not child:
            os._exit(0 if hub_here() is None else 1)
    finally:
        use_hub(None)
    ended = eventually(lambda: (found := os.waitpid(child, os.WNOHANG))[0] and found, "the child")
    assert ended[1] == 0
