"""gunicorn's own workers keep to the same limits as ours; a slow client holds a thread or greenlet.

Most tests are those of the default worker: imported, they run here with this
module's servers.
"""

from __future__ import annotations

import json
import socket
import ssl
import time
from collections.abc import Iterator

import pytest

from tests.server.conftest import Server, serving, worker_classes
from tests.server.test_slow_clients import (  # noqa: F401 - collected here, too
    DEADLINE,
    head,
    test_a_body_that_keeps_its_rate_is_not_refused,
    test_a_client_that_goes_on_sending_reads_its_413,
    test_a_client_that_stops_reading_is_cut_off,
    test_a_half_closed_client_gets_its_answer,
    test_a_short_body_never_reaches_the_application,
    test_a_silent_connection_is_closed_without_a_word,
    test_a_slow_reader_gets_all_of_its_answer,
    test_a_trickling_head_has_one_deadline,
    test_an_idle_connection_is_closed_after_keepalive,
    test_connections_leave_nothing_behind,
    test_continue_is_sent_for_a_body_that_will_be_read,
    test_lingering_ends,
    test_no_continue_for_a_body_that_is_already_here,
    test_pipelined_requests_are_answered_in_order,
    test_queue_time_starts_when_the_last_byte_arrives,
    test_the_application_refuses_before_the_body_is_asked_for,
    test_what_does_not_arrive_in_time_is_refused,
    test_what_follows_a_close_is_not_answered,
)
from tests.support.certificates import Certificates
from tests.support.waiting import wait_for

STOCK = worker_classes()[1:]
IDS = [name.rpartition(".")[2] for name in STOCK]
STRICT = {
    "header_timeout": DEADLINE,
    "body_timeout": DEADLINE,
    "body_min_rate": 100_000,
    "write_timeout": DEADLINE,
    "linger_idle_timeout": DEADLINE,
    "linger_timeout": DEADLINE * 3,
    "max_body_bytes": 10_000_000,
}


@pytest.fixture(scope="module", params=STOCK, ids=IDS)
def strict(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server with short deadlines."""
    folder = tmp_path_factory.mktemp("strict")
    with serving(folder, worker=request.param, threads=4, limits=STRICT, keepalive=1) as running:
        yield running


@pytest.fixture(scope="module", params=STOCK, ids=IDS)
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A patient one."""
    with serving(tmp_path_factory.mktemp("patient"), worker=request.param) as running:
        yield running


@pytest.fixture(scope="module", params=STOCK, ids=IDS)
def secure(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    certificates: Certificates,
) -> Iterator[tuple[Server, ssl.SSLContext]]:
    """One that speaks TLS, and how to speak it."""
    context = ssl.create_default_context(cafile=certificates.ca)
    chain, key = certificates.server
    folder = tmp_path_factory.mktemp("secure")
    with serving(
        folder,
        worker=request.param,
        limits=STRICT,
        tls=context,
        certfile=chain,
        keyfile=key,
        keepalive=1,
    ) as running:
        yield running, context


def over_tls(server: Server, context: ssl.SSLContext) -> ssl.SSLSocket:
    plain = socket.create_connection(("127.0.0.1", server.port), 10)
    return context.wrap_socket(plain, server_hostname="localhost")


def test_tls_is_served(secure: tuple[Server, ssl.SSLContext]) -> None:
    """Requests and answers of any size, pipelined ones too, on one connection."""
    server, context = secure
    with over_tls(server, context) as client:
        sent = b"".join(head(f"Content-Length: {n}") + b"x" * n for n in (1, 50_000, 2))
        client.sendall(sent)
        received = b""
        while not received.endswith(b"\r\n\r\n2"):
            received += client.recv(65536)
        assert received.count(b"HTTP/1.1 200 OK") == 3
        client.sendall(
            b"GET /parts?count=20&size=100000&length=2000000 HTTP/1.1\r\nHost: a\r\n\r\n"
        )
        size = 0
        while size < 2_000_000:
            size += len(client.recv(65536))


@pytest.mark.parametrize("sent", [b"", b"\x16\x03\x01", None], ids=["silent", "partial", "head"])
def test_a_slow_client_is_cut_off_over_tls(
    sent: bytes | None, secure: tuple[Server, ssl.SSLContext]
) -> None:
    """In its handshake, or in its head: nobody holds a thread for ever."""
    server, context = secure
    began = time.monotonic()
    if sent is None:
        with over_tls(server, context) as client:
            client.sendall(b"GET / HTTP/1.1\r\nX-")
            assert client.recv(65536).startswith(b"HTTP/1.1 408 ")
    else:
        with server.client() as client:
            client.send(sent)
            assert client.closed()
    assert time.monotonic() - began < DEADLINE + 3


def test_a_client_that_stops_reading_is_cut_off_over_tls(
    secure: tuple[Server, ssl.SSLContext],
) -> None:
    """After write_timeout without progress."""
    server, context = secure
    with over_tls(server, context) as client:
        client.sendall(b"GET /parts?count=400&size=50000&name=tls HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_for(lambda: server.counts()["closed"].get("tls") == 1, "the answer's end")
    assert "Traceback" not in server.output


def test_a_malformed_request_is_refused_as_everywhere(server: Server) -> None:
    """A problem document, not gunicorn's page; and what is dangerous is refused at all."""
    for sent in (
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\nHost: a\n\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n",
    ):
        with server.client() as client:
            client.send(sent)
            answer = client.answer()
            assert (answer.status, json.loads(answer.body)["status"]) == (400, 400)
            assert client.closed()
