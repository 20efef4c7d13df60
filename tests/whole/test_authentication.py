"""Authentication in a running gateway: live, shadow, and a file that changes meanwhile."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.auth.credential_file import CredentialFile
from gateway.auth.credentials import Credential, Kind
from gateway.auth.hashing import hash_key, hash_password, new_key
from gateway.cli import main
from tests.auth import issuer
from tests.support.client import Answer
from tests.support.gateway import GatewayProcess, gateway
from tests.support.upstream import Upstream, upstream
from tests.support.waiting import wait_for

KEY = new_key()
PUBLISHED = [issuer.jwk("ES256", "one")]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("credentials") / "credentials"
    CredentialFile(path).add(Credential("batch", Kind.API_KEY, hash_key(KEY)))
    CredentialFile(path).add(Credential("alice", Kind.PASSWORD, hash_password("hunter2")))
    return path


@pytest.fixture(scope="module")
def issuing() -> Iterator[Upstream]:
    def serve(request: object) -> bytes:
        body = issuer.jwks(*PUBLISHED)
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body

    with upstream(serve) as running:
        yield running


@pytest.fixture(scope="module")
def running(
    live_upstream: Upstream, shadow_upstream: Upstream, issuing: Upstream, file: Path
) -> Iterator[GatewayProcess]:
    config = f"""
        [live]
        url = "{live_upstream.url}"

        [[shadows]]
        url = "{shadow_upstream.url}"

        [authentication]
        schemes = ["api-key", "basic", "jwt"]
        credentials = "{file}"
        identity_field = "X-User"
        forward_credentials = false

        [authentication.jwt]
        jwks_url = "{issuing.url}/keys"
        issuers = ["{issuer.URL}"]
        identity_prefix = "sso:"

        [[routes]]
        path = "/public"
        authentication.schemes = []

        [[routes]]
        path = "/admin"
        authentication = {{ schemes = ["jwt"], scopes = ["admin"] }}

        [[routes]]
        path = "/admin/quiet"
        mirror = false
    """
    with gateway("--workers", "1", config=config) as process:
        yield process


def ask(running: GatewayProcess, target: str, *fields: str, body: bytes | None = None) -> Answer:
    with running.client() as client:
        return client.request("GET" if body is None else "POST", target, *fields, body=body)


def basic(name: str, password: str) -> str:
    return "Authorization: Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


@pytest.mark.parametrize(
    ("fields", "identity"),
    [
        ([f"X-Api-Key: {KEY}"], "batch"),
        ([basic("alice", "hunter2")], "alice"),
        ([f"Authorization: Bearer {issuer.token('ES256', 'one')}"], "sso:bob"),
    ],
    ids=["key", "password", "token"],
)
def test_live_and_shadow_are_told_who_it_is_and_not_how_it_proved_it(
    fields: list[str],
    identity: str,
    running: GatewayProcess,
    live: Upstream,
    shadow: Upstream,
) -> None:
    """Whatever the client claims, and however it would have our word stripped."""
    claims = ["X-User: root", "x-user: root", "Connection: X-User"]
    assert ask(running, "/a", *claims, *fields, body=b"x").status == 200
    wait_for(shadow.taken, "the copy")
    for received in (live.taken()[0], shadow.taken()[0]):
        assert received.values("X-User") == [identity]
        assert received.values("X-Api-Key") == received.values("Authorization") == []
        assert received.body == b"x"


def test_who_came_in_and_who_did_not_is_counted(running: GatewayProcess) -> None:
    """By name, and by reason."""

    def counts() -> tuple[float, float]:
        return (
            running.metric("gateway_authenticated_total", scheme="api-key", identity="batch"),
            running.metric(
                "gateway_refusals_total", middleware="authentication", reason="invalid_key"
            ),
        )

    let_in, kept_out = counts()
    assert ask(running, "/a", f"X-Api-Key: {KEY}").status == 200
    assert ask(running, "/a", "X-Api-Key: x").status == 401
    wait_for(lambda: counts() == (let_in + 1, kept_out + 1), "both to be counted")


def test_nobody_else_gets_in(running: GatewayProcess, live: Upstream, shadow: Upstream) -> None:
    """Neither to live nor to the shadow; the ledger has it as refused."""
    before = running.ledger().get("skipped refused", 0)
    for fields in ([], ["X-Api-Key: x"], [basic("alice", "x")], ["Authorization: Bearer x"]):
        answer = ask(running, "/a", *fields, body=b"x" * 1000)
        assert answer.status == 401
        assert len(answer.values("WWW-Authenticate")) == 3
        assert answer.values("Content-Type") == ["application/problem+json"]
    running.quiet()
    assert running.ledger()["skipped refused"] == before + 4
    assert (live.taken(), shadow.taken()) == ([], [])


def test_a_route_is_open_and_still_nobody_can_claim_to_be_somebody(
    running: GatewayProcess, live: Upstream
) -> None:
    """Credentials for the application itself are its own there."""
    fields = ["X-User: root", f"X-Api-Key: {KEY}", basic("app", "own")]
    assert ask(running, "/public/x", *fields).status == 200
    (received,) = live.taken()
    assert received.values("X-User") == received.values("X-Api-Key") == []
    assert received.values("Authorization") == [basic("app", "own").partition(": ")[2]]


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/admin", 401),
        ("/admin/quiet", 401),
        ("//admin", 400),
        ("/public/../admin", 400),
        ("/public/..%2fadmin", 400),
        ("/admin;x", 400),
    ],
)
def test_a_route_that_asks_for_more_is_not_got_round(
    target: str, status: int, running: GatewayProcess, live: Upstream
) -> None:
    """By a more specific route for something else, or by another spelling."""
    assert ask(running, target, f"X-Api-Key: {KEY}").status == status
    assert live.taken() == []


def test_a_scope_makes_the_difference(running: GatewayProcess, live: Upstream) -> None:
    """403 without."""
    for scope, status in (("reader", 403), ("reader admin", 200)):
        token = issuer.token("ES256", "one", scope=scope)
        assert ask(running, "/admin", f"Authorization: Bearer {token}").status == status


def test_an_unknown_key_does_not_hurry_the_issuer(
    running: GatewayProcess, issuing: Upstream, live: Upstream
) -> None:
    """Its keys came just now; they are asked for at a bounded rate."""
    token = issuer.token("EdDSA", "two")
    fetches = len(issuing.taken())
    assert ask(running, "/a", f"Authorization: Bearer {token}").status == 401
    assert fetches == len(issuing.taken()) == 1


def test_the_file_is_followed_while_it_runs(running: GatewayProcess, file: Path) -> None:
    """A new key counts and a revoked one does not, within two seconds and without a restart."""
    new = new_key()
    CredentialFile(file).add(Credential("new", Kind.API_KEY, hash_key(new)))
    wait_for(lambda: ask(running, "/a", f"X-Api-Key: {new}").status == 200, "the new key", 4)
    assert main(["keys", "revoke", "new", "--file", str(file)]) == 0
    wait_for(lambda: ask(running, "/a", f"X-Api-Key: {new}").status == 401, "its end", 4)
    assert ask(running, "/a", f"X-Api-Key: {KEY}").status == 200


def test_a_broken_file_is_not_followed(running: GatewayProcess, file: Path) -> None:
    """The log says so, and who could get in still can."""
    good = file.read_bytes()
    file.write_bytes(good + b"broken\n")
    wait_for(lambda: "cannot be used" in running.output, "the log to say so", 4)
    assert ask(running, "/a", f"X-Api-Key: {KEY}").status == 200
    file.write_bytes(good)
    wait_for(lambda: "was read again" in running.output, "the log to say so", 4)
    assert KEY not in running.output
