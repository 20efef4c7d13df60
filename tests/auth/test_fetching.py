"""Getting a document."""

from __future__ import annotations

import ssl
import time
from threading import Event, Thread
from typing import Any

import pytest

from gateway.auth.fetching import Document
from tests.support.certificates import Certificates
from tests.support.upstream import Received, stalled, upstream


def answer(status: str, body: bytes = b"", *fields: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *fields, "", ""]
    return "\r\n".join(lines).encode() + body


def test_it_asks_plainly(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """Path and query as they stand; no credentials, no proxy, whatever the machine has."""
    (tmp_path / ".netrc").write_text("default login a password b\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with upstream(lambda request: answer("200 OK", b"{}")) as server:
        document = Document(f"{server.url}/keys/?p=a%20b", timeout=5)
        assert document.fetch() == b"{}"
        document.close()
        (received,) = server.taken()
    assert received.line == b"GET /keys/?p=a%20b HTTP/1.1"
    assert dict(received.fields) == {
        "Host": f"127.0.0.1:{server.port}",
        "Accept": "application/json",
    }


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("", b"/"),
        ("/", b"/"),
        ("?a", b"/?a"),
        ("/a", b"/a"),
        ("/a/", b"/a/"),
        ("/a?b?c", b"/a?b?c"),
    ],
)
def test_the_target_is_that_of_the_url(url: str, target: bytes) -> None:
    """A slash at its end included."""
    with upstream(lambda request: answer("200 OK")) as server:
        document = Document(server.url + url, timeout=5)
        document.fetch()
        document.close()
        assert [each.target for each in server.taken()] == [target]


@pytest.mark.parametrize("status", ["302 Found", "404 Not Found", "500 Oops", "204 No Content"])
def test_anything_but_200_is_an_error(status: str) -> None:
    """A redirect too: the settings are to name the place itself."""
    reply = answer(status, b"", "Location: http://127.0.0.1:1/")
    with upstream(lambda request: reply) as server:
        document = Document(server.url, timeout=5)
        with pytest.raises(ValueError, match=status[:3]):
            document.fetch()
        document.close()
        assert len(server.taken()) == 1


def test_an_endless_document_ends() -> None:
    """At one megabyte."""

    def endless(request: Received) -> Any:
        yield b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
        for _ in range(200):
            yield b"x" * 65536

    with upstream(endless) as server:
        document = Document(server.url, timeout=10)
        with pytest.raises(ValueError, match="more than 1048576 bytes"):
            document.fetch()
        document.close()


def test_a_slow_one_is_given_up_in_time() -> None:
    """The time-out is for all of it."""
    until = Event()
    with upstream(lambda request: lambda peer: stalled(peer, until)) as server:
        document = Document(server.url, timeout=0.1)
        began = time.monotonic()
        with pytest.raises(OSError, match="within"):
            document.fetch()
        assert time.monotonic() - began < 5
        document.close()
        until.set()


def test_closing_ends_a_fetch() -> None:
    """A gateway that stops does not wait for an issuer."""
    ended, until = Event(), Event()
    with upstream(lambda request: lambda peer: stalled(peer, until)) as server:
        document = Document(server.url, timeout=30)

        def fetch() -> None:
            with pytest.raises(OSError):  # noqa: PT011 - whichever it is
                document.fetch()
            ended.set()

        Thread(target=fetch, daemon=True).start()
        assert server.arrived.wait(5)
        document.close()
        assert ended.wait(5)
        until.set()


def test_tls_is_verified(certificates: Certificates) -> None:
    """With the authorities it is given; without, not just anybody's."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificates.server)
    with upstream(lambda request: answer("200 OK", b"{}"), tls=context) as server:
        known = Document(server.url, timeout=5, ca=certificates.ca)
        assert known.fetch() == b"{}"
        known.close()
        unknown = Document(server.url, timeout=5)
        with pytest.raises(OSError, match=r"(?i)certificate"):
            unknown.fetch()
        unknown.close()
