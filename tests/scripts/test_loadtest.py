"""The load test, on small loads: what its figures mean, and that it leaves nothing behind."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from scripts.load.answers import AnswerReader
from scripts.load.attackers import Attack
from scripts.load.bench import Bench
from scripts.load.figures import Figures
from scripts.load.job import BROKEN, NONSENSE, UNANSWERED, Job, Phase, json_body
from scripts.load.pace import Pace
from scripts.load.slow_clients import attacked
from scripts.load.targets import GatewaySettings, Target, upstream
from scripts.load.verdicts import Row, Verdict, combined
from tests.support.waiting import wait_for

ROOT = Path(__file__).resolve().parent.parent.parent
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CLOSING = OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n0\r\n\r\n0\r\n\r\n"


def measure(target: Target, rate: float, connections: int, seconds: float, **job: float) -> Figures:
    phases = (Phase("measured", seconds, rate),)
    run = Bench(print).run(
        target,
        "test",
        Job(target.port, connections, phases, **job),  # type: ignore[arg-type]
        timed=False,
    )
    return run.figures()


@pytest.mark.parametrize(
    ("data", "status", "reusable"),
    [
        pytest.param(OK, 200, True, id="length"),
        pytest.param(CLOSING, 200, False, id="close"),
        pytest.param(CHUNKED, 200, True, id="chunked, with a chunk that looks like the last"),
        pytest.param(b"HTTP/1.1 204 No Content\r\n\r\n", 204, True, id="no body"),
        pytest.param(b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK, 200, True, id="after 1xx"),
    ],
)
@pytest.mark.parametrize("size", [1, 1000], ids=["byte by byte", "at once"])
def test_an_answer_ends_where_its_framing_says(
    data: bytes, status: int, reusable: bool, size: int
) -> None:
    """However it arrives, the client knows the status and where the answer ends."""
    reader = AnswerReader()
    complete = [reader.feed(data[at : at + size]) for at in range(0, len(data), size)]
    assert complete == [False] * (len(complete) - 1) + [True]
    assert (reader.status, reader.reusable) == (status, reusable)


@pytest.mark.parametrize(
    "data", [OK + b"x", CHUNKED + b"x", b"no HTTP\r\n\r\n"], ids=["length", "chunked", "head"]
)
def test_what_is_no_answer_is_nonsense(data: bytes) -> None:
    """Bytes behind an answer's end, or in place of one, end the connection."""
    reader = AnswerReader()
    assert reader.feed(data)
    assert (reader.status, reader.reusable) == (NONSENSE, False)


def test_an_answer_that_is_cut_short_is_broken() -> None:
    """A connection that closes before the body's end is no answer."""
    reader = AnswerReader()
    assert not reader.feed(OK[:-1])
    reader.end()
    assert reader.status == BROKEN


@pytest.mark.parametrize("size", [64, 1024, 100_000])
def test_a_body_has_the_size_asked_for(size: int) -> None:
    """A body is valid JSON of exactly that many bytes."""
    body = json_body(size)
    assert len(body) == size
    json.loads(body)


def test_every_arrival_is_sent_once_and_answered() -> None:
    """What the client records is what the upstream saw."""
    with upstream() as live:
        figures = measure(live, rate=500, connections=8, seconds=0.6)
        assert figures.offered == figures.answered == live.count()
    assert 200 < figures.offered < 400  # a Poisson number around 300


def test_latency_counts_from_the_scheduled_arrival() -> None:
    """A request that waits for a free connection has waited: no coordinated omission."""
    with upstream(delay=0.05) as live:
        figures = measure(live, rate=100, connections=1, seconds=0.25)
    # One connection does 20/s; the last of about 25 requests is due at a quarter of a second.
    assert figures.percentile(100) > 500
    assert figures.percentile(0) < 125


def test_who_is_busy_looks_every_millisecond_and_who_is_idle_at_once() -> None:
    """Twenty times in a row take nineteen milliseconds at least; the first of them nothing."""
    pace, spent = Pace(), time.thread_time()
    pace.keep()
    began = time.monotonic()
    for _ in range(19):
        pace.keep()
    assert time.monotonic() - began >= 0.018
    assert time.thread_time() - spent < 0.01, "it slept"


def test_large_bodies_go_out_whole() -> None:
    """A body beyond the socket's buffers is sent in parts, every byte of it."""
    with upstream() as live:
        figures = measure(live, rate=20, connections=2, seconds=0.3, body_bytes=3_000_000)
        assert figures.answered == figures.offered == live.count()


def test_what_gets_no_answer_is_counted_and_does_not_hang() -> None:
    """A server that never answers costs the client its patience, no more."""
    with upstream("stalled") as live:
        began = time.monotonic()
        figures = measure(live, rate=100, connections=4, seconds=0.2, patience=0.2)
    assert set(figures.statuses) == {UNANSWERED}
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("behaviour", "start"),
    [
        ("ok", b"HTTP/1.1 200 "),
        ("500", b"HTTP/1.1 500 "),
        ("garbage", b"\x16\x03"),
        (
            "huge",
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1073741824",
        ),
        ("slow", b"HTTP/1.1 200 "),
    ],
)
def test_an_upstream_answers_as_told(behaviour: str, start: bytes) -> None:
    """Each behaviour is what its name says, on the wire."""
    with upstream(behaviour) as live:
        began = time.monotonic()
        assert ask(live).startswith(start)
        assert (time.monotonic() - began > 0.9) == (behaviour == "slow")


@pytest.mark.parametrize(
    ("behaviour", "error"),
    [
        ("refused", ConnectionRefusedError),
        ("resetting", ConnectionResetError),
        ("stalled", TimeoutError),
    ],
)
def test_an_upstream_fails_as_told(behaviour: str, error: type[OSError]) -> None:
    """Each failure is what its name says, on the wire."""
    with upstream(behaviour) as live, pytest.raises(error):
        ask(live, timeout=0.3)


def ask(target: Target, timeout: float = 5.0) -> bytes:
    with socket.create_connection(("127.0.0.1", target.port), timeout) as sock:
        sock.sendall(Job(target.port, 1, ()).request())
        return sock.recv(200)


def test_slow_clients_that_are_cut_off_are_counted() -> None:
    """The attackers connect, stay slow, and tell who was cut off."""
    attack = Attack(0, 10.0, heads=3, bodies=3, silent=3, unread=0)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)
        port = listener.getsockname()[1]
        with attacked(Attack(**{**vars(attack), "port": port})) as told:
            clients = [listener.accept()[0] for _ in range(9)]
            said = sorted(client.recv(1000)[:4] for client in clients[:6])
            for client in clients:
                client.close()
            for _ in range(9):  # they come back
                listener.accept()[0].close()
    assert said == [b"POST"] * 6
    assert all(told["cut_off"][kind] >= 3 for kind in ("heads", "bodies", "silent"))


@pytest.mark.parametrize(
    ("row", "verdict"),
    [
        (Row("B1", "x", 9, must=50, aim=10), Verdict.AIM),
        (Row("B1", "x", 11, must=50, aim=10), Verdict.MUST),
        (Row("B1", "x", 51, must=50, aim=10), Verdict.MISSED),
        (Row("B1", "x", 79, must=80, better="more"), Verdict.MISSED),
        (Row("B1", "x", 80, must=80, better="more"), Verdict.AIM),
        (Row("B1", "x", 1, must=0), Verdict.MISSED),
        (Row("B1", "x", 51), Verdict.NONE),
        (Row("B1", "x", 9, must=50, aim=10, lag=6), Verdict.VOID),
        (Row("B1", "x", 55, must=50, aim=10, lag=6), Verdict.VOID),
        (Row("B1", "x", 57, must=50, aim=10, lag=6), Verdict.MISSED),
    ],
)
def test_a_verdict_follows_from_figure_and_budget(row: Row, verdict: Verdict) -> None:
    """A lagging client voids a figure, but does not excuse what its lag cannot explain."""
    assert row.verdict is verdict


def test_repeats_give_medians_and_the_worst_where_nothing_may_happen() -> None:
    """One bad run is noise for a latency and a failure for a count; void ones are left out."""
    repeats = [
        [Row("B1", "P99", figure, must=50, lag=lag), Row("B1", "failed", bad, must=0, of="worst")]
        for figure, lag, bad in ((10, 0, 0), (30, 0, 1), (20, 0, 0), (90, 9, 0))
    ]
    p99, failed = combined(repeats)
    assert (p99.figure, p99.verdict) == (20, Verdict.AIM)
    assert (failed.figure, failed.verdict) == (1, Verdict.MISSED)


@contextmanager
def loadtest(folder: Path, *flags: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "scripts/loadtest.py", "--output", str(folder), *flags]
    process = subprocess.Popen(
        command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=60)


def test_a_load_gives_figures_json_and_one_self_contained_page(tmp_path: Path) -> None:
    """The whole thing: upstreams, a gateway, clients, a report that loads nothing."""
    flags = ("--rate=100", "--seconds=1", "--connections=8", "--body=2000", "--shadow=stalled")
    with loadtest(tmp_path, *flags) as process:
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    told = json.loads((tmp_path / "loadtest.json").read_text())
    figures = {row["what"]: row["figure"] for row in told["rows"]}
    assert figures["not answered 2xx"] == 0
    assert figures["CPU per request"] > 0
    assert figures["RSS, sum"] > 20
    page = (tmp_path / "loadtest.html").read_text()
    assert "<svg" in page
    assert not re.search(r"(src|href|url\(|@import|<script)", page)


def test_every_worker_class_can_be_measured() -> None:
    """The gateway that is started has the one that was asked for."""
    bench = Bench(print, worker_class="gthread")
    with upstream() as live, bench.gateway(GatewaySettings(), live.url, None) as target:
        (master,) = target.pids
        log = Path(psutil.Process(master).cwd(), "log").read_text()
    assert "Using worker: GatewayThreadWorker" in log


def test_ctrl_c_leaves_no_process_behind(tmp_path: Path) -> None:
    """Everything that was started is stopped, by its id, however the load test ends."""
    with loadtest(tmp_path, "--rate=50", "--seconds=60") as process:
        me = psutil.Process(process.pid)
        # Two upstreams, a gateway of four processes, a client.
        family = wait_for(
            lambda: found if len(found := me.children(recursive=True)) >= 7 else None, "children"
        )
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
    assert not [child for child in family if child.is_running()]
