"""Rate limits through a real gateway: exact over workers, reloads and machines."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import Thread

import psutil
import pytest

from tests.support.client import Answer, Client
from tests.support.gateway import GatewayProcess, gateway
from tests.support.redis import needs_redis, redis_server
from tests.support.upstream import Upstream, upstream
from tests.support.waiting import wait_for

LIMIT = 60


def settings(live: Upstream, **rate_limit: str) -> str:
    lines = [f'{name} = "{value}"' for name, value in rate_limit.items()]
    return "\n".join(
        [
            f'[live]\nurl = "{live.url}"',
            "[rate_limit]",
            *lines,
            f'[[rate_limit.limits]]\nrates = "{LIMIT}/day; 100000/s"',
            '[[routes]]\npath = "/free"\nlimits = []',
        ]
    )


@pytest.fixture
def live() -> Iterator[Upstream]:
    with upstream() as running:
        yield running


@contextmanager
def connections(number: int, *gateways: GatewayProcess) -> Iterator[list[Client]]:
    """Kept-alive connections to each, to every worker of each at least one."""
    with ExitStack() as stack:
        clients = []
        for each in gateways:
            workers = each.workers()
            own: list[Client] = []
            while len(own) < number or not all(busy(pid, each.port) for pid in workers):
                own.append(stack.enter_context(each.client()))
                assert own[-1].request("GET", "/free").status == 200
                assert len(own) < 500
            clients += own
        yield clients


def busy(pid: int, port: int) -> bool:
    """Whether a worker has a client's connection."""
    return any(
        c.status == psutil.CONN_ESTABLISHED and c.laddr.port == port
        for c in psutil.Process(pid).net_connections("tcp")
    )


def ask(clients: list[Client], times: int) -> list[Answer]:
    """Each connection asks so often, all at the same time."""
    answers: list[Answer] = []

    def work(client: Client) -> None:
        answers.extend(client.request("GET", "/x") for _ in range(times))

    threads = [Thread(target=work, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def statuses(answers: list[Answer]) -> dict[int, int]:
    found = [answer.status for answer in answers]
    return {status: found.count(status) for status in sorted(set(found))}


def test_two_workers_let_exactly_the_limit_pass(live: Upstream) -> None:
    """Over connections to both that are kept, and whatever becomes of the workers."""
    with gateway("--workers", "2", config=settings(live)) as running:
        with connections(8, running) as clients:
            answers = ask(clients, 20)
        assert statuses(answers) == {200: LIMIT, 429: len(answers) - LIMIT}
        refused = next(answer for answer in answers if answer.status == 429)
        (seconds,) = refused.values("Retry-After")
        assert 1420 <= int(seconds) <= 1440
        assert refused.values("RateLimit") == [f'"identity-day";r=0;t={seconds}']
        wait_for(
            lambda: (
                running.metric("gateway_refusals_total", middleware="rate_limit")
                == len(answers) - LIMIT
            ),
            "all refusals to be counted",
        )
        _reloads_and_losses_reset_nothing(running)


def _reloads_and_losses_reset_nothing(running: GatewayProcess) -> None:
    before = set(running.workers())
    running.process.send_signal(signal.SIGHUP)
    wait_for(lambda: not before & set(running.workers()), "the workers to be replaced")
    wait_for(lambda: running.get("/readyz")[0] == 200, "the new ones to be ready")
    with connections(8, running) as clients:
        assert set(statuses(ask(clients, 5))) == {429}
    doomed = running.workers()[0]
    os.kill(doomed, signal.SIGKILL)
    wait_for(lambda: doomed not in running.workers(), "the worker to be replaced")
    wait_for(lambda: running.get("/readyz")[0] == 200, "the new one to be ready")
    with connections(8, running) as clients:
        assert set(statuses(ask(clients, 5))) == {429}


@needs_redis
def test_two_gateways_with_one_redis_let_exactly_the_limit_pass(live: Upstream) -> None:
    """And while Redis is gone everything passes, quickly, with a line in the log."""
    with redis_server() as redis:
        config = settings(live, store="redis", redis=redis.url)
        with gateway(config=config) as one, gateway(config=config) as other:
            with connections(4, one, other) as clients:
                answers = ask(clients, 20)
                found = statuses(answers)
                assert set(found) == {200, 429}
                # One for which Redis did not answer within 20 ms passes, uncounted.
                wait_for(
                    lambda: (
                        found[200]
                        <= LIMIT
                        + one.metric("gateway_rate_limit_store_errors_total")
                        + other.metric("gateway_rate_limit_store_errors_total")
                    ),
                    "no more than the limit to have passed",
                )
                assert found[200] >= LIMIT
                redis.stop()
                answers = ask(clients, 20)
                assert statuses(answers) == {200: len(answers)}
            wait_for(
                lambda: one.metric("gateway_rate_limit_store_errors_total") > 0,
                "the errors to be counted",
            )
            assert 1 <= one.output.count("Rate limits cannot be checked") <= 2


@needs_redis
def test_closed_means_that_nothing_passes_uncounted(live: Upstream) -> None:
    """It is answered 503, until Redis is back."""
    with redis_server() as redis:
        config = settings(live, store="redis", redis=redis.url, when_down="closed")
        redis.stop()
        with gateway("--workers", "1", config=config) as running, running.client() as client:
            assert client.request("GET", "/x").status == 503
            assert client.request("GET", "/free").status == 200
            redis.start()
            wait_for(lambda: client.request("GET", "/x").status == 200, "Redis to be asked again")
