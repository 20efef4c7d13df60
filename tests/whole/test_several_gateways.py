"""Two gateways that work as one, with the files of docs/deploy/ and all real parts.

A load balancer before them, one Redis for their limits, one PostgreSQL for their verdicts.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import NamedTuple, TypeVar

import psutil
import pytest

from gateway.cli import main
from gateway.store.errors import StoreMissing
from gateway.store.reader import open_reader
from gateway.store.values import Summary
from tests.support.client import Answer, BrokenAnswer, Client
from tests.support.fronts import (
    DEPLOY,
    Behind,
    changed,
    haproxy,
    needs_haproxy,
    needs_nginx,
    nginx,
)
from tests.support.gateway import GatewayProcess, gateway
from tests.support.postgresql import needs_postgresql, postgresql_server
from tests.support.redis import needs_redis, redis_server
from tests.support.upstream import OK, Received, Upstream, upstream
from tests.support.waiting import wait_for

LIMIT = 30
# Two machines of clients; the load balancer itself is 127.0.0.1.
CLIENTS = ("127.0.0.2", "127.0.0.3")

T = TypeVar("T")
Front = Callable[[Sequence[Behind]], AbstractContextManager[int]]


class Together(NamedTuple):
    """What runs. ``port``: where the load balancer listens."""

    port: int
    gateways: tuple[GatewayProcess, GatewayProcess]
    live: Upstream
    store: str


@contextmanager
def together(front: Front, folder: Path, redis: str = "", store: str = "off") -> Iterator[Together]:
    """The load balancer, two gateways and their upstreams."""
    config = settings(folder, redis=bool(redis))
    with ExitStack() as stack:
        live, shadow = (stack.enter_context(upstream()) for _ in range(2))
        environment = {
            "GATEWAY_LIVE": live.url,
            "GATEWAY_SHADOW": shadow.url,
            "GATEWAY_RATE_LIMIT_REDIS": redis,
            "GATEWAY_STORE_URL": store,
        }
        starting = [
            gateway("--workers", "1", config=config, env={**environment, **own})
            for own in ({"GATEWAY_RUNTIME_DIR": str(folder / name)} for name in ("one", "other"))
        ]
        one, other = at_once(stack, starting)
        port = stack.enter_context(front([Behind(each.port, each.admin) for each in (one, other)]))
        yield Together(port, (one, other), live, store)
        # Nobody asks any more: no need to wait until they have drained.
        for each in (one, other):
            if each.process.poll() is None:
                kill(each)


def at_once(stack: ExitStack, starting: Sequence[AbstractContextManager[T]]) -> list[T]:
    """Enter all of them at the same time."""
    with ThreadPoolExecutor(len(starting)) as pool:
        return list(pool.map(stack.enter_context, starting))


def settings(folder: Path, *, redis: bool) -> str:
    """``gateway.toml`` of docs/deploy/, with a limit that a test can reach."""
    credentials = folder / "admin-credentials"
    main(["keys", "add", "operator", "--file", str(credentials)])
    text = changed(
        (DEPLOY / "gateway.toml").read_text(),
        (r'"admin-credentials"', f'"{credentials}"'),
        (r'"10\.77\.0\.10"', '"127.0.0.1"'),
        (r'"600/minute; burst 100"', '"1000000/minute"'),
    )
    if not redis:
        return text.split("[rate_limit]")[0]
    return f"""{text}
        [[routes]]
        path = "/limited"
        mirror = false
        limits = [{{ rates = "{LIMIT}/day", by = "address", name = "few" }}]
        """


class Traffic:
    """Clients that ask one request after the other until they are told to stop.

    Threads: each client is one; ``_lock`` guards what they noted.
    """

    def __init__(self, port: int, numbers: Iterator[int]) -> None:
        self._port = port
        self._numbers = numbers
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        # Number of the request to its status, or to the way it broke off.
        self.outcomes: dict[int, object] = {}

    def add(self, method: str, *, kept: bool, clients: int) -> None:
        """Start clients that keep their connection, or have a new one for each request."""
        for _ in range(clients):
            thread = threading.Thread(target=self._ask, args=(method, kept))
            self._threads.append(thread)
            thread.start()

    def _ask(self, method: str, kept: bool) -> None:
        while not self._stop.is_set():
            with Client(self._port, 20) as client:
                while self._one(client, method) and kept and not self._stop.is_set():
                    pass

    def _one(self, client: Client, method: str) -> bool:
        with self._lock:
            number = next(self._numbers)
        outcome: object
        try:
            body = b"{}" if method == "POST" else None
            answer = client.request(method, f"/x/{number}", body=body)
            outcome, goes_on = answer.status, answer.values("Connection") != ["close"]
        except (BrokenAnswer, OSError) as error:
            outcome, goes_on = repr(error), False
        with self._lock:
            self.outcomes[number] = outcome
        return goes_on and outcome == 200

    def answered(self, more: int) -> None:
        """Wait until so many more have been answered."""
        target = len(self.outcomes) + more
        wait_for(lambda: len(self.outcomes) >= target, "answers", 30)

    def end(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive()


@contextmanager
def traffic(port: int, numbers: Iterator[int]) -> Iterator[Traffic]:
    running = Traffic(port, numbers)
    try:
        yield running
    finally:
        running.end()


def kill(running: GatewayProcess) -> None:
    """All its processes at once, as when the machine is gone."""
    master = psutil.Process(running.process.pid)
    for process in [master, *master.children(recursive=True)]:
        process.kill()
    running.process.wait(10)


def seen_by(live: Upstream) -> Counter[int]:
    """How often live has got each numbered request."""
    targets = [received.target.decode() for received in live.taken()]
    return Counter(int(target[3:]) for target in targets if target.startswith("/x/"))


def ask_all(port: int, target: str, times: int, source: str = "") -> Counter[int]:
    """One after the other, on connections in turn new and kept; statuses and how often."""
    found: Counter[int] = Counter()
    for _ in range(times // 2):
        with Client(port, source=source) as client:
            found.update(client.request("GET", target).status for _ in range(2))
    return found


class Tally:
    """What one client may do where few requests are allowed.

    No request waits for Redis longer than 20 ms, whatever the machine is doing meanwhile: it
    passes then, without the fields that say what is left, and Redis may have counted it.
    """

    def __init__(self, port: int, client: str) -> None:
        self._port = port
        self._client = client
        self.counted = self.unknown = self.refused = 0

    def ask(self, times: int) -> None:
        """Two requests on each connection."""
        for _ in range(times // 2):
            with Client(self._port, source=self._client) as client:
                for _ in range(2):
                    self._add(client.request("GET", "/limited"))

    def _add(self, answer: Answer) -> None:
        told = bool(answer.values("RateLimit"))
        assert answer.status == 200 or (answer.status == 429 and told)
        self.refused += answer.status == 429
        self.counted += answer.status == 200 and told
        self.unknown += not told

    def is_over(self) -> bool:
        """Ask again: whether the limit is reached."""
        self.ask(2)
        return self.refused > 0


def summary(store: str) -> Summary | None:
    try:
        with open_reader(store) as reader:
            return reader.summary()
    except StoreMissing:
        return None


def has_counted(store: str, requests: int) -> bool:
    """Whether the store has a verdict for each of so many requests."""
    told = summary(store)
    return told is not None and told.counts.matches == told.counts.total == requests


@needs_haproxy
@needs_redis
@needs_postgresql
def test_one_of_two_gateways_is_killed_and_nobody_notices(tmp_path: Path) -> None:
    """No request fails, the limit holds over both and the loss, one store has all verdicts."""
    with ExitStack() as stack:
        redis = stack.enter_context(redis_server())
        postgresql = stack.enter_context(postgresql_server())
        all_of_it = stack.enter_context(
            together(haproxy, tmp_path, redis.url, postgresql.database())
        )
        _verdicts_of_both_are_in_one_store(all_of_it)
        tallies = [Tally(all_of_it.port, client) for client in CLIENTS]
        for tally in tallies:
            tally.ask(LIMIT - 10)
            assert tally.refused == 0
        _a_kill_in_mid_traffic_fails_nothing(all_of_it)
        for tally in tallies:
            wait_for(tally.is_over, "the limit to be reached", 30)
            assert LIMIT - tally.unknown <= tally.counted <= LIMIT
        _the_survivor_goes_on_writing(all_of_it)


def _verdicts_of_both_are_in_one_store(all_of_it: Together) -> None:
    assert ask_all(all_of_it.port, "/x/0", 40) == {200: 40}
    wait_for(lambda: has_counted(all_of_it.store, 40), "all verdicts in the store", 30)
    shares = [each.metric("gateway_requests_total") for each in all_of_it.gateways]
    assert sum(shares) == 40
    assert min(shares) > 0


def _a_kill_in_mid_traffic_fails_nothing(all_of_it: Together) -> None:
    with traffic(all_of_it.port, count(1)) as running:
        running.add("GET", kept=True, clients=3)
        running.add("GET", kept=False, clients=3)
        running.answered(100)
        kill(all_of_it.gateways[0])
        running.answered(200)
    assert Counter(running.outcomes.values()) == {200: len(running.outcomes)}


def _the_survivor_goes_on_writing(all_of_it: Together) -> None:
    _, survivor = all_of_it.gateways
    before = summary(all_of_it.store)
    assert before is not None
    assert ask_all(all_of_it.port, "/x/0", 20) == {200: 20}
    assert survivor.stop() == 0
    after = summary(all_of_it.store)
    assert after is not None
    assert after.counts.matches == after.counts.total >= before.counts.total + 20


FRONTS = [
    pytest.param(haproxy, marks=needs_haproxy, id="haproxy"),
    pytest.param(nginx, marks=needs_nginx, id="nginx"),
]


@pytest.mark.parametrize("front", FRONTS)
def test_no_payment_is_sent_twice_whatever_is_killed(front: Front, tmp_path: Path) -> None:
    """What live had already got: a GET is sent again, a POST fails and is not."""
    numbers = count(1)
    with together(front, tmp_path) as all_of_it, ExitStack() as stack:
        live, doomed = all_of_it.live, all_of_it.gateways[0]
        posts, gets = (stack.enter_context(traffic(all_of_it.port, numbers)) for _ in range(2))
        with held(live) as go_on:
            gets.add("GET", kept=True, clients=4)
            posts.add("POST", kept=True, clients=3)
            posts.add("POST", kept=False, clients=3)
            wait_for(lambda: len(live.taken()) >= 10, "all clients to wait for live", 30)
            kill(doomed)
            wait_for(lambda: len(posts.outcomes) > 0, "the first to be told", 30)
            go_on.set()
            posts.answered(100)
            gets.answered(10)
        stack.close()
        seen = seen_by(live)
    assert set(gets.outcomes.values()) == {200}
    assert {seen[number] for number in gets.outcomes} == {1, 2}
    paid = {number for number, outcome in posts.outcomes.items() if outcome == 200}
    assert {seen[number] for number in paid} == {1}
    lost = {number: posts.outcomes[number] for number in posts.outcomes.keys() - paid}
    # Two for a client: the listener of a process that is being killed ends after it.
    assert 1 <= len(lost) <= 12
    assert set(lost.values()) == {502}
    assert max(seen[number] for number in lost) == 1


@contextmanager
def held(live: Upstream) -> Iterator[threading.Event]:
    """It takes requests and answers none until the event is set."""
    go_on = threading.Event()

    def answer(request: Received) -> Iterator[bytes]:
        go_on.wait(30)
        yield OK

    live.script = answer
    try:
        yield go_on
    finally:
        go_on.set()


@pytest.mark.parametrize("front", FRONTS)
def test_one_of_two_gateways_is_stopped_and_no_payment_fails(front: Front, tmp_path: Path) -> None:
    """SIGTERM, as at every deploy: what it has taken it answers, POSTs as well."""
    with together(front, tmp_path) as all_of_it:
        with traffic(all_of_it.port, count(1)) as posts:
            posts.add("POST", kept=True, clients=3)
            posts.add("POST", kept=False, clients=3)
            posts.answered(100)
            assert all_of_it.gateways[0].stop() == 0
            posts.answered(200)
        seen = seen_by(all_of_it.live)
    assert Counter(posts.outcomes.values()) == {200: len(posts.outcomes)}
    assert set(seen.values()) == {1}
