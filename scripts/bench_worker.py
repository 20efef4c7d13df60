"""CPU per trivial request of the worker classes, one after another in one run.

    python scripts/bench_worker.py [--rate 2000] [--connections 1000] [--seconds 5]
                                   [--worker stock --worker gateway ...]

Each worker class is started under gunicorn (one worker) with an application that
reads its body and answers a few bytes.  An open-loop client sends 1 KB POSTs over
kept-alive connections at a Poisson rate; latency counts from the scheduled time.
CPU is that of the worker process alone.  What counts is the ratio within one run.
"""

from __future__ import annotations

import argparse
import os
import random
import select
import socket
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

WORKERS = {
    "stock": "gthread",
    "gateway": "gateway.server.worker.GatewayWorker",
    "gateway-gthread": "gateway.server.worker.GatewayThreadWorker",
    "gevent": "gevent",
    "gateway-gevent": "gateway.server.gevent_worker.GatewayGeventWorker",
}

# A generator that comes late measures the machine, not the worker.
MOST_LAG_MS = 5.0

APP = """
def app(environ, start_response):
    environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "4")])
    return [b"END\\n"]
"""
BODY = b'{"invoice": "' + b"x" * 1000 + b'"}'
REQUEST = (
    b"POST /v1/invoices?page=1 HTTP/1.1\r\nHost: billing.example\r\nUser-Agent: bench\r\n"
    b"Accept: */*\r\nAccept-Encoding: gzip\r\nX-Api-Key: 0123456789abcdef\r\n"
    b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(BODY)
) + BODY


@dataclass(frozen=True)
class Load:
    """What is sent, and for how long."""

    rate: float
    connections: int
    seconds: float
    threads: int


@dataclass(frozen=True)
class Figures:
    """What one worker class did under the load."""

    cpu_us: float
    p50_ms: float
    p99_ms: float
    answered: int
    failed: int
    lag_ms: float
    rss_mb: float

    def line(self, name: str, stock_us: float | None) -> str:
        ratio = f"{self.cpu_us / stock_us:5.2f}" if stock_us else "    -"
        return (
            f"{name:16} {self.cpu_us:7.0f} us {ratio}  p50 {self.p50_ms:6.2f} ms"
            f"  p99 {self.p99_ms:7.2f} ms  {self.answered:6d} answered {self.failed:3d} failed"
            f"  rss {self.rss_mb:4.0f} MB  generator lag p99 {self.lag_ms:5.2f} ms"
            + (" VOID" if self.lag_ms > MOST_LAG_MS else "")
        )


@contextmanager
def server(worker_class: str, load: Load) -> Iterator[tuple[int, psutil.Process]]:
    """gunicorn with one worker, ready; stopped at the end."""
    with tempfile.TemporaryDirectory() as folder, socket.socket() as listener:
        Path(folder, "bench_app.py").write_text(APP)
        Path(folder, "gunicorn.conf.py").touch()  # or it takes the one in this folder
        listener.bind(("127.0.0.1", 0))
        listener.listen(2048)
        command = [sys.executable, "-m", "gunicorn", "bench_app:app", "--no-control-socket"]
        command += ["-c", str(Path(folder, "gunicorn.conf.py"))]
        command += ["-k", worker_class, "--threads", str(load.threads), "--keep-alive", "75"]
        command += ["--worker-connections", "8192", "--bind", f"fd://{listener.fileno()}"]
        command += ["--chdir", folder, "--log-level", "warning", "--backlog", "2048"]
        root = str(Path(__file__).resolve().parent.parent)
        master = subprocess.Popen(
            command,
            pass_fds=[listener.fileno()],
            env={**os.environ, "PYTHONPATH": f"{folder}:{root}"},
        )
        try:
            yield listener.getsockname()[1], ready(master, listener.getsockname()[1])
        finally:
            master.terminate()
            master.wait(timeout=20)


def ready(master: subprocess.Popen[bytes], port: int) -> psutil.Process:
    """The worker process, once it answers."""
    until = time.monotonic() + 15
    while time.monotonic() < until:
        children = psutil.Process(master.pid).children()
        if children:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as sock:
                sock.sendall(REQUEST)
                if sock.recv(4096).startswith(b"HTTP/1.1 200"):
                    return children[0]
        time.sleep(0.05)
    raise SystemExit("the server did not start")


class Generator:
    """Sends on whichever connection is free, at times fixed before the run."""

    def __init__(self, port: int, load: Load) -> None:
        self.load = load
        self.poll = select.epoll()
        self.sockets: dict[int, socket.socket] = {}
        self.free: deque[int] = deque()
        self.sent: dict[int, float] = {}
        self.latencies: list[float] = []
        self.lags: list[float] = []
        self.failed = 0
        for _ in range(load.connections):
            sock = socket.create_connection(("127.0.0.1", port), timeout=10)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setblocking(False)
            self.sockets[sock.fileno()] = sock
            self.poll.register(sock.fileno(), select.EPOLLIN)
            self.free.append(sock.fileno())

    def run(self, seconds: float) -> None:
        rng = random.Random(7)
        due = began = time.monotonic()
        while True:
            now = time.monotonic()
            while due <= now and due < began + seconds:
                self.send(due, now)
                due += rng.expovariate(self.load.rate)
            if due >= began + seconds and (not self.sent or now > began + seconds + 5):
                break
            for fd, _ in self.poll.poll(max(0.0, min(due - time.monotonic(), 0.05))):
                self.receive(fd)
        self.failed += len(self.sent)

    def send(self, due: float, now: float) -> None:
        if not self.free:
            self.failed += 1
            return
        fd = self.free.popleft()
        self.sockets[fd].send(REQUEST)
        self.sent[fd] = due
        self.lags.append(now - due)

    def receive(self, fd: int) -> None:
        data = self.sockets[fd].recv(4096)
        if data.endswith(b"END\n"):
            self.latencies.append(time.monotonic() - self.sent.pop(fd))
            self.free.append(fd)
        elif not data:
            self.poll.unregister(fd)
            self.failed += self.sent.pop(fd, None) is not None
            if fd in self.free:
                self.free.remove(fd)

    def close(self) -> None:
        for sock in self.sockets.values():
            sock.close()
        self.poll.close()


def measure(worker_class: str, load: Load) -> Figures:
    with server(worker_class, load) as (port, worker):
        generator = Generator(port, load)
        generator.run(1.0)
        generator.latencies.clear()
        generator.lags.clear()
        before = worker.cpu_times()
        generator.run(load.seconds)
        after = worker.cpu_times()
        rss = worker.memory_info().rss / 1e6
        generator.close()
    spent = after.user + after.system - before.user - before.system
    latencies, lags = sorted(generator.latencies), sorted(generator.lags)
    return Figures(
        cpu_us=spent / len(latencies) * 1e6,
        p50_ms=latencies[len(latencies) // 2] * 1000,
        p99_ms=latencies[len(latencies) * 99 // 100] * 1000,
        answered=len(latencies),
        failed=generator.failed,
        lag_ms=lags[len(lags) * 99 // 100] * 1000,
        rss_mb=rss,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rate", type=float, default=2000.0)
    parser.add_argument("--connections", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--threads", type=int, default=64)
    parser.add_argument("--worker", action="append", choices=WORKERS)
    args = parser.parse_args()
    load = Load(args.rate, args.connections, args.seconds, args.threads)
    print(f"{load.rate:.0f}/s over {load.connections} connections, {load.seconds:.0f} s each")
    stock: float | None = None
    for name in args.worker or list(WORKERS)[:3]:
        figures = measure(WORKERS[name], load)
        if name == "stock":
            stock = figures.cpu_us
        print(figures.line(name, stock), flush=True)


if __name__ == "__main__":
    main()
