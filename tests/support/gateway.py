"""A whole gateway: gunicorn, its workers and the admin process, on free ports."""

from __future__ import annotations

import fcntl
import itertools
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import IO

from tests.support.client import Client
from tests.support.waiting import wait_for

_SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$")


@cache
def _ports() -> Iterator[int]:
    """Ports that are this process's own: so what was free a moment ago still is.

    Below those that the system gives to clients and to port 0. Whoever holds a range's
    lock, until it ends, has the range.
    """
    for first in range(11_000, 32_000, 1000):
        lock = Path(tempfile.gettempdir(), f"gateway-test-ports-{first}").open("w")  # noqa: SIM115 - for good
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
        else:
            _held.append(lock)
            return itertools.cycle(range(first, first + 1000))
    raise AssertionError("so many tests at the same time")


_held: list[IO[str]] = []


def free_port() -> int:
    """A port nobody listens on, and which nobody else is told of."""
    for port in _ports():
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("never here: the ports go round")


class GatewayProcess:
    """A running gateway."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, admin: int, log: Path) -> None:
        self.process = process
        self.port = port
        self.admin = admin
        self._log = log
        # What it was started in.
        self.folder = log.parent

    @property
    def output(self) -> str:
        """Everything its processes printed."""
        return self._log.read_text(errors="replace")

    def client(self, timeout: float = 10.0) -> Client:
        """A new connection to its public side."""
        return Client(self.port, timeout)

    def get(self, path: str) -> tuple[int, str]:
        """Ask the admin listener."""
        return fetch(f"http://127.0.0.1:{self.admin}{path}")

    def post(self, path: str, document: object) -> tuple[int, str]:
        """Tell the admin listener."""
        return fetch(f"http://127.0.0.1:{self.admin}{path}", json.dumps(document).encode())

    def metrics(self) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
        """All samples: (name, labels) to value."""
        samples = {}
        for line in self.get("/metrics")[1].splitlines():
            if match := _SAMPLE.match(line):
                labels = re.findall(r'(\w+)="([^"]*)"', match[2] or "")
                samples[match[1], frozenset(labels)] = float(match[3])
        return samples

    def metric(self, name: str, **labels: str) -> float:
        """The sum of the samples with this name and these labels."""
        wanted = set(labels.items())
        return sum(
            value for (key, have), value in self.metrics().items() if key == name and wanted <= have
        )

    def ledger(self, shadow: str = "shadow") -> dict[str, float]:
        """A shadow's ledger, "outcome reason" to number."""
        counts = {}
        for (name, labels), value in self.metrics().items():
            told = dict(labels)
            if name == "gateway_shadow_requests_total" and told["shadow"] == shadow:
                counts[f"{told['outcome']} {told['reason']}".strip()] = value
        return counts

    def settled(self, requests: int, shadow: str = "shadow") -> dict[str, float]:
        """The ledger once it has all ``requests``."""
        return wait_for(
            lambda: ledger if sum((ledger := self.ledger(shadow)).values()) >= requests else None,
            f"{requests} requests in the ledger",
        )

    def quiet(self) -> None:
        """Wait until every copy of every answered request has ended."""
        wait_for(
            lambda: (
                self.metric("gateway_inflight_requests") == 0
                and self.metric("gateway_requests_total")
                == self.metric("gateway_shadow_requests_total")
            ),
            "the ledger to be complete",
        )

    def workers(self) -> list[int]:
        """Process ids of the gateway's workers, as they published them."""
        return [w["pid"] for w in json.loads(self.get("/api/workers")[1])["workers"]]

    def stop(self, number: int = signal.SIGTERM, timeout: float = 30.0) -> int:
        """Stop it and return its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(timeout)


def fetch(url: str, body: bytes | None = None) -> tuple[int, str]:
    """Status and text of a URL, no proxies involved."""
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


@contextmanager
def gateway(
    *flags: str, config: str | None = None, env: dict[str, str] | None = None, wait: str = "ready"
) -> Iterator[GatewayProcess]:
    """``gateway run`` with these flags and this settings file's text."""
    port, admin = free_port(), free_port()
    with tempfile.TemporaryDirectory(prefix="gateway-test-") as folder:
        command = [sys.executable, "-m", "gateway", "run", *flags]
        command += ["--bind", f"127.0.0.1:{port}", "--admin", f"127.0.0.1:{admin}"]
        if config is not None:
            file = Path(folder, "gateway.toml")
            file.write_text(config)
            command += ["--config", str(file)]
        log = Path(folder, "output")
        clean = {k: v for k, v in os.environ.items() if not k.startswith("GATEWAY_")}
        if "[isolation]" not in (config or ""):
            # A hundredth would not be mirrored, and tests count on every request.
            clean["GATEWAY_ISOLATION_HOLDOUT"] = "0"
        with log.open("wb") as output:
            process = subprocess.Popen(
                command, stdout=output, stderr=output, cwd=folder, env={**clean, **(env or {})}
            )
        running = GatewayProcess(process, port, admin, log)
        try:
            wait_for(lambda: _up(running, wait), f"the gateway to be {wait}", 20)
            yield running
        except BaseException:
            print(running.output, file=sys.stderr)
            raise
        finally:
            running.stop()


def _up(running: GatewayProcess, wait: str) -> bool:
    if running.process.poll() is not None:
        raise AssertionError(f"the gateway ended with {running.process.returncode}")
    try:
        ready = running.get("/readyz")
    except OSError:
        return False
    return ready[0] == 200 or (wait == "serving" and '"serving": 0' not in ready[1])
