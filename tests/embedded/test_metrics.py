"""Metrics of an embedded mirror in several processes, as docs/embedding.md has them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.support.upstream import OK, upstream

_PROGRAM = """
import os, sys
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from gateway import MirrorMiddleware
from gateway.prometheus import PrometheusMetrics
from tests.support.wsgi import ask

def application(environ, start_response):
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]

mirror = MirrorMiddleware(application, shadow=sys.argv[1], metrics=PrometheusMetrics())
children = []
for _ in range(2):
    child = os.fork()
    if not child:
        for _ in range(3):
            ask(mirror)
        mirror.close()
        os._exit(0)
    children.append(child)
for child in children:
    assert os.waitpid(child, 0)[1] == 0
registry = CollectorRegistry()
MultiProcessCollector(registry)
sys.stdout.buffer.write(generate_latest(registry))
"""


def test_processes_forked_after_it_was_made_count_together(tmp_path: Path) -> None:
    """By prometheus-client's own multiprocess mode; nobody's figures are lost or doubled."""
    with upstream(lambda request: OK) as shadow:
        done = subprocess.run(
            [sys.executable, "-c", _PROGRAM, shadow.url],
            env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)},
            capture_output=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 0, done.stderr.decode()
    told = done.stdout.decode()
    assert 'gateway_requests_total{method="GET",route="default",status="200"} 6.0' in told
    answered = 'gateway_shadow_requests_total{outcome="answered",reason="",shadow="shadow"} 6.0'
    assert answered in told
    assert "gateway_inflight_requests 0.0" in told
