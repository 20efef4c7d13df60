"""The clients: N kept-alive connections on which requests are sent at times fixed beforehand.

    python -m load.client < job, one line of JSON, on a standard input that stays open

Open loop: arrivals are a Poisson process that does not care how the server
fares. A request that finds no free connection waits, and its latency counts from
its scheduled time all the same (no coordinated omission). One process, one
epoll loop, request bytes made beforehand, never pipelined.

The client watches itself: ``lag`` is how long after its time an arrival was
noticed, a connection being free or not. A client that lags measures itself.
"""

from __future__ import annotations

import gc
import random
import select
import sys
import time
from collections import deque

from .connection import CONNECTING, FREE, Connection
from .job import BROKEN, UNANSWERED, UNCONNECTED, Job, Phase
from .limits import raise_descriptor_limit
from .pace import Pace
from .prompt import run_first, run_promptly
from .recording import Recording

_BATCH = 64  # answers taken before the schedule is looked at again
_CONNECT_SECONDS = 10.0
_RETRY_SECONDS = 0.05  # between two attempts to get a connection back
_TICK = 0.05


class Ended(Exception):
    """Standard input has ended: nobody wants the figures any more."""


class Client:
    """Carries out one job and keeps a record of every request."""

    def __init__(self, job: Job, until_closed: int) -> None:
        self._job = job
        self._request = job.request()
        self._epoll = select.epoll()  # before any socket: select(2) takes descriptors < 1024
        self._epoll.register(until_closed, select.EPOLLIN)
        self._until_closed = until_closed
        self._connections: dict[int, Connection] = {}
        self._free: deque[Connection] = deque()
        self._waiting: deque[tuple[float, int]] = deque()  # arrivals without a connection
        self._missing: deque[float] = deque()  # when to try to replace a lost connection
        self._rng = random.Random(job.seed)
        self._phase = 0
        self._pace = Pace()
        self.record = Recording()

    def connect(self) -> None:
        """All connections, before the first arrival. ``OSError`` if they cannot be had."""
        until = time.monotonic() + _CONNECT_SECONDS
        while len(self._connections) < self._job.connections:
            self._open()
            if len(self._connections) % _BATCH == 0:
                self._turn(0.0)  # a listener's backlog is short
        while len(self._free) < self._job.connections:
            if time.monotonic() > until:
                raise TimeoutError(f"only {len(self._free)} connections")
            self._turn(until)

    def run(self) -> None:
        """All phases, one after another, then the patience for late answers."""
        began = time.monotonic()
        for number, phase in enumerate(self._job.phases):
            self._phase = number
            ends = began + phase.seconds
            self.record.bounds.append((began, ends))
            if phase.rate:
                self._open_loop(phase, began, ends)
            else:
                self._closed_loop(ends)
            began = ends
        give_up = began + self._job.patience
        while self._busy() and time.monotonic() < give_up:
            self._turn(give_up)
        self._give_up()

    def _open_loop(self, phase: Phase, due: float, ends: float) -> None:
        gap, rate = self._rng.expovariate, phase.rate
        due += gap(rate)
        while due < ends:
            now = time.monotonic()
            while due <= now and due < ends:
                self.record.lag.append(now - due)
                self.record.lag_phases.append(self._phase)
                self._arrive(due)
                due += gap(rate)
            self._turn(min(due, ends))

    def _closed_loop(self, ends: float) -> None:
        while time.monotonic() < ends:
            while self._free:
                self._arrive(time.monotonic())
            self._turn(ends)

    def _arrive(self, due: float) -> None:
        if self._free:
            self._send(self._free.popleft(), due, self._phase)
        else:
            self._waiting.append((due, self._phase))

    def _busy(self) -> bool:
        return bool(self._waiting) or any(c.phase >= 0 for c in self._connections.values())

    def _turn(self, until: float) -> None:
        """Wait for answers, at most until then, and take some of them."""
        if self._missing:
            self._replace_missing()
        self._pace.keep()
        wait = max(0.0, min(until - time.monotonic(), _TICK))
        # epoll_wait counts in milliseconds, twice the time between two arrivals; select does not.
        if select.select((self._epoll,), (), (), wait)[0]:
            for fd, event in self._epoll.poll(0, _BATCH):
                if fd == self._until_closed:
                    raise Ended
                self._take(self._connections[fd], event)

    def _take(self, connection: Connection, event: int) -> None:
        try:
            if connection.phase == CONNECTING:
                self._connected(connection)
            elif event & select.EPOLLIN:
                if connection.receive():
                    self._answered(connection)
            elif connection.flush():
                self._epoll.modify(connection.fd, connection.events)
        except OSError:
            self._broke(connection)

    def _connected(self, connection: Connection) -> None:
        if connection.connected():
            self._epoll.modify(connection.fd, connection.events)
            self._is_free(connection)
        else:
            self.record.failed_connects += 1
            self._drop(connection, _RETRY_SECONDS)

    def _send(self, connection: Connection, due: float, phase: int) -> None:
        try:
            if not connection.send(self._request, due, phase):
                self._epoll.modify(connection.fd, connection.events)
        except OSError:
            self._broke(connection)

    def _broke(self, connection: Connection) -> None:
        connection.reader.end()
        self._answered(connection)

    def _answered(self, connection: Connection) -> None:
        """An answer is complete, or there will be none."""
        if connection.phase == FREE:  # closed, or bytes that nobody asked for
            self._free.remove(connection)
            self._drop(connection)
            return
        reader = connection.reader
        self.record.add(connection.phase, connection.due, reader.status)
        self.record.lost += reader.status == BROKEN
        self.record.no_retry_after += reader.status == 503 and not reader.retry_after
        connection.phase = FREE
        if connection.reusable:
            self._is_free(connection)
        else:
            self._drop(connection)

    def _is_free(self, connection: Connection) -> None:
        if self._waiting:
            self._send(connection, *self._waiting.popleft())
        else:
            self._free.append(connection)

    def _open(self) -> None:
        connection = Connection(self._job.host, self._job.port)
        self._connections[connection.fd] = connection
        self._epoll.register(connection.fd, connection.events)

    def _drop(self, connection: Connection, pause: float = 0.0) -> None:
        del self._connections[connection.fd]
        connection.sock.close()
        self._missing.append(time.monotonic() + pause)

    def _replace_missing(self) -> None:
        now = time.monotonic()
        while self._missing and self._missing[0] <= now:
            self._missing.popleft()
            self._open()

    def _give_up(self) -> None:
        for connection in self._connections.values():
            if connection.phase >= 0:
                self.record.add(connection.phase, connection.due, UNANSWERED)
        nothing = UNANSWERED if self._connections else UNCONNECTED
        for due, phase in self._waiting:
            self.record.add(phase, due, nothing)

    def close(self) -> None:
        for connection in self._connections.values():
            connection.sock.close()
        self._epoll.close()


def main() -> None:
    run_promptly()
    job = Job.from_json(sys.stdin.readline())
    raise_descriptor_limit()
    client = Client(job, sys.stdin.fileno())
    try:
        client.connect()
        gc.freeze()
        gc.disable()  # nothing here is cyclic, and a collection is a pause
        if all(phase.rate for phase in job.phases):
            client.record.first = run_first()
        client.run()
    except (Ended, KeyboardInterrupt):
        sys.exit(130)
    finally:
        client.close()
    sys.stdout.buffer.write(client.record.dump())


if __name__ == "__main__":
    main()
