"""The worker under its master: heartbeat, death, logs, hooks and settings."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from threading import Event

import psutil
import pytest

from tests.server.conftest import ROOT, Serve
from tests.server.test_lifetime import ended, held
from tests.support.waiting import wait_for


def test_a_worker_whose_master_died_ends(serve: Serve) -> None:
    """It would otherwise serve old code for ever."""
    with serve() as server:
        worker = server.worker()
        server.process.kill()
        server.process.wait(5)
        wait_for(lambda: ended(worker), "the worker's end")


def test_the_heartbeat_is_the_worker_not_its_requests(serve: Serve, tmp_path: Path) -> None:
    """``timeout`` kills a worker that is stuck, not one with a long request."""
    gate = tmp_path / "gate"
    with serve(timeout=1) as server:
        with held(server, gate, 4) as clients:
            worker = server.worker()
            pause = Event()
            pause.wait(2.5)
            gate.touch()
            assert {client.answer().body for client in clients} == {b"held"}
            assert server.worker().pid == worker.pid
        worker.suspend()
        wait_for(lambda: server.workers() and not psutil.pid_exists(worker.pid), "its end")
        assert server.counts()["pid"] != worker.pid


def test_logs_are_reopened_on_sigusr1(serve: Serve, tmp_path: Path) -> None:
    """And the access log has one line per request, refused or not."""
    log = tmp_path / "access"
    with serve(accesslog=str(log), access_log_format="%(m)s %(U)s %(s)s %(B)s") as server:
        with server.client() as client:
            client.request("GET", "/parts?length=15")
            client.request("HEAD", "/parts?length=15")
            client.request("GET", "/raise?what=key")
        wait_for(lambda: log.read_text().count("\n") >= 4, "the access log")
        lines = log.read_text().splitlines()
        assert [line for line in lines if "/counts" not in line] == [
            "GET /parts 200 15",
            "HEAD /parts 200 0",
            "GET /raise 500 0",
        ]
        log.rename(tmp_path / "old")
        server.worker().send_signal(signal.SIGUSR1)
        wait_for(log.exists, "the new log")
        with server.client() as client:
            client.request("GET", "/length")
        wait_for(log.read_text, "a line in the new log")
        assert log.read_text() == "GET /length 200 1\n"


HOOKS = """
def pre_request(worker, req):
    if req.path == "/forbidden":
        raise ValueError("told to")
    worker.log.info("pre %s", req.path)
def post_request(worker, req, environ, resp):
    worker.log.info("post %s %s", environ.get("PATH_INFO"), resp and resp.status)
    if req.path == "/raise":
        raise ValueError("told to")
"""


def test_hooks_are_called_and_their_errors_are_theirs(serve: Serve) -> None:
    """A post_request hook that fails costs no answer."""
    with serve(conf=HOOKS) as server:
        with server.client() as client:
            assert client.request("GET", "/length").status == 200
        with server.client() as client:
            assert client.request("GET", "/raise?what=key").status == 500
        with server.client() as client:
            assert client.request("GET", "/forbidden").status == 500
        for line in [
            "pre /length",
            "post /length 200 OK",
            "post /raise 500 Internal Server Error",
            "post None None",
        ]:
            wait_for(lambda line=line: line in server.output, line)


UNSUPPORTED = {
    "tls": ["--certfile", "x.pem", "--keyfile", "x.key"],
    "proxy": ["--proxy-protocol", "v1"],
}


@pytest.mark.parametrize("flags", UNSUPPORTED.values(), ids=UNSUPPORTED)
def test_settings_the_worker_cannot_honour_stop_the_start(flags: list[str], tmp_path: Path) -> None:
    """Saying which worker class can; TLS that is silently off would be a disaster."""
    for name in ("x.pem", "x.key", "conf.py"):
        (tmp_path / name).touch()
    command = [sys.executable, "-m", "gunicorn", "-c", "conf.py", "-b", "127.0.0.1:0", *flags]
    command += ["-k", "gateway.server.worker.GatewayWorker", "tests.server.apps:application"]
    done = subprocess.run(
        [*command, "--no-control-socket"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=20,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert done.returncode == 1
    assert "needs worker_class = 'gateway.server.worker.GatewayThreadWorker'" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("level", ["debug", "DEBUG"])
def test_each_request_is_a_line_where_debug_lines_are_written(serve: Serve, level: str) -> None:
    """gunicorn's own hook writes it; it is left out only where nobody would see it."""
    with serve(loglevel=level) as server, server.client() as client:
        assert client.request("GET", "/length?here").status == 200
        assert "[DEBUG] GET /length" in server.output
