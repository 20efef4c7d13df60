"""Requests sent again: the same ones, to the one place that was named."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from hashlib import blake2b
from typing import Any

import pytest

from gateway.compare.answer import Answer
from gateway.traffic.sending import Changes, Sender
from gateway.transport import Http1Adapter, Origin, Timeouts, UpstreamSession
from tests.support.upstream import OK, Upstream, upstream
from tests.traffic.exchanges import copy


@pytest.fixture
def server() -> Iterator[Upstream]:
    with upstream(lambda request: OK) as running:
        yield running


@pytest.fixture
def session() -> Iterator[UpstreamSession]:
    with UpstreamSession(Http1Adapter(retry_stale=False)) as made:
        yield made


def sender(session: UpstreamSession, url: str, changes: Changes = Changes(), **more: Any) -> Sender:
    return Sender(Origin.parse(url), session, Timeouts(5, 5, 5), changes=changes, **more)


def test_the_request_is_the_recorded_one(server: Upstream, session: UpstreamSession) -> None:
    """Target, fields, order, repeats, body; without what belonged to the old connection."""
    request = copy(
        "PATCH",
        "/a%2Fb//c?x=%zz",
        ("X-B", "caf\xe9"),
        ("x-a", "1"),
        ("X-A", "2"),
        ("Connection", "close, x-hop"),
        ("X-Hop", "1"),
        ("Expect", "100-continue"),
        ("Content-Length", "3"),
        body=b"\x00\xff\n",
    )
    assert isinstance(sender(session, server.url).send(request), Answer)
    (received,) = server.taken()
    assert received.line == b"PATCH /a%2Fb//c?x=%zz HTTP/1.1"
    assert received.body == b"\x00\xff\n"
    assert received.fields == [
        ("Host", server.url.removeprefix("http://")),
        ("X-B", "caf\xe9"),
        ("x-a", "1"),
        ("X-A", "2"),
        ("Content-Length", "3"),
    ]


@pytest.mark.parametrize(
    ("changes", "host"),
    [
        (Changes(keep_host=True), "billing.example.com"),
        (Changes({"Host": "other.test"}), "other.test"),
    ],
    ids=["keep", "set"],
)
def test_the_host_it_names(
    changes: Changes, host: str, server: Upstream, session: UpstreamSession
) -> None:
    """Is that of the URL, if nothing else is said; it goes to that URL all the same."""
    sender(session, server.url, changes).send(copy())
    assert server.taken()[0].values("host") == [host]


def test_fields_are_set_removed_and_dropped(server: Upstream, session: UpstreamSession) -> None:
    """New credentials for old ones."""
    changes = Changes(
        {"Authorization": "Bearer new"}, ["x-debug"], drop=lambda field: "redacted:" in field[1]
    )
    fields = (("authorization", "redacted:x"), ("X-Debug", "1"), ("Cookie", "redacted:y"))
    sender(session, server.url, changes).send(copy("GET", "/", *fields))
    got = server.taken()[0].fields
    assert [field for field in got if field[0] != "Host"] == [("Authorization", "Bearer new")]


def test_a_base_path_is_put_before_targets(server: Upstream, session: UpstreamSession) -> None:
    """As for upstreams of the gateway."""
    where = sender(session, f"{server.url}/v2")
    for target in ("/a", "//elsewhere.test/a", "*"):
        where.send(copy("OPTIONS", target))
    assert [r.target for r in server.taken()] == [b"/v2/a", b"/v2//elsewhere.test/a", b"*"]


def test_redirects_are_answers(server: Upstream, session: UpstreamSession) -> None:
    """Nothing goes anywhere else, and nobody's cookies are kept for the next."""
    with upstream() as other:
        server.script = lambda request: (
            b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nSet-Cookie: a=1\r\n"
            b"Location: " + other.url.encode() + b"/\r\n\r\n"
        )
        where = sender(session, server.url)
        answer = where.send(copy())
        where.send(copy())
        assert isinstance(answer, Answer)
        assert answer.status == 302
        assert other.taken() == []
    assert server.taken()[1].values("cookie") == []


def test_an_answer_is_kept_as_live_answers_are(server: Upstream, session: UpstreamSession) -> None:
    """Up to the cap; beyond it there is a digest, and of what has no end, nothing."""
    where = sender(session, server.url, max_body=10)
    answer = where.send(copy())
    assert isinstance(answer, Answer)
    assert answer[:4] == (200, (("Content-Length", "2"),), b"ok", 2)
    server.script = lambda request: b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n" + b"x" * 11
    answer = where.send(copy())
    assert isinstance(answer, Answer)
    digest = blake2b(b"x" * 11, digest_size=32).digest()
    assert (answer.body, answer.size, answer.digest) == (None, 11, digest)

    def endless(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(b"x" * 65536)

    server.script = lambda request: endless
    answer = where.send(copy())
    assert isinstance(answer, Answer)
    assert (answer.body, answer.digest) == (None, None)


def test_why_there_is_no_answer(server: Upstream, session: UpstreamSession) -> None:
    """In one word each."""
    where = sender(session, server.url)
    assert where.send(copy("GET", "/a b")) == "invalid"
    assert where.send(copy("GET", "/", ("X", "a\nb"))) == "invalid"
    server.script = lambda request: None
    assert where.send(copy()) == "reset"
    server.script = lambda request: b"nonsense\r\n\r\n"
    assert where.send(copy()) == "bad_answer"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        slow = Sender(Origin.parse(url), session, Timeouts(1, 0.05, 0.05))
        assert slow.send(copy()) == "read_timed_out"
    assert sender(session, url).send(copy()) == "connect"
