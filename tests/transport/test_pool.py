from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from gateway.transport import ConnectFailed, DeadlineExceeded, PoolExhausted, Timeouts
from gateway.transport.addresses import Addresses
from gateway.transport.budget import Budget
from gateway.transport.connection import Connection
from gateway.transport.dial import Dialer
from gateway.transport.pool import Pool, PoolRules
from tests.support.waiting import wait_for
from tests.transport.scripted import Peer, Upstream, scripted


class Clock:
    """Real time, moved forward by hand."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead


def pool_of(
    upstream: Upstream, *, size: int = 2, checkout_timeout: float = 5, clock: Clock | None = None
) -> Pool:
    clock = clock or Clock()
    addresses = Addresses(upstream.origin, max_age=30, clock=clock, lookup=_no_lookup)
    dialer = Dialer(upstream.origin, addresses, None)
    return Pool(dialer, PoolRules(size, 60, checkout_timeout, 30), clock)


def _no_lookup(*_: object, **__: object) -> list[tuple[object, ...]]:
    raise AssertionError("a literal address was looked up")


def budget(total: float | None = None) -> Budget:
    return Budget(Timeouts(5, 5, total), time.monotonic)


def test_the_last_one_back_is_the_first_one_out() -> None:
    """So that what a burst left over grows old."""
    with scripted(Peer.until_closed) as upstream:
        pool = pool_of(upstream)
        first, second = pool.checkout(budget()), pool.checkout(budget())
        pool.release(first)
        pool.release(second)
        assert pool.checkout(budget()) is second
        assert pool.checkout(budget()) is first
        assert first.reused
        assert pool.snapshot() == (2, 0, 0, 2, 2)
        assert repr(pool) == f"<Pool of {upstream.url} [2 busy, 0 idle, 0 waiting]>"
        pool.discard(first)
        pool.discard(second)


def test_connections_idle_for_too_long_are_closed() -> None:
    """Oldest first, at the next checkout or expire(); younger ones stay."""
    clock = Clock()
    with scripted(Peer.until_closed) as upstream:
        pool = pool_of(upstream, size=3, clock=clock)
        old, young, busy = (pool.checkout(budget()) for _ in range(3))
        pool.release(old)
        clock.ahead = 50
        pool.release(young)
        clock.ahead = 70
        pool.expire()
        assert (old.opened, young.opened) == (False, True)
        assert pool.snapshot()[:2] == (1, 1)
        clock.ahead = 200
        fresh = pool.checkout(Budget(Timeouts(5, 5), clock))
        assert not young.opened
        assert not fresh.reused
        pool.discard(busy)
        pool.discard(fresh)


@pytest.mark.parametrize("how", ["closed", "unasked bytes"])
def test_a_stale_connection_is_not_handed_out(how: str) -> None:
    """End of stream or bytes nobody asked for, found without waiting: another one is opened."""
    go_on = threading.Event()

    def script(peer: Peer) -> None:
        if peer.number == 0:
            assert go_on.wait(5)
            if how == "closed":
                return
            peer.send(b"HTTP/1.1 408 Request Timeout\r\n\r\n")
        peer.until_closed()

    with scripted(script) as upstream:
        pool = pool_of(upstream)
        connection = pool.checkout(budget())
        pool.release(connection)
        assert not connection.stale()
        go_on.set()
        wait_for(connection.stale, "the upstream's doing to arrive")
        other = pool.checkout(budget())
        assert (other is connection, connection.opened, other.reused) == (False, False, False)
        pool.discard(other)


def test_a_connection_that_cannot_be_looked_at_takes_no_place() -> None:
    """Whatever goes wrong with it, it is given up and not busy for ever."""
    with scripted(Peer.until_closed) as upstream:
        pool = pool_of(upstream)
        connection = pool.checkout(budget())
        pool.release(connection)
        connection.close()
        with pytest.raises(OSError, match="closed"):
            pool.checkout_idle()
        assert pool.snapshot()[:2] == (0, 0)


def test_a_full_pool_makes_callers_wait_and_then_refuses() -> None:
    """Bounded per upstream: over it a checkout waits so long and no longer."""
    with scripted(Peer.until_closed) as upstream:
        pool = pool_of(upstream, size=1, checkout_timeout=0.2)
        connection = pool.checkout(budget())
        began = time.monotonic()
        with pytest.raises(PoolExhausted) as caught:
            pool.checkout(budget())
        assert 0.2 <= time.monotonic() - began < 1
        assert isinstance(caught.value, requests.ConnectionError)
        assert caught.value.nothing_sent
        with pytest.raises(DeadlineExceeded) as late:
            pool.checkout(budget(total=0.05))
        assert (late.value.phase, late.value.nothing_sent) == ("checkout", True)
        pool.discard(connection)
        assert pool.snapshot()[:3] == (0, 0, 0)


@pytest.mark.parametrize("how", ["release", "discard"])
def test_a_waiting_caller_gets_what_comes_back(how: str) -> None:
    """Given back: it is handed on. Thrown away: its place is."""
    with scripted(Peer.until_closed) as upstream, ThreadPoolExecutor(1) as threads:
        pool = pool_of(upstream, size=1)
        connection = pool.checkout(budget())
        waiting = threads.submit(pool.checkout, budget())
        wait_for(lambda: pool.snapshot().waiting, "the other thread to wait")
        getattr(pool, how)(connection)
        other = waiting.result(5)
        assert (other is connection) == (how == "release")
        pool.discard(other)


def test_a_fresh_connection_takes_the_place_of_the_oldest_idle_one() -> None:
    """A retry never meets a second stale connection, and the bound still holds."""
    with scripted(Peer.until_closed) as upstream:
        pool = pool_of(upstream, size=2)
        first, second = pool.checkout(budget()), pool.checkout(budget())
        pool.release(first)
        pool.release(second)
        fresh = pool.checkout(budget(), fresh=True)
        assert not fresh.reused
        assert (first.opened, second.opened) == (False, True)
        assert pool.snapshot()[:2] == (1, 1)
        pool.discard(fresh)
        pool.close()


def test_a_failed_connect_gives_its_place_back() -> None:
    """A thousand refusals do not use the pool up."""
    with scripted() as upstream:
        pool = pool_of(upstream, size=1, checkout_timeout=0)
    for _ in range(3):
        with pytest.raises(ConnectFailed):
            pool.checkout(budget())
    assert pool.snapshot()[:2] == (0, 0)


def test_after_close_nothing_is_kept() -> None:
    """Calls in progress finish; their connections are closed then."""
    with scripted(Peer.until_closed) as upstream:
        pool = pool_of(upstream)
        busy, idle = pool.checkout(budget()), pool.checkout(budget())
        pool.release(idle)
        pool.close()
        assert (busy.opened, idle.opened) == (True, False)
        pool.release(busy)
        assert not busy.opened
        pool.discard(pool.checkout(budget()))


def test_abort_ends_waiting_and_refuses() -> None:
    """Whoever waits for a connection is sent away at once, and so is who comes later."""
    with scripted(Peer.until_closed) as upstream, ThreadPoolExecutor(1) as threads:
        pool = pool_of(upstream, size=1)
        connection = pool.checkout(budget())
        waiting = threads.submit(pool.checkout, budget())
        wait_for(lambda: pool.snapshot().waiting, "the other thread to wait")
        pool.abort()
        with pytest.raises(ConnectFailed, match="closed"):
            waiting.result(2)
        with pytest.raises(ConnectionAbortedError):
            connection.receive(time.monotonic() + 5)
        pool.release(connection)
        with pytest.raises(ConnectFailed, match="closed"):
            pool.checkout(budget())
        assert pool.snapshot()[:2] == (0, 0)


def test_the_bound_holds_whatever_threads_do() -> None:
    """Never more than size connections; all come back, and every wait is answered."""
    size, calls = 3, 200
    open_now, most, lock = [0], [0], threading.Lock()

    with scripted(Peer.until_closed) as upstream, ThreadPoolExecutor(12) as threads:
        pool = pool_of(upstream, size=size)

        def call(number: int) -> None:
            connection: Connection = pool.checkout(budget(), fresh=number % 7 == 0)
            with lock:
                open_now[0] += 1
                most[0] = max(most[0], open_now[0])
            with lock:
                open_now[0] -= 1
            (pool.discard if number % 3 == 0 else pool.release)(connection)

        list(threads.map(call, range(calls)))
        state = pool.snapshot()
        assert 1 <= most[0] <= size
        assert (state.busy, state.waiting) == (0, 0)
        assert state.idle <= size
        assert state.opened + state.reused >= calls
        pool.close()
