"""Threads that take turns at waiting for clients, and answer what they find.

For an application that may block where it likes. One thread at a time leads: it waits on
the epoll set, and when a request is complete and let in it answers that itself, while
another thread leads (leader/followers). So those who answer compete with one thread
for the interpreter lock, however much comes in.
"""

from __future__ import annotations

import select
import time
from threading import Thread
from typing import Protocol

from gateway.nowait import ready

from .connection import Connection
from .front import LEADERS, Front


class Work(Protocol):
    """What a worker has to do; any of its threads may call any of these."""

    epoll: select.epoll

    @property
    def stopped(self) -> bool:
        """Whether the worker's threads are to end."""

    def heard(self) -> None:
        """All have seen that it is stopped, which is no more to be told."""

    def most(self) -> int:
        """Events to be fetched at once."""

    def let_in(self) -> Connection | None:
        """The next of those who waited to be let in, if one is."""

    def turn(self, fd: int) -> Connection | None:
        """Read, write or refuse, as this descriptor is ready for; who is to be answered."""

    def answer(self, conn: Connection) -> None:
        """Answer its request, and those behind it that are let in."""


class Leaders:
    """``threads`` requests at once, and the threads for them.

    Threads: ``start`` and ``join`` are the main thread's.
    """

    def __init__(self, work: Work, threads: int) -> None:
        self._work = work
        self._front = Front()
        # More than may be in progress, by those who may wait for events meanwhile: so
        # there is a thread for each request that is let in. Daemons: a thread that is stuck
        # in the application must not outlive graceful_timeout.
        self._threads = [
            Thread(target=self._serve, name=f"request-{number}", daemon=True)
            for number in range(threads + LEADERS)
        ]

    def __len__(self) -> int:
        return len(self._threads)

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    @property
    def alive(self) -> bool:
        """Whether anybody answers."""
        return any(thread.is_alive() for thread in self._threads)

    def join(self, seconds: float) -> None:
        """Wait for the end of them all, once the work is stopped."""
        until = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def _serve(self) -> None:
        """Lead until there is a request to answer; answer it while another thread leads."""
        while (conn := self._next()) is not None:
            self._work.answer(conn)

    def _next(self) -> Connection | None:
        """What is here already, or else what comes first; None when the worker stops.

        First those who waited, then those let in with others: whoever comes only now is
        looked at without giving up the interpreter, so that requests are refused as fast
        as they come however many threads want to run.
        """
        work = self._work
        conn = work.let_in() or self._front.waiting()
        if conn is None and not self._front.leads():
            conn = self._look_at(ready(work.epoll, work.most())) or self._front.wait()
        if conn is not None:
            return conn
        try:
            return self._look_at(ready(work.epoll, work.most())) or self._lead()
        finally:
            self._front.follows(stopped=work.stopped)

    def _lead(self) -> Connection | None:
        """Wait for events; read, refuse and put off, until there is a request to answer.

        None when the worker stops.
        """
        work = self._work
        while True:
            conn = work.let_in()
            if conn is not None:
                return conn
            found = self._look_at(work.epoll.poll(-1, work.most()))
            if found is not None or work.stopped:
                return found

    def _look_at(self, events: list[tuple[int, int]]) -> Connection | None:
        """The first of these connections with a request to answer; further ones are for
        other threads, of which there is one for each that was let in.
        """
        first: Connection | None = None
        for fd, _ in events:
            conn = self._work.turn(fd)
            if conn is None:
                continue
            if first is None:
                first = conn
            else:
                self._front.add(conn)
        return first

    def __repr__(self) -> str:
        return f"<Leaders [{len(self._threads)} threads], {self._front!r}>"
