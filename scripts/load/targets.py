"""What is measured: Gateway, the obvious glue, an upstream itself, or any proxy at a URL."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from .children import ROOT, SCRIPTS, Failed, part, server

_START_SECONDS = 30.0
_POLL_SECONDS = 0.02
_LOG_LINES = 15
# What every client sends, and the whole chain asks for.
API_KEY = "loadtest-of-the-gateway"


@dataclass(frozen=True)
class Target:
    """Where requests go. ``pids``: of the processes it began with.

    ``scratch``: the folder for its temporary files. ``admin``: its admin port.
    """

    name: str
    port: int
    host: str = "127.0.0.1"
    pids: tuple[int, ...] = ()
    scratch: Path | None = None
    admin: int = 0

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def count(self) -> int:
        """Of an upstream: the requests it has had."""
        return int(_answer(f"{self.url}/count") or 0)


@dataclass(frozen=True)
class GatewaySettings:
    """What scenarios vary. ``chain``: a settings file beside this one, without addresses."""

    chain: str = "full_chain"
    workers: int = 2
    threads: int = 0
    pool_size: int = 256
    worker_class: str = "gateway"
    extra: str = ""  # more of a settings file
    environment: dict[str, str] = field(default_factory=dict)

    def toml(self, live: str, shadow: str | None, port: int, admin: int) -> str:
        """The settings file."""
        parts = [
            (SCRIPTS / "load" / f"{self.chain}.toml").read_text(),
            f'[live]\nurl = "{live}"\npool_size = {self.pool_size}',
            f'[server]\nbind = "127.0.0.1:{port}"\nadmin = "127.0.0.1:{admin}"\n'
            f"workers = {self.workers}\nthreads = {self.threads}\n"
            f'worker_class = "{self.worker_class}"',
            f'[[shadows]]\nurl = "{shadow}"' if shadow else "",
            self.extra,
        ]
        return "\n\n".join(parts) + "\n"


@contextmanager
def upstream(behaviour: str = "ok", delay: float = 0.0, port: int = 0) -> Iterator[Target]:
    """An upstream server (``upstream.py``)."""
    flags = (f"--behaviour={behaviour}", f"--delay={delay}", f"--port={port}")
    with part("upstream", *flags) as process:
        assert process.stdout is not None  # for mypy: it is a pipe
        line = process.stdout.readline()
        if not line:
            raise Failed(f"the upstream did not start: exit status {process.wait()}")
        yield Target("straight", int(line), pids=(process.pid,))
        if process.poll() is not None:
            raise Failed(f"the upstream ended by itself: exit status {process.returncode}")


@contextmanager
def gateway(settings: GatewaySettings, live: str, shadow: str | None) -> Iterator[Target]:
    """``gateway run``, ready."""
    port, admin = free_port(), free_port()
    with tempfile.TemporaryDirectory(prefix="loadtest-") as folder:
        config, scratch = Path(folder, "gateway.toml"), Path(folder, "scratch")
        config.write_text(settings.toml(live, shadow, port, admin))
        _add_chain_files(Path(folder))
        scratch.mkdir()
        env = {k: v for k, v in os.environ.items() if not k.startswith("GATEWAY_")}
        env |= {"TMPDIR": str(scratch), "PYTHONPATH": str(ROOT), **settings.environment}
        command = [sys.executable, "-m", "gateway", "run", "--config", str(config)]
        ready = partial(_serving, f"http://127.0.0.1:{admin}/readyz", settings.workers)
        # Its store is a file in the folder it is started in.
        with _started(command, env, Path(folder, "log"), ready, Path(folder)) as process:
            yield Target("gateway", port, pids=(process.pid,), scratch=scratch, admin=admin)


def _add_chain_files(folder: Path) -> None:
    """What ``full_chain.toml`` names: a schema, and who may come in."""
    shutil.copy(SCRIPTS / "load" / "invoice.schema.json", folder)
    command = [sys.executable, "-m", "gateway", "keys", "add", "loadtest", "--stdin"]
    command += ["--file", str(folder / "credentials")]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    added = subprocess.run(command, input=API_KEY, capture_output=True, text=True, env=env)
    if added.returncode:
        raise Failed(f"gateway keys add: {added.stderr}")


@contextmanager
def naive_gateway(live: str, shadow: str | None, threads: int = 64) -> Iterator[Target]:
    """``naive_gateway.py`` under gunicorn's threads, as its authors would run it."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="loadtest-") as folder:
        conf = Path(folder, "empty.conf.py")
        conf.touch()  # or gunicorn takes the one of this project
        command = [sys.executable, "-m", "gunicorn", "naive_gateway:application", "-c", str(conf)]
        command += ["--worker-class", "gthread", "--workers", "2", "--threads", str(threads)]
        command += ["--worker-connections", "4096", "--keep-alive", "75", "--log-level", "warning"]
        command += ["--bind", f"127.0.0.1:{port}", "--no-control-socket"]
        env = {**os.environ, "PYTHONPATH": str(SCRIPTS), "LIVE": live, "SHADOW": shadow or ""}
        ready = partial(_answers, f"http://127.0.0.1:{port}/")
        with _started(command, env, Path(folder, "log"), ready) as process:
            yield Target("naive glue", port, pids=(process.pid,))


def external(url: str, pids: tuple[int, ...]) -> Target:
    """Somebody else's proxy, which runs already."""
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise Failed(f"{url}: only http:// URLs can be measured")
    host = socket.gethostbyname(parts.hostname)
    if not host.startswith("127."):
        raise Failed(f"{url}: the load test sends to this machine only")
    return Target(url, parts.port or 80, host=host, pids=pids)


@contextmanager
def _started(
    command: list[str],
    env: dict[str, str],
    log: Path,
    ready: Callable[[], bool],
    folder: Path | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output, server(command, env, output, folder) as process:
        until = time.monotonic() + _START_SECONDS
        while not ready():
            if process.poll() is not None or time.monotonic() > until:
                said = "\n".join(log.read_text(errors="replace").splitlines()[-_LOG_LINES:])
                raise Failed(f"{' '.join(command[2:5])} did not start:\n{said}")
            time.sleep(_POLL_SECONDS)
        yield process


def _serving(url: str, workers: int) -> bool:
    document = _answer(url)
    return document is not None and json.loads(document)["workers"]["serving"] >= workers


def _answers(url: str) -> bool:
    return _answer(url) is not None


def _answer(url: str) -> bytes | None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=2) as answer:
            return bytes(answer.read())
    except OSError:
        return None


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
