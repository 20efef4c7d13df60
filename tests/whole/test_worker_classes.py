"""``server.worker_class`` and clients' limits, through a whole gateway."""

from __future__ import annotations

import json
import signal
import socket
import ssl
import time
from collections.abc import Callable

import psutil
import pytest

from tests.support.certificates import Certificates
from tests.support.gateway import GatewayProcess, gateway
from tests.support.upstream import upstream
from tests.support.waiting import wait_for

WORKER_CLASSES = ["gateway", "gthread", "gevent"]


@pytest.fixture(autouse=True)
def installed(request: pytest.FixtureRequest) -> None:
    if "gevent" in request.node.name:
        pytest.importorskip("gevent")


@pytest.mark.parametrize("transport", ["gateway", "urllib3"])
@pytest.mark.parametrize("worker_class", ["gthread", "gevent"])
def test_tls_upstreams_are_called_from_every_worker(
    worker_class: str, transport: str, certificates: Certificates
) -> None:
    """gevent replaces what TLS is made of after it was imported."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificates.server)
    with upstream(tls=context) as live, upstream(tls=context) as shadow:
        config = f"""
            transport = "{transport}"
            [server]
            workers = 1
            worker_class = "{worker_class}"
            [live]
            url = "{live.url}"
            tls = {{ ca = "{certificates.ca}" }}
            [[shadows]]
            url = "{shadow.url}"
            tls = {{ verify = false }}
        """
        with gateway(config=config) as running:
            for _ in range(10):
                with running.client() as client:
                    assert client.request("POST", "/", body=b"x" * 70_000).body == b"ok"
            assert running.settled(10) == {"answered": 10}
            assert "Warning" not in running.output.replace("anybody can pass", "")


LIMITS = """
    [server]
    workers = 1
    threads = 4
    worker_class = "{worker_class}"
    header_timeout = "300ms"
    max_head = "2KiB"
    body_timeout = "300ms"
    body_min_rate = "1MiB"
    max_chunk_overhead = "1KiB"
    write_timeout = "300ms"
    write_min_rate = "1GiB"
    max_unsent = "1KiB"
    linger_timeout = "1s"
    linger_idle_timeout = "300ms"
    drain_linger = "100ms"
    [live]
    url = "{live}"
"""
HEAD = b"POST / HTTP/1.1\r\nHost: g\r\n"


def refused(sent: bytes, status: int) -> Callable[[GatewayProcess], None]:
    def check(running: GatewayProcess) -> None:
        with running.client() as client:
            client.send(sent)
            answer = client.answer()
            assert (answer.status, json.loads(answer.body)["status"]) == (status, status)
            assert client.closed()

    return check


def stops_reading(running: GatewayProcess) -> None:
    with running.client() as client:
        client.send(b"GET /large HTTP/1.1\r\nHost: g\r\n\r\n")
        client.head()
        (worker,) = running.workers()
        wait_for(lambda: not peers(worker, client.socket.getsockname()[1]), "the cut")


def peers(worker: int, port: int) -> list[object]:
    """A worker's connections to a client's port."""
    connections = psutil.Process(worker).net_connections("tcp")
    return [each for each in connections if each.raddr and each.raddr.port == port]


CUT = {
    "slow-head": refused(b"GET / HTTP/1.1\r\nX-", 408),
    "slow-body": refused(HEAD + b"Content-Length: 9\r\n\r\n1", 408),
    "large-head": refused(HEAD + b"X: " + b"x" * 2048 + b"\r\n\r\n", 431),
    "much-chunk-framing": refused(
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"1;%b\r\nx\r\n" % (b"y" * 300) * 5, 413
    ),
    "reads-nothing": stops_reading,
}


@pytest.mark.parametrize("worker_class", WORKER_CLASSES)
def test_clients_limits_are_settings(worker_class: str) -> None:
    """Each ends what it is about, whichever worker has the client."""

    def large(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 500000000\r\n\r\n")
        while True:
            connection.sendall(b"x" * 1_000_000)

    with upstream() as live:
        live.script = lambda r: large if r.target == b"/large" else b"HTTP/1.1 204 No\r\n\r\n"
        config = LIMITS.format(worker_class=worker_class, live=live.url)
        with gateway(config=config) as running:
            for name, check in CUT.items():
                began = time.monotonic()
                check(running)
                assert time.monotonic() - began < 4, name
            with running.client() as client:
                assert client.request("GET", "/").status == 204
            assert "Traceback" not in running.output


def test_a_reload_changes_the_worker_class(tmp_path_factory: pytest.TempPathFactory) -> None:
    """New workers of the new class, without a restart; each serves and mirrors."""
    pytest.importorskip("gevent")
    file = tmp_path_factory.mktemp("reload") / "gateway.toml"
    with upstream() as live, upstream() as shadow:

        def write(worker_class: str) -> None:
            file.write_text(
                f'[live]\nurl = "{live.url}"\n[[shadows]]\nurl = "{shadow.url}"\n'
                f'[server]\nworkers = 1\nthreads = 40\nworker_class = "{worker_class}"\n'
            )

        write("gateway")
        with gateway(env={"GATEWAY_CONFIG": str(file)}) as running:
            for number, worker_class in enumerate(["gevent", "gthread", "gateway"], 1):
                old = running.workers()
                write(worker_class)
                running.process.send_signal(signal.SIGHUP)
                new = wait_for(
                    lambda old=old: (
                        len(ids := running.workers()) == 1 and not {*ids} & {*old} and ids
                    ),
                    "the new worker",
                )
                with running.client() as client:
                    assert client.request("GET", "/").body == b"ok"
                assert running.settled(number) == {"answered": number}
                # Greenlets are no threads; the other has forty for requests.
                threads = psutil.Process(new[0]).num_threads()
                assert (threads < 40) == (worker_class != "gthread"), threads
