"""A real Redis server on a free port, which ends with the test."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.gateway import free_port
from tests.support.waiting import wait_for

needs_redis = pytest.mark.skipif(
    shutil.which("redis-server") is None,
    reason="redis-server is missing (Debian and Ubuntu: apt-get install redis-server)",
)


class RedisServer:
    """A server that can be stopped, started anew, and held."""

    def __init__(self, folder: str) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Empty, as nothing is kept on disk."""
        settings = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        settings += ["--dir", self._folder, "--port", str(self.port)]
        self._process = subprocess.Popen(
            ["redis-server", *settings], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_for(self._answers, "Redis to answer")

    def _answers(self) -> bool:
        try:
            return self.command("PING") == b"+PONG\r\n"
        except OSError:
            return False

    def command(self, *words: str) -> bytes:
        """Send a command on a connection of its own; the raw answer."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            connection.sendall(" ".join(words).encode() + b"\r\n")
            return connection.recv(1 << 20)

    def hold(self) -> None:
        """It takes connections and bytes and answers nothing."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """It answers again."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def stop(self) -> None:
        """Its port refuses connections from now on."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None


@contextmanager
def redis_server() -> Iterator[RedisServer]:
    """A running server."""
    with tempfile.TemporaryDirectory(prefix="gateway-redis-") as folder:
        server = RedisServer(folder)
        server.start()
        try:
            yield server
        finally:
            server.stop()
