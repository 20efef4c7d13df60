"""What an embedded mirror costs its host: CPU of one request beside the bare application.

Usage: python scripts/bench_embed.py [--requests N] [--rounds N]

Counted on the thread of the request (``time.thread_time``): what shadows take happens
on other threads, and is not the request's. The copy itself is dropped by a pool that is
full, or taken by one that has room; both rows are shown. Budgets: 60 µs with a shadow,
5 µs at 0 percent, where nobody counts. The last rows are imports, each in a process of
its own: 60 ms beyond requests'.
"""

from __future__ import annotations

import argparse
import io
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

from gateway import Live, MirrorMiddleware, Settings, Shadow
from gateway.metrics import Metrics
from gateway.prometheus import PrometheusMetrics
from gateway.settings.comparison import Compare
from gateway.settings.model import Mirror

_BODY = b'{"invoice": 4711, "amount": "12.50"}' * 28
_ENVIRON = {
    "REQUEST_METHOD": "POST",
    "SCRIPT_NAME": "",
    "PATH_INFO": "/invoices/4711",
    "QUERY_STRING": "expand=lines",
    "RAW_URI": "/invoices/4711?expand=lines",
    "SERVER_NAME": "billing.test",
    "SERVER_PORT": "80",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "REMOTE_ADDR": "192.0.2.7",
    "CONTENT_TYPE": "application/json",
    "CONTENT_LENGTH": str(len(_BODY)),
    "HTTP_HOST": "billing.test",
    "HTTP_USER_AGENT": "bench/1",
    "HTTP_ACCEPT": "application/json",
    "HTTP_AUTHORIZATION": "Bearer 0123456789abcdef",
    "HTTP_X_REQUEST_ID": "0123456789abcdef",
    "wsgi.url_scheme": "http",
}


def application(environ: Any, start_response: Any) -> Iterable[bytes]:
    """Reads the body and echoes it, as little as an application can do."""
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    start_response("200 OK", [("Content-Type", "application/json")])
    return [body]


def _started(status: str, headers: Any, exc_info: Any = None) -> Callable[[bytes], object]:
    return len


def one(app: Any) -> None:
    """One request, as a server makes it."""
    answer = app({**_ENVIRON, "wsgi.input": io.BytesIO(_BODY)}, _started)
    for _ in answer:
        pass
    close = getattr(answer, "close", None)
    if close is not None:
        close()


def cost(app: Any, requests: int, rounds: int) -> float:
    """Microseconds of one request: the median of the rounds."""
    for _ in range(200):
        one(app)
    seen = []
    for _ in range(rounds):
        began = time.thread_time()
        for _ in range(requests):
            one(app)
        seen.append((time.thread_time() - began) / requests * 1e6)
        time.sleep(0.05)  # the other threads' turn
    return statistics.median(seen)


class _Quiet(WSGIRequestHandler):
    def log_message(self, *said: object) -> None:
        pass


def _shadow() -> tuple[str, Callable[[], None]]:
    """A shadow in a process of its own."""
    code = (
        "import sys; sys.path[:0] = [sys.argv[1]]\nimport bench_embed; bench_embed.serve_shadow()"
    )
    folder = sys.path[0]
    process = subprocess.Popen([sys.executable, "-c", code, folder], stdout=subprocess.PIPE)
    assert process.stdout is not None
    port = int(process.stdout.readline())

    def stop() -> None:
        process.terminate()
        process.wait(10)

    return f"http://127.0.0.1:{port}", stop


def serve_shadow() -> None:
    """The shadow's process."""
    server = make_server("127.0.0.1", 0, application, handler_class=_Quiet)
    print(server.server_port, flush=True)
    server.serve_forever()


def _mirrored(
    url: str,
    *,
    percent: float = 100,
    queue: int = 100_000,
    compare: bool = True,
    metrics: Metrics | None = None,
) -> Any:
    settings = Settings(
        live=Live(url="http://application.invalid"),
        mirror=Mirror(max_queue=queue, threads=4, drain_timeout=0.1, max_queue_bytes=1 << 30),
        compare=Compare(enabled=compare),
    )
    shadow = Shadow(url=url, breaker_failures=0, percent=percent)
    return MirrorMiddleware(application, shadow, settings=settings, metrics=metrics)


_IMPORT = """
import time
import requests
began = time.thread_time()
%s
print((time.thread_time() - began) * 1000)
"""


def _import_cost(statement: str, rounds: int) -> float:
    """Milliseconds of an import beyond requests' own: the least."""
    seen = []
    with tempfile.TemporaryDirectory() as compiled:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": compiled}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        for _ in range(rounds):
            done = subprocess.run(
                [sys.executable, "-c", _IMPORT % statement],
                env=environment,
                capture_output=True,
                text=True,
                check=True,
            )
            seen.append(float(done.stdout))
    return min(seen)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    url, stop = _shadow()
    try:
        bare = cost(application, options.requests, options.rounds)
        print(f"bare application                 {bare:7.1f} µs")
        for name, changes in (
            ("mirrored, 100 percent", {}),
            ("mirrored, 100 percent, metrics", {"metrics": PrometheusMetrics()}),
            ("mirrored, nothing compared", {"compare": False}),
            ("mirrored, the pool is full", {"queue": 0}),
            ("mirrored, 1 percent", {"percent": 1}),
            ("mirrored, 0 percent", {"percent": 0}),
            ("mirrored, 0 percent, metrics", {"percent": 0, "metrics": PrometheusMetrics()}),
        ):
            app = _mirrored(url, **changes)
            spent = cost(app, options.requests, options.rounds)
            app.close()
            print(f"{name:32} {spent:7.1f} µs   {spent - bare:+7.1f} µs")
    finally:
        stop()
    for name in ("MirrorMiddleware", "Settings", "Gateway"):
        spent = _import_cost(f"from gateway import {name}", options.rounds)
        print(f"import of {name:22} {spent:7.1f} ms")


if __name__ == "__main__":
    main()
