"""Passwords are checked one at a time, and once."""

from __future__ import annotations

import time
from contextlib import closing
from threading import Event, Thread

import pytest

from gateway.auth.passwords import Passwords
from gateway.auth.proof import NotProven, Reason
from tests.support.turning import Turning
from tests.support.waiting import wait_for


class Check:
    """A slow check that waits to be let go, and notes how many ran at once."""

    def __init__(self, *, held: bool = False) -> None:
        self.calls: list[tuple[str, str]] = []
        self.running = self.most = 0
        self.go = Event()
        if not held:
            self.go.set()

    def __call__(self, stored: str, password: str) -> bool:
        self.running += 1
        self.most = max(self.most, self.running)
        self.calls.append((stored, password))
        assert self.go.wait(10)
        self.running -= 1
        return stored == f"hash of {password}"


@pytest.mark.parametrize("password", ["right", "wrong"])
def test_an_answer_is_remembered(password: str) -> None:
    """Right or wrong: the dear hash is computed once."""
    check = Check()
    passwords = Passwords(check=check)
    answers = [passwords.verify("hash of right", password) for _ in range(5)]
    assert answers == [password == "right"] * 5
    assert len(check.calls) == 1


def test_a_changed_password_is_not_the_remembered_one() -> None:
    """The stored hash is part of the question."""
    passwords = Passwords(check=Check())
    assert passwords.verify("hash of old", "old")
    assert not passwords.verify("hash of new", "old")
    assert passwords.verify("hash of new", "new")


def test_wrong_ones_do_not_push_out_right_ones() -> None:
    """Else whoever tries many would make everybody slow."""
    check = Check()
    passwords = Passwords(check=check)
    assert passwords.verify("hash of right", "right")
    for number in range(3000):
        assert not passwords.verify("hash of right", str(number))
    done = len(check.calls)
    assert passwords.verify("hash of right", "right")
    assert len(check.calls) == done == 3001


def _in_threads(
    count: int, passwords: Passwords, *, same: bool
) -> tuple[list[object], list[Thread]]:
    results: list[object] = []

    def run(number: int) -> None:
        password = "right" if same else str(number)
        try:
            results.append(passwords.verify(f"hash of {password}", password))
        except NotProven as failure:
            results.append(failure.reason)

    threads = [Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    return results, threads


def test_one_hash_at_a_time_and_a_short_line() -> None:
    """Whoever finds the line full is told so at once; accepted and refused are all."""
    check = Check(held=True)
    passwords = Passwords(waiting=3, check=check, patience=10)
    results, threads = _in_threads(10, passwords, same=False)
    wait_for(lambda: len(results) == 6, "six to be turned away")
    assert set(results) == {Reason.BUSY}
    check.go.set()
    for thread in threads:
        thread.join(10)
    assert results.count(True) == len(check.calls) == 4
    assert check.most == 1
    assert passwords.verify("hash of a", "a"), "the line is free again"


def test_those_in_line_with_the_same_password_pay_once() -> None:
    """One client's burst after a start costs one hash."""
    check = Check(held=True)
    passwords = Passwords(waiting=8, check=check, patience=10)
    results, threads = _in_threads(5, passwords, same=True)
    wait_for(lambda: "5 in line" in repr(passwords), "all to be in the line")
    check.go.set()
    for thread in threads:
        thread.join(10)
    assert results == [True] * 5
    assert len(check.calls) == 1


def test_a_hash_does_not_hold_up_who_has_the_same_thread() -> None:
    """Where many requests take turns on one; also those in the line, and those refused."""
    check = Check(held=True)
    passwords = Passwords(waiting=2, check=check, patience=10)
    results: list[object] = []

    def verify(number: int) -> None:
        try:
            results.append(passwords.verify(f"hash of {number}", f"{number}"))
        except NotProven as failure:
            results.append(failure.reason)

    with closing(Turning()) as turning:
        for number in range(10):
            turning.hub.start(verify, number)
        turning.turn_until(lambda: len(results) == 7)
        assert set(results) == {Reason.BUSY}
        assert check.running == 1
        check.go.set()
        turning.turn_until(lambda: len(results) == 10)
    assert results.count(True) == 3
    assert check.most == 1


def test_the_wait_ends() -> None:
    """A very dear hash holds others no longer than ``patience``."""
    check = Check(held=True)
    passwords = Passwords(check=check, patience=0.05)
    first, threads = _in_threads(1, passwords, same=True)
    wait_for(lambda: check.calls, "the first to be checked")
    began = time.monotonic()
    with pytest.raises(NotProven) as caught:
        passwords.verify("hash of a", "a")
    assert caught.value.reason is Reason.BUSY
    assert time.monotonic() - began < 5
    check.go.set()
    threads[0].join(10)
    assert first == [True]


def test_a_check_that_fails_leaves_the_line() -> None:
    """Its place and its turn are given back."""

    def failing(stored: str, password: str) -> bool:
        raise MemoryError

    passwords = Passwords(waiting=0, check=failing)
    for _ in range(3):
        with pytest.raises(MemoryError):
            passwords.verify("a", "b")
    assert "0 in line" in repr(passwords)
