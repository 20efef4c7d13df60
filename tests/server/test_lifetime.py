"""Stopping and being replaced: no request is lost, nothing outlives the worker."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event, Thread

import psutil
import pytest

from tests.server.conftest import ALL_WORKERS, Serve, Server
from tests.support.client import Answer, BrokenAnswer, Client
from tests.support.waiting import wait_for

pytestmark = ALL_WORKERS

# How often the worker looks at its deadlines.
TICK = 0.25


@contextmanager
def held(server: Server, gate: Path, count: int) -> Iterator[list[Client]]:
    """Clients whose requests the application is working on until ``gate`` exists."""
    with ExitStack() as stack:
        clients = [stack.enter_context(server.client()) for _ in range(count)]
        for number, client in enumerate(clients):
            client.send(f"GET /hold?gate={gate}&n={number} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        wait_for(
            lambda: all(Path(f"{gate}.{n}").exists() for n in range(count)), "all to be started"
        )
        yield clients


def ended(process: psutil.Process) -> bool:
    """Whether a process is gone, or only waits to be reaped."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def refused(server: Server) -> bool:
    """Whether nobody listens any more."""
    try:
        server.client(timeout=1).socket.close()
    except ConnectionRefusedError:
        return True
    except OSError:
        pass
    return False


def test_requests_in_progress_complete_after_sigterm(serve: Serve, tmp_path: Path) -> None:
    """In the application, half sent, and on kept connections; each is told of the close."""
    gate = tmp_path / "gate"
    with serve(threads=8) as server, held(server, gate, 4) as clients, ExitStack() as stack:
        half, kept = (stack.enter_context(server.client()) for _ in range(2))
        half.send(b"POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab")
        assert kept.request("GET", "/length").values("Connection") == []
        server.process.send_signal(signal.SIGTERM)
        wait_for(lambda: refused(server), "the listener to close")
        half.send(b"cd")
        answers: list[Answer] = [half.answer(), kept.request("GET", "/length")]
        gate.touch()
        answers += [client.answer() for client in clients]
        assert [a.body for a in answers] == [b"4", b"0"] + [b"held"] * 4
        assert {tuple(a.values("Connection")) for a in answers} == {("close",)}
        assert server.process.wait(5) == 0  # not at graceful_timeout
        assert "Traceback" not in server.output


def test_idle_connections_do_not_delay_the_end(serve: Serve) -> None:
    """They linger for drain_linger only, whatever keepalive says."""
    with serve(keepalive=60, limits={"drain_linger": 0.3}) as server, server.client() as client:
        assert client.request("GET", "/length").status == 200
        began = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert client.closed()
        assert server.process.wait(10) == 0
        assert 0.25 < time.monotonic() - began < 3


def test_a_kept_connection_may_send_one_more_request_while_draining(serve: Serve) -> None:
    """A request that crosses with the stop is answered, and told of the close: no reset."""
    with serve(keepalive=60) as server, ExitStack() as stack:
        kept = [stack.enter_context(server.client()) for _ in range(4)]
        for client in kept:
            assert client.request("GET", "/length").values("Connection") == []
        server.process.send_signal(signal.SIGTERM)
        wait_for(lambda: refused(server), "the listener to close")
        # Longer than one look at the deadlines: idle connections have met it by now.
        Event().wait(2 * TICK)
        for client in kept:
            answer = client.request("GET", "/length")
            assert (answer.status, answer.values("Connection")) == (200, ["close"])
        assert server.process.wait(5) == 0


def test_a_long_request_completes_in_a_drain(serve: Serve, tmp_path: Path) -> None:
    """The worker waits for it past drain_linger and past the time its threads get to stop."""
    gate = tmp_path / "gate"
    with (
        serve(limits={"drain_linger": 0.1}) as server,
        held(server, gate, 1) as (client,),
        server.client() as idle,
    ):
        assert idle.request("GET", "/length").status == 200
        server.process.send_signal(signal.SIGTERM)
        assert idle.closed()  # the drain is past its lingering
        Event().wait(2.5)
        gate.touch()
        answer = client.answer()
        assert (answer.body, answer.values("Connection")) == (b"held", ["close"])
        assert server.process.wait(5) == 0


def test_graceful_timeout_ends_what_does_not_end(serve: Serve, tmp_path: Path) -> None:
    """A request stuck in the application is cut off; it does not keep the process."""
    with serve(graceful_timeout=1) as server, held(server, tmp_path / "never", 1) as (client,):
        worker = server.worker()
        began = time.monotonic()
        assert server.stop() == 0
        assert 0.9 < time.monotonic() - began < 4
        with pytest.raises((BrokenAnswer, ConnectionResetError)):
            client.answer()
        wait_for(lambda: ended(worker), "the worker's end")


@pytest.mark.parametrize("number", [signal.SIGQUIT, signal.SIGINT])
def test_a_quick_stop_is_quick(number: signal.Signals, serve: Serve, tmp_path: Path) -> None:
    """Whatever is in progress."""
    with serve(graceful_timeout=30) as server, held(server, tmp_path / "never", 2):
        began = time.monotonic()
        server.stop(number)
        assert time.monotonic() - began < 3


def test_a_worker_is_replaced_after_max_requests_without_loss(serve: Serve) -> None:
    """Each request is answered, over several workers."""
    with serve(max_requests=20, limits={"drain_linger": 0.2}) as server:
        pids = set()
        for _ in range(15):
            with server.client() as client:
                for _ in range(10):
                    answer = client.request("GET", "/counts")
                    pids.add(json.loads(answer.body)["pid"])
                    if answer.values("Connection") == ["close"]:
                        break
        assert len(pids) >= 3


def test_a_reload_under_traffic_loses_nothing(serve: Serve) -> None:
    """SIGHUP: old workers finish, new ones take over; also for requests on kept connections."""
    with serve(workers=2, limits={"drain_linger": 0.5}) as server:
        stop, failures, answered = Event(), [], []

        def traffic() -> None:
            try:
                while not stop.is_set():
                    with server.client() as client:
                        for _ in range(20):
                            answer = client.request("POST", "/length", body=b"abc")
                            answered.append(answer.body)
                            if answer.values("Connection") == ["close"]:
                                break
            except Exception as error:  # noqa: BLE001 - whatever it is, it is a lost request
                failures.append(error)

        threads = [Thread(target=traffic) for _ in range(4)]
        for thread in threads:
            thread.start()
        old = {worker.pid for worker in server.workers()}
        server.process.send_signal(signal.SIGHUP)
        wait_for(
            lambda: len(new := {w.pid for w in server.workers()}) == 2 and not new & old,
            "the old workers' end",
        )
        seen = len(answered)
        wait_for(lambda: len(answered) > seen + 50, "traffic on the new ones")
        stop.set()
        for thread in threads:
            thread.join()
        assert failures == []
        assert set(answered) == {b"3"}


_STOPPED_AT_START = """
from os import kill, getpid
from signal import SIGTERM
def post_worker_init(worker):
    if worker.age == 1:
        kill(getpid(), SIGTERM)
"""


def test_a_worker_that_is_told_to_stop_as_it_starts_just_leaves(serve: Serve) -> None:
    """A reload can meet a worker that has not begun to accept."""
    with serve(conf=_STOPPED_AT_START) as server:
        wait_for(lambda: server.output.count("Booting worker") == 2, "another to take its place")
        assert "Traceback" not in server.output
