"""A mirrored application in every WSGI server that an older stack may run: really started."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from tests.embedded.hosts import HOSTS, NO_THREADS, Host, host
from tests.support.upstream import OK, Received, Upstream, upstream
from tests.support.waiting import wait_for


@pytest.fixture(scope="module")
def shadow() -> Iterator[Upstream]:
    with upstream() as running:
        yield running


@pytest.fixture(scope="module", params=list(HOSTS))
def running(request: pytest.FixtureRequest, shadow: Upstream) -> Iterator[Host]:
    """Each server once; its last test stops it."""
    with host(request.param, shadow.url) as started:
        yield started


def copies(shadow: Upstream, *targets: bytes) -> list[Received]:
    """The copies with these targets, once they are all there."""

    def found() -> list[Received]:
        taken = shadow.taken()
        return taken if {each.target for each in taken} >= set(targets) else []

    return wait_for(found, f"copies of {targets}")


def test_it_is_mirrored_through(running: Host, shadow: Upstream) -> None:
    """Answers are the application's, whatever way it gives them; copies are whole."""
    shadow.forget()
    with running.client() as client:
        posted = client.request("POST", "/a%20b?c=d", "Content-Type: text/plain", body=b"abc")
        assert (posted.status, posted.body) == (200, b"abc")
    for target, expected in (("/stream", b"0\n1\n2\n"), ("/write", b"onetwo")):
        with running.client() as client:
            assert client.request("GET", target).body == expected
    with running.client() as client:
        answer = client.request("GET", "/file")
        assert answer.body == b"" or answer.body == (running.folder / "host.py").read_bytes()
    found = copies(shadow, b"/a%20b?c=d", b"/stream", b"/write", b"/file")
    copy = next(each for each in found if each.method == "POST")
    assert copy.body == b"abc"
    assert copy.values("content-type") == ["text/plain"]
    assert copy.values("x-shadow-request")


def test_an_upload_over_the_limit_passes_through(running: Host, shadow: Upstream) -> None:
    """11 MiB come back; nothing of them is mirrored."""
    shadow.forget()
    body = b"0123456789abcdef" * (11 * 65536)
    with running.client() as client:
        assert client.request("PUT", "/large", body=body).body == body
        assert not [each for each in shadow.taken() if each.method == "PUT"]


def test_nothing_is_left_behind(running: Host, shadow: Upstream) -> None:
    """Although the shadow answers no more: bounded by our time-out, not by the shadow's."""
    hold = threading.Event()

    def stall(request: Received) -> Any:
        return lambda connection: hold.wait(60)

    with running.client() as client:
        about = json.loads(client.request("GET", "/about").body)
    assert "gateway-housekeeper" in about["threads"]
    shadow.script = stall
    shadow.forget()
    try:
        with running.client() as client:
            client.request("GET", "/last")
        copies(shadow, b"/last")
        # Nobody waits for what waits: not even in gevent's hub.
        for _ in range(3):
            with running.client(timeout=5) as client:
                assert client.request("GET", "/", "Connection: close").status == 200
                # Until the server is done with it: wsgiref takes a Ctrl-C for the request's.
                assert client.closed()
        processes = running.tree()
        running.stop()
        _, alive = psutil.wait_procs(processes, timeout=15)
        assert alive == []
    finally:
        hold.set()
        shadow.script = lambda request: OK
    wait_for(lambda: not shadow.open, "all connections to the shadow to be closed")
    assert "Traceback" not in running.output, running.output


def test_a_server_that_runs_no_threads_is_named_in_the_log(shadow: Upstream) -> None:
    """The application is answered for; copies would mostly wait, and somebody must know why."""
    with host(NO_THREADS, shadow.url) as running:
        with running.client() as client:
            assert client.request("POST", "/", body=b"abc").body == b"abc"
        wait_for(lambda: "--enable-threads" in running.output, "the warning")
