"""The access log of a running gateway: every worker's lines, rotation, and outputs that fail."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.gateway import GatewayProcess, gateway
from tests.support.upstream import Upstream, upstream
from tests.support.waiting import wait_for


def lines(path: Path) -> list[dict[str, Any]]:
    """What is in a log, each line a whole object."""
    return [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []


@contextmanager
def logging(
    log: str, *, workers: int = 1, request: str = ""
) -> Iterator[tuple[GatewayProcess, Upstream, Upstream]]:
    """A gateway with a shadow, and an access log by these settings."""
    with upstream() as live, upstream() as shadow:
        config = f"""
            [live]
            url = "{live.url}"
            [[shadows]]
            url = "{shadow.url}"
            name = "rewrite"
            [[shadows]]
            url = "{shadow.url}"
            name = "readers"
            methods = ["GET"]
            [[routes]]
            path = "/invoices"
            name = "billing"
            [server]
            workers = {workers}
            graceful_timeout = "5s"
            [request]
            {request}
            [access_log]
            {log}
        """
        with gateway(config=config) as running:
            yield running, live, shadow


def ask(running: GatewayProcess, target: str, *fields: str) -> int:
    with running.client() as client:
        return client.request("POST", target, *fields, body=b"12345").status


def test_a_request_has_one_line_with_what_became_of_it(tmp_path: Path) -> None:
    """From the client's address behind a trusted proxy to the shadows that took a copy."""
    log = tmp_path / "log"
    with logging(
        f'to = "file"\nfile = "{log}"',
        request='trusted_proxies = ["127.0.0.0/8"]\nforward_id = "X-Trace"',
    ) as (running, live, _):
        fields = ("X-Forwarded-For: 1.1.1.1, 192.0.2.1", "X-Request-Id: abc", "Cookie: s=S3CRET")
        assert ask(running, "/invoices/7?token=S3CRET", *fields) == 200
        assert live.taken()[0].values("X-Trace") == ["abc"]
        (told,) = wait_for(lambda: lines(log), "the line")
        assert ask(running, "/other") == 200
        wait_for(lambda: len(lines(log)) == 2, "the second line")
        assert live.taken()[1].values("X-Trace") == [lines(log)[1]["request_id"]]
    assert "S3CRET" not in log.read_text()
    expected = {
        "request_id": "abc",
        "client": "192.0.2.1",
        "method": "POST",
        "target": "/invoices/7?token=***",
        "status": 200,
        "bytes_in": 5,
        "bytes_out": 2,
        "complete": True,
        "route": "billing",
        "upstream": live.url,
        "live": "answered",
        "shadows": ["rewrite"],
        "missed": {"readers": "skipped: method"},
    }
    assert {key: told[key] for key in expected} == expected
    assert 0 <= told["queue_seconds"] <= told["total_seconds"]
    assert 0 < told["live_seconds"] < told["total_seconds"]


def test_standard_output_has_whole_lines_of_all_workers() -> None:
    """And what a worker has not written yet when it is stopped."""
    with logging('to = "stdout"', workers=2) as (running, _, _):
        for number in range(50):
            assert ask(running, f"/{number}") == 200
        assert running.stop() == 0
        found = [json.loads(line) for line in running.output.splitlines() if line[:1] == "{"]
    assert sorted(line["target"] for line in found) == sorted(f"/{n}" for n in range(50))


def test_sigusr1_has_every_worker_open_the_file_anew(tmp_path: Path) -> None:
    """As logrotate does it: rename, then signal the master; no line is lost."""
    log, rotated = tmp_path / "log", tmp_path / "log.1"
    with logging(f'to = "file"\nfile = "{log}"', workers=2) as (running, _, _):
        pids = wait_for(lambda: len(p := set(running.workers())) == 2 and p, "both workers")
        asked = 0

        def open_by_all(path: Path) -> bool:
            nonlocal asked
            asked += 1
            assert ask(running, f"/{asked}") == 200
            return all(_has_open(pid, path) for pid in pids)

        wait_for(lambda: open_by_all(log), "both workers to write")
        log.rename(rotated)
        running.process.send_signal(signal.SIGUSR1)
        wait_for(lambda: open_by_all(log), "both workers to write to the new file")
        assert not any(_has_open(pid, rotated) for pid in pids)
        assert set(running.workers()) == pids
        wait_for(lambda: len(lines(log)) + len(lines(rotated)) == asked, "all lines")
        assert lines(rotated)
        assert lines(log)


def _has_open(pid: int, path: Path) -> bool:
    folder = Path(f"/proc/{pid}/fd")
    for fd in os.listdir(folder):
        try:
            if os.readlink(folder / fd) == str(path):
                return True
        except FileNotFoundError:
            continue  # closed meanwhile
    return False


def test_a_blocked_pipe_delays_nobody_and_its_losses_are_counted(tmp_path: Path) -> None:
    """Requests are answered, the metric counts, the log tells, and the gateway stops in time."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        log = f'to = "file"\nfile = "{pipe}"\nmax_buffered = "16KiB"'
        with logging(log) as (running, _, _), running.client() as client:
            agent = "User-Agent: " + "x" * 500
            for number in range(400):
                assert client.request("GET", f"/{number}", agent).status == 200
            wait_for(lambda: running.metric("gateway_access_log_lost_total") > 0, "the metric")
            wait_for(lambda: "lines lost" in running.output, "the warning")
            assert running.output.count("lines lost") <= 2
            assert running.stop(timeout=8) == 0
    finally:
        os.close(reader)


def test_a_full_disk_delays_nobody(tmp_path: Path) -> None:
    """It is told of, and requests are answered."""
    path = tmp_path / "log"
    path.symlink_to("/dev/full")
    with logging(f'to = "file"\nfile = "{path}"') as (running, _, _):
        for _ in range(20):
            assert ask(running, "/") == 200
        wait_for(lambda: "No space left on device" in running.output, "the warning")
