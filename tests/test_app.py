"""The gateway as a WSGI application, in this process, checked by wsgiref."""

from __future__ import annotations

import io
import re
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest

from gateway import Gateway, Live, Settings, Shadow, middleware
from gateway.settings.access_log import AccessLog
from gateway.settings.addresses import Addresses
from gateway.settings.admission import Admission
from gateway.settings.authentication import Authentication, Jwt
from gateway.settings.compression import Compression
from gateway.settings.cors import Cors
from gateway.settings.model import HeaderRules, Mirror, Route, Tls
from gateway.settings.rate_limit import Limit, RateLimit
from gateway.settings.record import Record
from gateway.settings.security_headers import SecurityHeaders
from gateway.settings.tracing import Tracing
from gateway.settings.validation import Validation
from gateway.shadow.copy import Copy
from gateway.shadow.outcome import Outcome
from gateway.transport import Http1Adapter
from tests.support.certificates import Certificates
from tests.support.upstream import Received, Upstream, upstream
from tests.support.waiting import wait_for

PLAIN = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"


@pytest.fixture
def live() -> Iterator[Upstream]:
    with upstream(plain) as running:
        yield running


@pytest.fixture
def shadow() -> Iterator[Upstream]:
    with upstream(plain) as running:
        yield running


def plain(request: Received) -> bytes:
    return PLAIN[:-2] if request.method == "HEAD" else PLAIN


def settings(live: Upstream, shadow: Upstream, **changes: Any) -> Settings:
    shadows = (Shadow(url=shadow.url, name="shadow"),)
    return Settings(live=Live(url=live.url), **{"shadows": shadows, **changes})


def call(app: Any, body: bytes = b"", **environ: Any) -> tuple[str, list[tuple[str, str]], bytes]:
    """One request the way a WSGI server makes it."""
    sent: dict[str, Any] = {"QUERY_STRING": "", "wsgi.input": io.BytesIO(body), **environ}
    if body:
        sent["CONTENT_LENGTH"] = str(len(body))
    setup_testing_defaults(sent)
    said: list[Any] = []

    def start(status: str, headers: Any, exc_info: Any = None) -> Any:
        said[:] = [status, headers]
        return lambda data: None

    answer = app(sent, start)
    try:
        received = b"".join(answer)
    finally:
        answer.close()
    return said[0], said[1], received


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "DELETE"])
def test_it_keeps_to_pep_3333(method: str, live: Upstream, shadow: Upstream) -> None:
    """wsgiref's validator stands on the outside, as any server would."""
    gateway = Gateway(settings(live, shadow))
    try:
        body = b"" if method in ("GET", "HEAD") else b"abc"
        status, headers, received = call(validator(gateway), body, REQUEST_METHOD=method)
        assert (status, received) == ("200 OK", b"" if method == "HEAD" else b"ok")
        assert headers == [("Content-Type", "text/plain"), ("Content-Length", "2")]
        wait_for(shadow.taken, "the copy")
        assert shadow.taken()[0].body == live.taken()[0].body == body
    finally:
        gateway.close()


def test_refusals_keep_to_it_too(live: Upstream, shadow: Upstream) -> None:
    """Problem documents included."""
    gateway = Gateway(settings(live, shadow))
    try:
        environ = {"wsgi.input": io.BytesIO(b""), "CONTENT_LENGTH": "9", "REQUEST_METHOD": "PUT"}
        status, headers, _ = call(validator(gateway), **environ)
        assert status == "400 Bad Request"
        assert dict(headers)["Content-Type"] == "application/problem+json"
        assert gateway.ledger.snapshot() == {"shadow": {Outcome.SKIPPED_REFUSED: 1}}
    finally:
        gateway.close()


class Counted(io.RawIOBase):
    """A server's stream: every byte that is taken is counted, and it may not be closed."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)
        self.taken = 0

    def read(self, size: int = -1) -> bytes:
        data = self._data.read(size)
        self.taken += len(data)
        return data

    def close(self) -> None:
        """PEP 3333: that is the server's business."""


SENT = {
    "length": (b'{"a": 1}', {"CONTENT_LENGTH": "8"}),
    "chunked": (b'{"a": 1}', {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}),
    "empty": (b"", {"CONTENT_LENGTH": "0"}),
    "absent": (b"", {}),
}


@pytest.mark.parametrize(("body", "framing"), SENT.values(), ids=SENT)
def test_the_body_is_read_once_whoever_needs_it(
    body: bytes, framing: dict[str, Any], live: Upstream, shadow: Upstream
) -> None:
    """Validation, live and two shadows have all of it; the stream was read to its end, once."""
    shadows = tuple(Shadow(url=shadow.url, name=name) for name in ("one", "two"))
    checked = Validation(json=True) if body else Validation(methods=("POST",))
    gateway = Gateway(settings(live, shadow, shadows=shadows, validation=checked))
    stream = Counted(body + b"of the next request" * ("CONTENT_LENGTH" in framing))
    environ: dict[str, Any] = {"wsgi.input": stream, "REQUEST_METHOD": "POST", **framing}
    environ["CONTENT_TYPE"] = "application/json"
    try:
        assert call(gateway, **environ)[0] == "200 OK"
        wait_for(lambda: len(shadow.taken()) == 2, "both copies")
    finally:
        gateway.close()
    assert stream.taken == len(body)
    received = [*live.taken(), *shadow.taken()]
    assert [each.body for each in received] == [body] * 3
    length = [str(len(body))] if framing else []
    assert [each.values("Content-Length") for each in received] == [length] * 3


def test_a_copy_that_has_to_wait_for_its_connection_is_sent_once_too(
    live: Upstream, shadow: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The way that live's requests go, where an idempotent one is repeated."""
    monkeypatch.setattr(Http1Adapter, "begin", lambda *_: None)
    answered: set[int] = set()

    def once(request: Received) -> bytes | None:
        if request.connection in answered:
            return None
        answered.add(request.connection)
        return PLAIN

    shadow.script = once
    gateway = Gateway(settings(live, shadow))
    try:
        for number in range(1, 4):
            assert call(gateway, b"x", REQUEST_METHOD="PUT")[0] == "200 OK"
            wait_for(
                lambda number=number: sum(gateway.ledger.snapshot()["shadow"].values()) == number,
                "its end",
            )
        outcomes = gateway.ledger.snapshot()["shadow"]
    finally:
        gateway.close()
    assert outcomes == {Outcome.ANSWERED: 2, Outcome.FAILED_RESET: 1}
    assert len(shadow.taken()) == 3


def test_making_one_starts_nothing(live: Upstream, shadow: Upstream) -> None:
    """No thread and no connection until the first request; none after closing."""
    before = set(threading.enumerate())
    gateway = Gateway(settings(live, shadow))
    assert set(threading.enumerate()) == before
    call(gateway)
    assert set(threading.enumerate()) > before
    gateway.close()
    wait_for(lambda: not _ours(before), "our threads to end")
    assert live.connections == 1


def _ours(before: set[threading.Thread]) -> list[threading.Thread]:
    return [t for t in set(threading.enumerate()) - before if t.name.startswith("gateway")]


def test_a_route_has_its_own_live_upstream(live: Upstream, shadow: Upstream) -> None:
    """The most specific rule wins; the rest goes to the general one."""
    with upstream(lambda request: PLAIN) as other:
        routes = (
            Route(path="/new", live=Live(url=other.url + "/v2")),
            Route(path="/new/old", methods=("GET",)),
        )
        gateway = Gateway(settings(live, shadow, routes=routes))
        try:
            for target in ("/new/x?y", "/new/old", "/other"):
                call(gateway, RAW_URI=target)
        finally:
            gateway.close()
        assert [r.target for r in other.taken()] == [b"/v2/new/x?y"]
    assert [r.target for r in live.taken()] == [b"/new/old", b"/other"]


def test_several_shadows_are_mirrored_each_by_its_own_rules(
    live: Upstream, shadow: Upstream
) -> None:
    """Credentials swapped for one, a share of nothing for another."""
    shadows = (
        Shadow(url=shadow.url, name="a", headers=HeaderRules(set={"Authorization": "a"})),
        Shadow(url=shadow.url, name="b", headers=HeaderRules(remove=("Authorization",))),
        Shadow(url=shadow.url, name="c", percent=0),
    )
    gateway = Gateway(settings(live, shadow, shadows=shadows))
    try:
        call(gateway, HTTP_AUTHORIZATION="live")
        wait_for(lambda: len(shadow.taken()) == 2, "both copies")
    finally:
        gateway.close()
    assert live.taken()[0].values("Authorization") == ["live"]
    assert sorted(r.values("Authorization") for r in shadow.taken()) == [[], ["a"]]
    assert {name: list(counts) for name, counts in gateway.ledger.snapshot().items()} == {
        "a": [Outcome.ANSWERED],
        "b": [Outcome.ANSWERED],
        "c": [Outcome.SKIPPED_SAMPLED_OUT],
    }


def test_closing_aborts_calls_that_outlive_the_drain(live: Upstream) -> None:
    """A stalled shadow holds nothing up: the ledger is complete, no thread is left."""
    before = set(threading.enumerate())
    hold = threading.Event()

    def stall(request: Received) -> Any:
        return lambda connection: hold.wait(30)

    with upstream(stall) as shadow:
        bounds = Mirror(threads=2, max_queue=10, drain_timeout=0.2)
        gateway = Gateway(settings(live, shadow, mirror=bounds))
        for _ in range(5):
            call(gateway)
        wait_for(lambda: len(shadow.taken()) == 2, "two calls under way")
        gateway.close()
        assert not _ours(before)
        hold.set()
    counts = gateway.ledger.snapshot()["shadow"]
    assert counts.pop(Outcome.DROPPED_DRAINING) == 3
    assert sum(counts.values()) == 2
    assert all(outcome.outcome == "failed" for outcome in counts)


def _asked(copy: Copy) -> bool:
    if copy.target == "/raises":
        raise RuntimeError
    return copy.target != "/private"


def _rewritten(copy: Copy) -> Copy:
    injected = copy.target == "/injected"
    return copy._replace(fields=(("X-A", "b\r\nX-C: d"),)) if injected else copy


def test_the_ledger_sums_up_whatever_hooks_overload_and_closing_do(live: Upstream) -> None:
    """What a whole gateway under traffic cannot be brought to at will, in one run."""
    hold = threading.Event()
    with upstream(lambda request: lambda connection: hold.wait(30)) as shadow:
        bounds = Mirror(threads=1, max_queue=1000, drain_timeout=0.2)
        chosen = settings(live, shadow, mirror=bounds)
        gateway = Gateway(chosen, should_mirror=_asked, rewrite=_rewritten)
        sent = 0
        for target in ("/raises", "/private", "/injected", "/stalls", "/waits"):
            for _ in range(3):
                call(gateway, PATH_INFO=target)
                sent += 1
        wait_for(shadow.taken, "a call under way")
        wait_for(lambda: gateway.pool.snapshot().queued >= 5, "the rest to have been vetted")
        gateway.fanout.overloaded = lambda: True
        call(gateway)
        gateway.fanout.overloaded = lambda: False
        gateway.close()
        hold.set()
    counts = gateway.ledger.snapshot()["shadow"]
    assert sum(counts.values()) == sent + 1 == 16
    assert counts.pop(Outcome.DROPPED_HOOK_FAILED) == 3
    assert counts.pop(Outcome.SKIPPED_HOOK) == 3
    assert counts.pop(Outcome.FAILED_INTERNAL) == 3
    assert counts.pop(Outcome.DROPPED_OVERLOADED) == 1
    assert counts.pop(Outcome.DROPPED_DRAINING) == 5
    assert sum(counts.values()) == 1  # the call that was under way


def test_netrc_and_proxy_variables_are_not_read(
    live: Upstream, shadow: Upstream, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What requests would do with them is not what the client asked for."""
    (tmp_path / ".netrc").write_text("default login a password b\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    gateway = Gateway(settings(live, shadow))
    try:
        assert call(gateway)[0] == "200 OK"
        wait_for(shadow.taken, "the copy")
    finally:
        gateway.close()
    for received in (live.taken()[0], shadow.taken()[0]):
        assert not received.values("Authorization")


def test_upstreams_are_verified_and_shown_our_certificate(
    certificates: Certificates, live: Upstream
) -> None:
    """TLS settings of live and of each shadow are their own; verification is on by default."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificates.server)
    context.load_verify_locations(certificates.ca)
    context.verify_mode = ssl.CERT_REQUIRED
    certificate, key = certificates.client
    ours = Tls(ca=certificates.ca, client_certificate=certificate, client_key=key)
    with upstream(plain, tls=context) as server, upstream(plain, tls=context) as other:
        shadows = (
            Shadow(url=other.url, name="known", tls=ours),
            Shadow(url=other.url, name="unverified"),
            Shadow(url=other.url, name="unknown", tls=Tls(ca=certificates.ca)),
        )
        gateway = Gateway(Settings(live=Live(url=server.url, tls=ours), shadows=shadows))
        try:
            assert call(gateway)[2] == b"ok"
            wait_for(lambda: gateway.pool.snapshot().done == 3, "all copies")
        finally:
            gateway.close()
    outcomes = {name: list(counts) for name, counts in gateway.ledger.snapshot().items()}
    assert outcomes["known"] == [Outcome.ANSWERED]
    assert outcomes["unverified"] == [Outcome.FAILED_CONNECT]
    assert outcomes["unknown"][0].outcome == "failed"


def test_nobody_is_asked_who_they_are_unless_somebody_wants_to_know(
    live: Upstream, shadow: Upstream
) -> None:
    """Off, authentication is not in the chain."""
    gateway = Gateway(settings(live, shadow))
    assert gateway._authentication is None
    gateway.close()


def test_keys_of_tokens_are_fetched_and_no_thread_is_left(live: Upstream, shadow: Upstream) -> None:
    """By a thread beside the housekeeper, also while the issuer says nothing."""
    before = set(threading.enumerate())
    hold = threading.Event()
    with upstream(lambda request: lambda connection: hold.wait(30)) as issuer:
        asked = Authentication(schemes=("jwt",), jwt=Jwt(jwks_url=issuer.url, jwks_timeout=20.0))
        gateway = Gateway(settings(live, shadow, authentication=asked))
        gateway.start()
        wait_for(issuer.taken, "the issuer to be asked")
        assert [t.name for t in _ours(before) if "jwks" in t.name] == ["gateway-jwks"]
        gateway.close()
        assert not _ours(before)
        hold.set()


def chain_of(app: Any) -> list[str]:
    """The middlewares of an application, from outside in."""
    names = []
    while app is not None:
        names.append(type(app).__name__)
        app = getattr(app, "_app", None)
    return names


def test_the_chain_is_the_one_that_is_written_down(
    live: Upstream, shadow: Upstream, tmp_path: Path
) -> None:
    """With everything on, in the order of the docs and of the package's own list."""
    (tmp_path / "credentials").write_text("")
    everything = settings(
        live,
        shadow,
        access_log=AccessLog(to="file", file=str(tmp_path / "log")),
        tracing=Tracing(endpoint=shadow.url),
        admission=Admission(mode="fixed", limit=9),
        addresses=Addresses(deny=("192.0.2.0/24",)),
        security_headers=SecurityHeaders(),
        cors=Cors(origins=("*",)),
        compression=Compression(),
        authentication=Authentication(
            schemes=("api-key",), credentials=str(tmp_path / "credentials")
        ),
        rate_limit=RateLimit(limits=(Limit(rates="9/minute"),)),
        validation=Validation(json=True),
        record=Record(percent=1, folder=str(tmp_path)),
    )
    gateway = Gateway(everything)
    try:
        chain = chain_of(gateway.chain)
    finally:
        gateway.close()
    docs = (Path(__file__).parents[1] / "docs" / "chain.md").read_text()
    assert re.findall(r"^\| \d+ \| `(\w+)`", docs, re.M) == chain
    assert re.findall(r"^\d+\. ``(\w+)``", middleware.__doc__ or "", re.M) == chain


def test_what_is_not_switched_on_is_not_in_the_chain(live: Upstream, shadow: Upstream) -> None:
    """It costs nothing."""
    gateway = Gateway(settings(live, shadow, admission=Admission(mode="off")))
    assert chain_of(gateway.chain) == ["Accounting", "Boundary", "Mirror", "LiveProxy"]
    gateway.close()
