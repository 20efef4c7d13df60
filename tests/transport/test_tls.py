from __future__ import annotations

import ssl
import subprocess
import threading
import time

import pytest
import requests

from gateway.transport import (
    AnswerCutShort,
    ConnectTimedOut,
    DeadlineExceeded,
    Origin,
    OutboundRequest,
    Timeouts,
    TlsFailed,
    UpstreamSession,
    adapter_for,
)
from gateway.transport.tls import context_for
from tests.support.certificates import Certificates
from tests.transport.scripted import DEADLINE, Peer, Upstream, outbound, saying, scripted

PATIENT = Timeouts(5, 5)
BOTH = True  # transports; see conftest.py


@pytest.fixture
def server(certificates: Certificates) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificates.server)
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context


def at(upstream: Upstream, host: str) -> OutboundRequest:
    origin = Origin.parse(f"https://{host}:{upstream.port}")
    return OutboundRequest("GET", origin, "/", [("Host", origin.authority)], b"")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_trusted_upstream_is_talked_to(
    session: UpstreamSession, certificates: Certificates, server: ssl.SSLContext, host: str
) -> None:
    """Verified by name or address, asked for HTTP/1.1, told the name (SNI), and kept alive."""
    names: list[object] = []
    server.sni_callback = lambda sock, name, context: names.append(name)
    with scripted(tls=server) as upstream:
        for _ in range(3):
            response = session.forward(at(upstream, host), PATIENT, verify=certificates.ca)
            assert response.content == b"ok"
        assert len(upstream.peers) == 1
        tls = upstream.peers[0].sock
        assert isinstance(tls, ssl.SSLSocket)
        assert tls.selected_alpn_protocol() == "http/1.1"
    assert names == ["localhost" if host == "localhost" else None]


@pytest.mark.parametrize(
    ("host", "trusted"),
    [
        pytest.param("localhost", False, id="unknown authority"),
        pytest.param("127.0.0.2", True, id="another host's certificate"),
    ],
)
def test_an_upstream_that_cannot_be_verified_is_refused(
    session: UpstreamSession,
    certificates: Certificates,
    server: ssl.SSLContext,
    host: str,
    trusted: bool,
) -> None:
    """Verification is on by default; it fails before a byte of the request is sent."""
    bind = host if host != "localhost" else "127.0.0.1"
    with scripted(host=bind, tls=server) as upstream:
        with pytest.raises(TlsFailed) as caught:
            session.forward(
                at(upstream, host), PATIENT, verify=certificates.ca if trusted else True
            )
        assert isinstance(caught.value, requests.exceptions.SSLError)
        assert caught.value.nothing_sent
        assert upstream.received == b""
        # Switched off, the same upstream will do.
        assert session.forward(at(upstream, host), PATIENT, verify=False).content == b"ok"


@pytest.mark.parametrize("shown", [True, False], ids=["with it", "without it"])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_an_upstream_may_want_a_client_certificate(
    session: UpstreamSession,
    certificates: Certificates,
    server: ssl.SSLContext,
    shown: bool,
    version: ssl.TLSVersion,
) -> None:
    """Shown if configured; without it the upstream refuses (in TLS 1.3 after the handshake)."""
    server.verify_mode = ssl.CERT_REQUIRED
    server.load_verify_locations(certificates.ca)
    server.maximum_version = version
    with scripted(tls=server) as upstream:
        cert = certificates.client if shown else None
        request = at(upstream, "localhost")
        if shown:
            response = session.forward(request, PATIENT, verify=certificates.ca, cert=cert)
            assert response.content == b"ok"
        else:
            with pytest.raises(requests.ConnectionError):
                session.forward(request, PATIENT, verify=certificates.ca, cert=cert)


@pytest.mark.parametrize(
    ("verify", "cert"),
    [
        pytest.param("/nonexistent/ca.pem", None, id="no CA file"),
        pytest.param(True, "/nonexistent/client.pem", id="no certificate"),
        pytest.param(True, ("/dev/null", "/dev/null"), id="nothing in it"),
    ],
)
def test_certificates_that_cannot_be_loaded_are_named(
    session: UpstreamSession, verify: bool | str, cert: str | tuple[str, str] | None
) -> None:
    """An exception of requests that says what was tried."""
    request = OutboundRequest("GET", Origin.parse("https://127.0.0.1:9"), "/", [], b"")
    with pytest.raises(TlsFailed, match=r"nonexistent|/dev/null"):
        session.forward(request, PATIENT, verify=verify, cert=cert)


def test_an_encrypted_key_fails_instead_of_asking(
    certificates: Certificates, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A prompt on the terminal would hang a worker."""
    plain, key = certificates.client[1], str(tmp_path_factory.mktemp("key") / "encrypted.key")
    subprocess.run(
        ["openssl", "ec", "-aes128", "-passout", "pass:secret", "-out", key, "-in", plain],
        check=True,
        capture_output=True,
        timeout=30,
    )
    with pytest.raises(TlsFailed):
        context_for(True, (certificates.client[0], key))


def test_a_folder_of_authorities_is_taken(tmp_path_factory: pytest.TempPathFactory) -> None:
    """As requests does."""
    assert context_for(str(tmp_path_factory.mktemp("ca")), None).verify_mode == ssl.CERT_REQUIRED


def test_a_plain_text_upstream_is_a_tls_failure(session: UpstreamSession) -> None:
    """https to a port that speaks http."""
    with scripted(lambda peer: peer.send(b"HTTP/1.1 400 Bad\r\n\r\n")) as upstream:
        with pytest.raises(TlsFailed):
            session.forward(at(upstream, "localhost"), PATIENT, verify=False)


def test_a_handshake_has_the_connect_deadline(session: UpstreamSession) -> None:
    """A port that accepts and says nothing does not hold a thread."""
    with scripted(Peer.until_closed) as upstream:
        began = time.monotonic()
        with pytest.raises(ConnectTimedOut) as caught:
            session.forward(at(upstream, "127.0.0.1"), Timeouts(0.2, 5), verify=False)
    assert time.monotonic() - began < 2
    assert caught.value.nothing_sent


def test_large_bodies_go_both_ways(
    session: UpstreamSession, certificates: Certificates, server: ssl.SSLContext
) -> None:
    """Larger than any buffer or record; what TLS has decrypted ahead is not waited for."""
    body = b"x" * 5_000_000

    def echo(peer: Peer) -> None:
        received = peer.request().partition(b"\r\n\r\n")[2]
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(received))
        peer.send(received)
        peer.until_closed()

    with scripted(echo, tls=server) as upstream:
        request = outbound(upstream, "POST", "/", body)
        assert session.forward(request, PATIENT, verify=certificates.ca).content == body


def test_an_early_refusal_is_heard_over_tls(
    session: UpstreamSession, certificates: Certificates, server: ssl.SSLContext
) -> None:
    """While the upload blocks, as without TLS."""

    def refuse(peer: Peer) -> None:
        peer.head()
        peer.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig")
        peer.until_gone()

    with scripted(refuse, tls=server) as upstream:
        request = outbound(upstream, "POST", "/", b"x" * 16_000_000)
        response = session.forward(request, PATIENT, verify=certificates.ca)
        assert (response.status_code, response.content) == (413, b"big")


@pytest.mark.parametrize("proper", [True, False], ids=["close_notify", "cut off"])
def test_only_a_proper_end_of_tls_ends_a_body_without_length(
    session: UpstreamSession, certificates: Certificates, server: ssl.SSLContext, proper: bool
) -> None:
    """Anybody on the way can close a connection; only the upstream can end its TLS."""

    def script(peer: Peer) -> None:
        peer.answer(b"HTTP/1.1 200 OK\r\n\r\nok")
        tls = peer.sock
        assert isinstance(tls, ssl.SSLSocket)
        if proper:
            tls.unwrap()
        # Closing the socket sends no close_notify by itself.

    with scripted(script, tls=server) as upstream:
        response = session.forward(at(upstream, "localhost"), PATIENT, verify=certificates.ca)
        if proper:
            assert response.content == b"ok"
        else:
            with pytest.raises(AnswerCutShort):
                response.content  # noqa: B018


def test_abort_ends_a_tls_call(
    transport: str, certificates: Certificates, server: ssl.SSLContext
) -> None:
    """And never hands ciphertext on as an answer, although more of it had come."""
    adapter, seen, sent = adapter_for(transport), threading.Event(), threading.Event()

    def script(peer: Peer) -> None:
        peer.answer(b"HTTP/1.1 200 OK\r\n\r\nok")
        assert seen.wait(DEADLINE)
        peer.send(b"more")
        sent.set()
        peer.until_closed()

    with UpstreamSession(adapter) as session, scripted(script, tls=server) as upstream:
        response = session.forward(at(upstream, "localhost"), PATIENT, verify=certificates.ca)
        parts = response.raw.stream()
        assert next(parts) == b"ok"
        seen.set()
        assert sent.wait(DEADLINE)
        adapter.abort()
        rest = []
        with pytest.raises(AnswerCutShort):
            rest.extend(parts)
        assert rest in ([], [b"more"])


@pytest.mark.parametrize("stale", ["closed", "unasked bytes"])
def test_a_stale_tls_connection_is_noticed(
    session: UpstreamSession, certificates: Certificates, server: ssl.SSLContext, stale: str
) -> None:
    """Its own messages (session tickets) do not count, an end or bytes do."""
    done = threading.Event()

    def script(peer: Peer) -> None:
        peer.answer()
        if peer.number == 0:
            if stale == "closed":
                peer.sock.close()
            else:
                peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstolen")
            done.set()
        if stale != "closed" or peer.number:
            peer.until_closed()

    with scripted(script, tls=server) as upstream:
        for _ in range(2):
            request = at(upstream, "localhost")
            response = session.forward(request, PATIENT, verify=certificates.ca)
            assert response.content == b"ok"
            assert done.wait(DEADLINE)
        assert len(upstream.peers) == 2


def test_a_streamed_answer_over_tls_comes_as_it_is_sent(
    session: UpstreamSession, certificates: Certificates, server: ssl.SSLContext
) -> None:
    """Events are seen one by one."""
    seen = threading.Event()

    def script(peer: Peer) -> None:
        peer.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab")
        assert seen.wait(DEADLINE)
        peer.send(b"cd")
        peer.until_closed()

    with scripted(script, tls=server) as upstream:
        response = session.forward(at(upstream, "localhost"), PATIENT, verify=certificates.ca)
        parts = response.raw.stream()
        assert next(parts) == b"ab"
        seen.set()
        assert list(parts) == [b"cd"]


def test_an_echo_of_any_size_comes_back_whole_over_tls(
    session: UpstreamSession, certificates: Certificates, server: ssl.SSLContext
) -> None:
    """Sending and reading at once, where reading may need to send and the reverse."""
    body = bytes(range(256)) * 4096 * 32

    def echo(peer: Peer) -> None:
        peer.small_buffers()
        peer.head()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body))
        for piece in peer.pieces(len(body)):
            peer.send(piece)
        peer.answer()

    with scripted(echo, tls=server) as upstream:
        request = outbound(upstream, "POST", "/", body)
        response = session.forward(request, PATIENT, verify=certificates.ca)
        assert response.content == body
        again = session.forward(outbound(upstream), PATIENT, verify=certificates.ca)
        assert (again.content, len(upstream.peers)) == (b"ok", 1)


def test_the_total_ends_a_flood_over_tls(
    session: UpstreamSession, certificates: Certificates, server: ssl.SSLContext
) -> None:
    """Also where there is always something to read, so that nothing is ever waited for."""

    def script(peer: Peer) -> None:
        peer.answer(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            peer.send(b"x" * 1_000_000)

    with scripted(script, tls=server) as upstream:
        request = outbound(upstream)
        response = session.forward(request, Timeouts(5, 5, 0.3), verify=certificates.ca)
        slower, began = threading.Event(), time.monotonic()  # slower than the upstream sends
        parts = iter(lambda: slower.wait(0.001) or response.raw.read1(), b"")
        with response, pytest.raises(DeadlineExceeded):
            all(time.monotonic() - began < 3 for _ in parts)


def test_verify_and_saying_are_independent(
    session: UpstreamSession, certificates: Certificates, server: ssl.SSLContext
) -> None:
    """An answer read with verification is not reused for a call without it, or the reverse."""
    with scripted(saying(b"HTTP/1.1 204 No Content\r\n\r\n"), tls=server) as upstream:
        for verify in (certificates.ca, False):
            session.forward(at(upstream, "localhost"), PATIENT, verify=verify).close()
        assert len(upstream.peers) == 2
