"""A real gunicorn with the worker under test and the application in ``apps.py``."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.client import Client
from tests.support.waiting import wait_for

ROOT = Path(__file__).resolve().parent.parent.parent
GATEWAY = "gateway.server.worker.GatewayWorker"
GTHREAD = "gateway.server.worker.GatewayThreadWorker"
GEVENT = "gateway.server.gevent_worker.GatewayGeventWorker"


class Server:
    """A running gunicorn."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        port: int,
        folder: Path,
        tls: ssl.SSLContext | None,
    ) -> None:
        self.process = process
        self.tls = tls
        self.port = port
        self.folder = folder

    @property
    def output(self) -> str:
        return (self.folder / "output").read_text(errors="replace")

    def client(self, timeout: float = 10.0, tls: ssl.SSLContext | None = None) -> Client:
        return Client(self.port, timeout, tls)

    def workers(self) -> list[psutil.Process]:
        return [child for child in psutil.Process(self.process.pid).children() if _lives(child)]

    def worker(self) -> psutil.Process:
        (worker,) = self.workers()
        return worker

    def open_connections(self) -> int:
        """Connections the workers have, in whatever state."""
        return sum(
            connection.raddr != ()
            for worker in self.workers()
            for connection in worker.net_connections("tcp")
        )

    def counts(self) -> dict[str, Any]:
        with self.client(tls=self.tls) as client:
            told: dict[str, Any] = json.loads(client.request("GET", "/counts").body)
            return told

    def stop(self, number: int = signal.SIGTERM, timeout: float = 20.0) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(timeout)


@contextmanager
def serving(
    folder: Path,
    *,
    worker: str = GATEWAY,
    conf: str = "",
    limits: dict[str, Any] | None = None,
    also: socket.socket | None = None,
    tls: ssl.SSLContext | None = None,
    **settings: Any,
) -> Iterator[Server]:
    """gunicorn with one worker, answering.

    ``limits``: attributes of the worker class. ``also``: one more listener. ``tls``: how to
    speak to it, if ``settings`` have it speak TLS.
    """
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        descriptors = [sock.fileno() for sock in (listener, also) if sock]
        chosen = {
            "bind": [f"fd://{fd}" for fd in descriptors],
            "worker_class": worker,
            "threads": 4,
            "keepalive": 5,
            "graceful_timeout": 8,
            "control_socket_disable": True,
            **settings,
        }
        lines = [f"{name} = {value!r}" for name, value in chosen.items()]
        lines.append(f"from gunicorn.util import load_class\nworker = load_class({worker!r})")
        # Admission has tests of its own; here nobody is refused for waiting.
        lines.append("from gateway.settings.admission import Admission")
        lines.append("worker.admission = Admission(mode='off')")
        lines += [f"worker.{name} = {value!r}" for name, value in (limits or {}).items()]
        (folder / "conf.py").write_text("\n".join([*lines, conf, ""]))
        command = [sys.executable, "-m", "gunicorn", "-c", str(folder / "conf.py")]
        with (folder / "output").open("wb") as output:
            process = subprocess.Popen(
                [*command, "tests.server.apps:application"],
                pass_fds=descriptors,
                stdout=output,
                stderr=output,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
            )
        port = listener.getsockname()[1]
    server = Server(process, port, folder, tls)
    try:
        # The socket already listens: the first answer comes as soon as there is a worker.
        wait_for(lambda: server.counts()["pid"], "the server to answer")
        yield server
    except BaseException:
        print(server.output, file=sys.stderr)
        raise
    finally:
        server.stop()


Serve = Callable[..., AbstractContextManager[Server]]


def worker_classes() -> list[str]:
    """All there are here; gevent is an extra."""
    return [GATEWAY, GTHREAD, *([GEVENT] if find_spec("gevent") else [])]


ALL_WORKERS = pytest.mark.parametrize(
    "worker", worker_classes(), ids=lambda name: name.rpartition(".")[2], indirect=True
)


@pytest.fixture
def worker(request: pytest.FixtureRequest) -> str:
    """The worker class under test; ``ALL_WORKERS`` goes through all of them."""
    return getattr(request, "param", GATEWAY)


@pytest.fixture
def serve(tmp_path: Path, worker: str) -> Serve:
    """``serving`` in this test's own folder."""
    return lambda **settings: serving(tmp_path, worker=worker, **settings)


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
