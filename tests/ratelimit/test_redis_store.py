"""Counts in Redis: exact for all who share it, and never waited for."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import closing
from threading import Event, Thread

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.ratelimit.rate import SECOND, Rate
from gateway.ratelimit.redis_store import RedisStore
from gateway.ratelimit.store import Demand, EmbeddedStore, Limit, StoreUnavailable
from gateway.ratelimit.table import LEAST_BYTES, Table
from tests.support.redis import RedisServer, needs_redis, redis_server
from tests.support.turning import Turning
from tests.support.waiting import wait_for

pytestmark = needs_redis

# Enough for a machine that is busy with something else.
PATIENT = 5.0


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with redis_server() as running:
        yield running


@pytest.fixture
def store(server: RedisServer) -> Iterator[RedisStore]:
    server.command("FLUSHALL")
    made = RedisStore(server.url, timeout=PATIENT)
    made.start()
    yield made
    made.close()


def demand(key: str, *rates: Rate) -> Demand:
    return Demand(key.encode(), tuple(Limit.of(str(rate), rate) for rate in rates))


def passes(store: RedisStore, *demands: Demand, times: int) -> int:
    return sum(store.take(demands).passes for _ in range(times))


def test_a_limit_holds_for_all_who_share_it(server: RedisServer, store: RedisStore) -> None:
    """Several gateways, several threads in each."""
    hundred, passed = demand("key", Rate(100, 3600, 100)), []

    def ask(store: RedisStore) -> None:
        passed.append(passes(store, hundred, times=50))

    with closing(RedisStore(server.url, timeout=PATIENT)) as other:
        threads = [Thread(target=ask, args=(each,)) for each in (store, other) * 4]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sum(passed) == 100


def test_debts_are_paid_off_by_the_servers_clock(store: RedisStore) -> None:
    """One in every interval."""
    fast = demand("key", Rate(100, 1, 5))
    assert passes(store, fast, times=5) == 5
    wait_for(lambda: passes(store, fast, times=1), "a request to pass again")


def test_gateways_with_another_prefix_count_apart(server: RedisServer, store: RedisStore) -> None:
    """One Redis may serve several."""
    once = demand("key", Rate(1, 3600, 1))
    assert passes(store, once, times=3) == 1
    with closing(RedisStore(server.url, prefix="other", timeout=PATIENT)) as other:
        assert passes(other, once, times=3) == 1


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sets(st.sampled_from("abc"), min_size=1), min_size=1, max_size=15))
def test_it_decides_as_the_embedded_store_does(
    server: RedisServer, store: RedisStore, requests: list[set[str]]
) -> None:
    """All of a request's limits or none, and the same debts, but for the time it takes."""
    server.command("FLUSHALL")
    rates = (Rate(4, 86400, 4), Rate(9, 40 * 86400, 9))
    with closing(EmbeddedStore(Table(None, LEAST_BYTES))) as embedded:
        for keys in requests:
            demands = [demand(key, *rates) for key in sorted(keys)]
            one, other = store.take(demands), embedded.take(demands)
            assert one.passes == other.passes
            assert one.debts == pytest.approx(other.debts, abs=60 * SECOND)


def test_the_largest_debts_are_counted_as_exactly(store: RedisStore) -> None:
    """A script's numbers have 53 bits; a debt of 50 days is within them."""
    rate = Rate(7, 50 * 86400, 7)
    for number in range(1, 8):
        (debt,) = store.take([demand("key", rate)]).debts
        assert debt <= number * rate.interval
        assert debt == pytest.approx(number * rate.interval, abs=60 * SECOND)
        assert rate.standing(debt)[0] == 7 - number
    assert passes(store, demand("key", rate), times=3) == 0


def test_keys_say_nothing_and_end_with_their_debt(server: RedisServer, store: RedisStore) -> None:
    """No identities in Redis, and no key for ever."""
    store.take([demand("ann", Rate(10, 100, 10))])
    lines = server.command("KEYS", "*").decode().split("\r\n")
    key = next(line for line in lines if line.startswith("gateway:"))
    assert "ann" not in key
    milliseconds = int(server.command("PTTL", key).decode().lstrip(":"))
    assert 0 < milliseconds <= 10_000


def test_a_server_that_was_started_anew_is_used_at_once(
    server: RedisServer, store: RedisStore
) -> None:
    """It has lost its counts, the script and our connection."""
    thousand = demand("key", Rate(1000, 3600, 1000))
    store.take([thousand])
    server.stop()
    server.start()
    assert passes(store, thousand, times=3) == 3


def test_a_script_that_was_flushed_is_loaded_again(server: RedisServer, store: RedisStore) -> None:
    """Without a request noticing."""
    store.take([demand("key", Rate(5, 60, 5))])
    server.command("SCRIPT", "FLUSH")
    assert passes(store, demand("key", Rate(5, 60, 5)), times=9) == 4


def failures(store: RedisStore, times: int) -> tuple[int, float]:
    """How many requests could not be counted, and the longest time one took."""
    failed, longest = 0, 0.0
    for _ in range(times):
        began = time.monotonic()
        try:
            store.take([demand("key", Rate(1000, 60, 1000))])
        except StoreUnavailable:
            failed += 1
        longest = max(longest, time.monotonic() - began)
    return failed, longest


def recovers(store: RedisStore) -> None:
    wait_for(lambda: failures(store, 1)[0] == 0, "the store to be asked again", 20)


def test_a_server_that_is_down_is_nobodys_wait() -> None:
    """Its port refuses; when it comes it is used."""
    with redis_server() as own:
        own.stop()
        with closing(RedisStore(own.url, timeout=PATIENT)) as store:
            failed, longest = failures(store, 500)
            assert failed == 500
            assert longest < PATIENT / 5
            own.start()
            recovers(store)


def test_a_server_that_hangs_costs_a_bounded_wait_and_then_none() -> None:
    """Three requests in a row wait for their time-out, those after them for nothing."""
    with redis_server() as own:
        with closing(RedisStore(own.url)) as store:
            recovers(store)
            own.hold()
            began = time.monotonic()
            failed, longest = failures(store, 2000)
            assert failed == 2000
            assert longest < 1
            # Each alone would have waited 20 ms: 40 s in all.
            assert time.monotonic() - began < 10
            assert "open" in repr(store)
            own.go_on()
            recovers(store)


def test_an_answer_that_trickles_in_is_not_waited_for() -> None:
    """A byte now and then begins a socket's time-out anew, and not ours."""
    done = Event()

    def trickle(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            while not done.wait(0.01):
                try:
                    connection.sendall(b"+")
                except OSError:
                    return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = Thread(target=trickle, args=(listener,))
        thread.start()
        store = RedisStore(f"redis://127.0.0.1:{listener.getsockname()[1]}", timeout=0.02)
        failed, longest = failures(store, 1000)
        assert failed == 1000
        assert longest < 1
        done.set()
        thread.join()
        store.close()


def test_what_is_no_redis_is_a_store_that_is_down() -> None:
    """Whatever it says; the thread that talks to it lives on."""

    def chatter(listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    listener = socket.create_server(("127.0.0.1", 0))
    thread = Thread(target=chatter, args=(listener,))
    thread.start()
    with closing(
        RedisStore(f"redis://127.0.0.1:{listener.getsockname()[1]}", timeout=PATIENT)
    ) as store:
        failed, _ = failures(store, 20)
        assert failed == 20
        assert store._thread is not None
        assert store._thread.is_alive()
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


def test_who_waits_for_redis_lets_others_run(server: RedisServer, store: RedisStore) -> None:
    """Where many take turns on one thread. They are answered together when Redis goes on."""
    key = demand("key", Rate(2, 3600, 2))
    passed: list[bool] = []
    done: list[str] = []
    assert store.take([key]).passes
    server.hold()
    try:
        with closing(Turning()) as turning:
            for _ in range(3):
                turning.start(lambda: passed.append(store.take([key]).passes))
            turning.start(lambda: done.append("another"))
            assert (passed, done) == ([], ["another"])
            server.go_on()
            turning.turn_until(lambda: len(passed) == 3)
    finally:
        server.go_on()
    assert sum(passed) == 1


def test_who_waits_for_redis_on_a_hub_is_told_in_time(server: RedisServer) -> None:
    """That it does not answer."""
    said: list[float] = []
    with closing(RedisStore(server.url, timeout=0.1)) as store, closing(Turning()) as turning:
        server.hold()
        try:
            began = time.monotonic()

            def ask() -> None:
                with pytest.raises(StoreUnavailable, match="no answer within 100 ms"):
                    store.take([demand("key", Rate(2, 3600, 2))])
                said.append(time.monotonic() - began)

            turning.start(ask)
            turning.turn_until(lambda: said)
        finally:
            server.go_on()
    assert 0.1 <= said[0] < 1.0


def test_an_error_of_the_server_is_that_of_the_request(
    server: RedisServer, store: RedisStore
) -> None:
    """It says what Redis says, for the log."""
    store.take([demand("key", Rate(5, 60, 5))])
    server.command("CONFIG", "SET", "maxmemory", "1")
    try:
        with pytest.raises(StoreUnavailable, match="maxmemory"):
            store.take([demand("another", Rate(5, 60, 5))])
    finally:
        server.command("CONFIG", "SET", "maxmemory", "0")


def test_closing_ends_the_thread(server: RedisServer) -> None:
    """Also one that was never asked anything."""
    for asked in (True, False):
        store = RedisStore(server.url, timeout=PATIENT)
        if asked:
            store.take([demand("key", Rate(5, 60, 5))])
        thread = store._thread
        store.close()
        assert thread is None or not thread.is_alive()
