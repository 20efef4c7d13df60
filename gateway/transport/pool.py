"""The connections to one upstream: how many there are, and which is used next.

A call checks one out, and gives it back (``release``) or throws it away
(``discard``); exactly one of the two, in exactly one place. Idle connections are
used last in, first out, so that a burst's surplus grows old and is dropped.

Knows no HTTP: whether an answer left a connection clean is the caller's verdict.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import NamedTuple

from gateway.transport.budget import Budget, Clock
from gateway.transport.connection import Connection
from gateway.transport.dial import Dialer
from gateway.transport.errors import ConnectFailed, PoolExhausted
from gateway.waiting import Gate


class PoolRules(NamedTuple):
    """``size`` connections at most; times in seconds."""

    size: int
    idle_timeout: float
    checkout_timeout: float
    address_max_age: float


class PoolSnapshot(NamedTuple):
    """``opened`` and ``reused`` count since the start; ``waiting``: calls without one."""

    busy: int
    idle: int
    waiting: int
    opened: int
    reused: int


class Pool:
    """Bounded connections to one upstream.

    *Threads*: any. The lock guards all fields below it; it is held to decide,
    never while connecting, polling or closing. Only ``checkout`` waits.
    """

    def __init__(self, dialer: Dialer, rules: PoolRules, clock: Clock) -> None:
        self._dialer = dialer
        self._rules = rules
        self._clock = clock
        # Connections of answers that were dropped unread and unclosed. Filled by
        # finalizers, which may run anywhere, also under the lock: so without it.
        self.orphans: deque[Connection] = deque()
        self._lock = threading.Lock()
        # Who waits for a connection, the longest first.
        self._gates: deque[Gate] = deque()
        self._idle: deque[Connection] = deque()  # longest idle first
        self._busy: set[Connection] = set()
        self._opened = 0
        self._reused = 0
        self._keeping = True
        self._aborted = False

    def checkout(self, budget: Budget, *, fresh: bool = False) -> Connection:
        """A connection ready for a request; with ``fresh``, one never used before.

        Raises ``PoolExhausted``, ``ConnectFailed``, ``ConnectTimedOut`` or
        ``DeadlineExceeded``.
        """
        while True:
            connection = self._take(budget, fresh)
            try:
                if not connection.opened:
                    self._dialer.open(connection, budget)
                    return connection
                if self._usable(connection):
                    connection.reused = True
                    return connection
            except BaseException:
                self.discard(connection)
                raise
            self.discard(connection)

    def checkout_idle(self) -> Connection | None:
        """An idle connection ready for a request, without waiting for anything; or None."""
        while True:
            connection = self._take_idle()
            if connection is None:
                return None
            if not self._address_is_known(connection):
                # Looking it up can wait: ``checkout`` may.
                self.release(connection)
                return None
            try:
                stale = connection.stale()
            except BaseException:
                self.discard(connection)
                raise
            if not stale:
                connection.reused = True
                return connection
            self.discard(connection)

    def _take_idle(self) -> Connection | None:
        with self._lock:
            dead = self._expired()
            connection = self._idle.pop() if self._idle and not self._aborted else None
            if connection is not None:
                self._busy.add(connection)
                self._reused += 1
        if dead:
            _close(dead)
        return connection

    def _address_is_known(self, connection: Connection) -> bool:
        return self._clock() - connection.checked_at <= self._rules.address_max_age

    def release(self, connection: Connection) -> None:
        """Takes back a connection whose answer was read to its end."""
        connection.idle_since = self._clock()
        with self._lock:
            keep = self._keeping and connection in self._busy
            if keep:
                self._idle.append(connection)
            self._give_up(connection)
        if not keep:
            connection.close()

    def discard(self, connection: Connection) -> None:
        """Closes a connection that must not be used again."""
        with self._lock:
            self._give_up(connection)
        connection.close()

    def expire(self) -> None:
        """Closes what has been idle for too long. Every checkout does so too."""
        with self._lock:
            dead = self._expired()
        _close(dead)

    def close(self) -> None:
        """Closes idle connections; busy ones are closed when they come back."""
        with self._lock:
            self._keeping = False
            dead = list(self._idle)
            self._idle.clear()
        _close(dead)

    def abort(self) -> None:
        """Also ends the calls in progress, at once, and refuses new ones."""
        self.close()
        with self._lock:
            self._aborted = True
            busy = list(self._busy)
            while self._gates:
                self._gates.popleft().let_pass()
        for connection in busy:
            connection.abort()

    def _take(self, budget: Budget, fresh: bool) -> Connection:
        """An idle connection, or a new one still to be opened, counted as busy."""
        until = None
        again = False
        while True:
            with self._lock:
                dead = self._expired()
                connection = self._choose(fresh, dead)
                if connection is not None:
                    self._checked_out(connection)
                    gate, left = None, 0.0
                else:
                    if until is None:
                        until = budget.until(self._rules.checkout_timeout)
                    left = until - self._clock()
                    gate = self._queued(left, again)
            if dead:
                _close(dead)
            if connection is not None:
                return connection
            if gate is None:
                raise self._refusal(budget)
            again = gate.wait(left)
            if not again:
                self._leave(gate)

    def _checked_out(self, connection: Connection) -> None:
        self._busy.add(connection)
        if connection.opened:
            self._reused += 1
        else:
            self._opened += 1

    def _queued(self, left: float, again: bool) -> Gate | None:
        """The gate to wait at until a connection may be free; None when there is no use.

        ``again``: of one whose turn it was, and that another was faster than.
        """
        if self._aborted or left <= 0:
            return None
        gate = Gate()
        (self._gates.appendleft if again else self._gates.append)(gate)
        return gate

    def _leave(self, gate: Gate) -> None:
        with self._lock:
            if not gate.open:
                self._gates.remove(gate)

    def _choose(self, fresh: bool, dead: list[Connection]) -> Connection | None:
        if self._aborted:
            return None
        if self._idle and not fresh:
            return self._idle.pop()
        if len(self._busy) + len(self._idle) >= self._rules.size:
            if not self._idle:
                return None
            dead.append(self._idle.popleft())
        return Connection(self._clock)

    def _refusal(self, budget: Budget) -> Exception:
        if self._aborted:
            return ConnectFailed("the transport is closed", "checkout")
        if self._clock() >= budget.ends:
            return budget.expired("checkout")
        size, seconds = self._rules.size, self._rules.checkout_timeout
        message = f"all {size} connections to {self._dialer.origin.url} busy for {seconds} s"
        return PoolExhausted(message, "checkout")

    def _give_up(self, connection: Connection) -> None:
        self._busy.discard(connection)
        if self._gates:
            self._gates.popleft().let_pass()

    def _expired(self) -> list[Connection]:
        dead: list[Connection] = []
        oldest = self._clock() - self._rules.idle_timeout
        while self._idle and self._idle[0].idle_since < oldest:
            dead.append(self._idle.popleft())
        if self.orphans:
            self._adopt_orphans(dead)
        return dead

    def _adopt_orphans(self, dead: list[Connection]) -> None:
        while self.orphans:
            connection = self.orphans.popleft()
            self._busy.discard(connection)
            dead.append(connection)

    def _usable(self, connection: Connection) -> bool:
        """Still connected, nothing unasked in it, and its address still the upstream's."""
        if connection.stale():
            return False
        if not self._address_is_known(connection):
            address = connection.address
            if address is None or not self._dialer.addresses.still_lists(address):
                return False
            connection.checked_at = self._clock()
        return True

    def snapshot(self) -> PoolSnapshot:
        with self._lock:
            return PoolSnapshot(
                len(self._busy), len(self._idle), len(self._gates), self._opened, self._reused
            )

    def __repr__(self) -> str:
        now = self.snapshot()
        url = self._dialer.origin.url
        return f"<Pool of {url} [{now.busy} busy, {now.idle} idle, {now.waiting} waiting]>"


def _close(connections: list[Connection]) -> None:
    for connection in connections:
        connection.close()
