"""The shadow's own request, and how its call ends."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from threading import Event
from typing import Any

import pytest

from gateway.settings.model import HeaderRules, Shadow
from gateway.shadow.call import MAX_ANSWER_BYTES
from gateway.shadow.copy import Copy
from gateway.shadow.outcome import Outcome
from gateway.shadow.switch import Switch
from gateway.shadow.upstream import ShadowUpstream
from gateway.transport import Http1Adapter, UpstreamSession
from tests.support.upstream import Act, Upstream, reset, upstream

FIELDS = (
    ("Host", "client.test"),
    ("Authorization", "live"),
    ("X-Shadow-Request", "spoofed"),
    ("X-A", "1"),
    ("X-A", "2"),
    ("Connection", "X-Hop"),
    ("X-Hop", "h"),
)


def copy(method: str = "POST", target: str = "/a%2Fb?x=1&x=2", body: bytes = b"abc") -> Copy:
    return Copy("the-id", method, target, FIELDS, body, had_body=True)


def call(url: str, what: Copy | None = None, **settings: Any) -> Outcome:
    """Send a copy to a shadow with these settings."""
    with UpstreamSession(Http1Adapter(retry_stale=False)) as session:
        configured = Shadow(url=url, name="s", **settings)
        shadow = ShadowUpstream(configured, session, lambda name: Switch())
        return shadow.call(what or copy()).finish()


def sent_to(server: Upstream, **settings: Any) -> list[tuple[str, str]]:
    """The header fields a shadow with these settings gets."""
    assert call(server.url, **settings) is Outcome.ANSWERED
    return server.taken()[-1].fields


def test_the_shadow_gets_the_request_as_sent_and_its_mark() -> None:
    """Same method, target, fields and body; a mark a client sent under that name does not pass."""
    with upstream() as server:
        fields = sent_to(server)
        received = server.taken()[-1]
    assert (received.method, received.target, received.body) == ("POST", b"/a%2Fb?x=1&x=2", b"abc")
    assert fields == [
        ("Host", "client.test"),
        ("Authorization", "live"),
        ("X-A", "1"),
        ("X-A", "2"),
        ("Content-Length", "3"),
        ("X-Shadow-Request", "the-id"),
    ]


def test_header_rules_swap_credentials() -> None:
    """On the shadow's copy only."""
    rules = HeaderRules(set={"Authorization": "shadow"}, remove=("x-a",))
    with upstream() as server:
        fields = sent_to(server, headers=rules)
    assert ("Authorization", "shadow") in fields
    assert [v for n, v in fields if n in {"X-A", "Authorization"}] == ["shadow"]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [("keep", "client.test"), ("upstream", None), ("billing.test", "billing.test")],
)
def test_the_host_is_what_the_settings_say(rule: str, expected: str | None) -> None:
    """Kept, the upstream's own, or a literal; never with a suffix."""
    with upstream() as server:
        hosts = [v for n, v in sent_to(server, host=rule) if n == "Host"]
        assert hosts == [expected or server.url.removeprefix("http://")]


def test_the_mark_can_be_renamed_or_left_out() -> None:
    """A client's own field under the default name passes then: it is not ours."""
    with upstream() as server:
        assert ("X-Copy", "the-id") in sent_to(server, mark="X-Copy")
        names = {n for n, _ in sent_to(server, mark="")}
    assert "X-Copy" not in names


def test_the_upstreams_path_is_put_before_the_target() -> None:
    """By concatenation; nothing is joined or normalised."""
    with upstream() as server:
        call(server.url + "/v2", copy(target="//other.test/../x"))
        assert server.taken()[0].target == b"/v2//other.test/../x"


def _close(connection: socket.socket) -> None:
    connection.shutdown(socket.SHUT_RDWR)


_ANSWERS: list[tuple[str, Act | Callable[[socket.socket], None], Outcome]] = [
    ("500", b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", Outcome.ANSWERED),
    (
        "redirect",
        b"HTTP/1.1 302 F\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n",
        Outcome.ANSWERED,
    ),
    ("reset", reset, Outcome.FAILED_RESET),
    ("closed", _close, Outcome.FAILED_RESET),
    ("garbage", b"220 smtp.test ESMTP\r\n\r\n", Outcome.FAILED_BAD_ANSWER),
    (
        "cut-short",
        [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", b""],
        Outcome.FAILED_TIMED_OUT,
    ),
    (
        "bad-chunk",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        Outcome.FAILED_BAD_ANSWER,
    ),
]


@pytest.mark.parametrize(
    ("act", "outcome"), [row[1:] for row in _ANSWERS], ids=[row[0] for row in _ANSWERS]
)
def test_every_way_a_call_can_end_has_its_outcome(act: Act, outcome: Outcome) -> None:
    """And the copy is sent once, whatever happens: no retries, no redirects."""
    with upstream(lambda request: act) as server:
        assert call(server.url, timeout=0.5) is outcome
        assert len(server.taken()) == 1


def test_a_shadow_that_is_down_or_unknown_fails_to_connect() -> None:
    """Whether nobody listens or the name does not resolve."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert call(f"http://127.0.0.1:{port}") is Outcome.FAILED_CONNECT
    assert call("http://no-such-host.invalid") is Outcome.FAILED_CONNECT


@pytest.mark.parametrize("where", ["head", "body"])
def test_a_trickling_shadow_is_cut_off_at_its_total_deadline(where: str) -> None:
    """Every read succeeds in time; the sum does not."""
    stop = Event()

    def trickle(connection: socket.socket) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n"
        connection.sendall(head if where == "head" else head + b"\r\n")
        while not stop.wait(0.05):
            connection.sendall(b"X-A: b\r\n" if where == "head" else b"x")

    with upstream(lambda request: trickle) as server:
        began = time.monotonic()
        assert call(server.url, timeout=0.4) is Outcome.FAILED_TIMED_OUT
        assert 0.3 < time.monotonic() - began < 3
        stop.set()


def test_a_shadow_that_reads_nothing_is_cut_off_at_its_total_deadline() -> None:
    """An upload that the socket's buffers cannot hold."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        large = copy(body=b"x" * (64 << 20))
        assert call(url, large, timeout=0.4) is Outcome.FAILED_TIMED_OUT


def test_an_endless_answer_is_not_read_to_its_end() -> None:
    """Reading it would cost the machine that live runs on."""
    sent = [0]

    def endless(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        part = b"x" * 65536
        while True:
            connection.sendall(part)
            sent[0] += len(part)

    with upstream(lambda request: endless) as server:
        assert call(server.url, timeout=10) is Outcome.ANSWERED
    assert MAX_ANSWER_BYTES <= sent[0] < 4 * MAX_ANSWER_BYTES
