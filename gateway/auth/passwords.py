"""Checking passwords, whose hashes are dear, on a path that has no time.

A right password is remembered, so that a client pays for its hash once; a wrong one
too, so that a client which repeats it costs nothing. Only one hash is computed at a
time in each worker, and a short line waits: trying passwords takes a bounded share
of the machine, and cannot hold the threads that everybody else needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from threading import Lock

from gateway.auth.hashing import check_password
from gateway.auth.proof import NotProven, Reason, Scheme
from gateway.auth.remembered import Remembered
from gateway.offload import apart
from gateway.waiting import blocking

# What is tried but wrong is bounded apart: it cannot push out what is right.
_MOST_RIGHT = 8192
_MOST_WRONG = 1024


class Passwords:
    """Checks passwords against stored hashes.

    Threads: any thread may call it. ``_turn`` is held while one hash is computed
    (that is its purpose), ``_count`` guards the length of the line; waiting for
    a turn is bounded by ``waiting`` threads and ``patience`` seconds.
    """

    def __init__(
        self,
        *,
        waiting: int = 8,
        patience: float = 2.0,
        check: Callable[[str, str], bool] = check_password,
    ) -> None:
        self._waiting = waiting
        self._patience = patience
        self._check = check
        self._right: Remembered[bool] = Remembered(_MOST_RIGHT)
        self._wrong: Remembered[bool] = Remembered(_MOST_WRONG)
        self._turn = Lock()
        self._count = Lock()
        self._in_line = 0

    def verify(self, stored: str, password: str) -> bool:
        """Whether it is the stored one. Raises ``NotProven`` when nobody can tell now.

        The stored hash is part of what is remembered: after a change of the file
        the old password is not remembered for the new hash.
        """
        asked = f"{stored}\0{password}"
        known = self._known(asked)
        if known is not None:
            return known
        return blocking(partial(self._verify, asked, stored, password))

    def _verify(self, asked: str, stored: str, password: str) -> bool:
        with self._one_at_a_time():
            known = self._known(asked)  # from who was before us in the line
            if known is None:
                known = apart(partial(self._check, stored, password))
                memory = self._right if known else self._wrong
                memory.put(memory.key(asked), True)
        return known

    def _known(self, asked: str) -> bool | None:
        if self._right.get(self._right.key(asked)):
            return True
        return False if self._wrong.get(self._wrong.key(asked)) else None

    @contextmanager
    def _one_at_a_time(self) -> Iterator[None]:
        with self._count:
            if self._in_line > self._waiting:
                raise _busy()
            self._in_line += 1
        try:
            if not self._turn.acquire(timeout=self._patience):
                raise _busy()
            try:
                yield
            finally:
                self._turn.release()
        finally:
            with self._count:
                self._in_line -= 1

    def __repr__(self) -> str:
        return f"<Passwords {self._in_line} in line, {self._right!r}, {self._wrong!r} wrong>"


def _busy() -> NotProven:
    return NotProven(Reason.BUSY, "Too many passwords are being checked.", Scheme.BASIC)
