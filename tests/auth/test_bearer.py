"""Tokens as the settings want them."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from gateway.auth.bearer import Bearer
from gateway.auth.proof import NotProven, Reason
from gateway.settings.authentication import Jwt
from tests.auth import issuer
from tests.support.upstream import Received, upstream
from tests.support.waiting import wait_for


def test_a_secret_in_the_settings() -> None:
    """HMAC, where issuer and gateway know each other."""
    bearer = Bearer(Jwt(algorithms=("HS256",), secret=issuer.SECRET))
    assert bearer.verify(issuer.token("HS256")).identity == "bob"
    bearer.refresh()
    bearer.close()


@pytest.mark.parametrize("kind", ["pem", "jwks"])
def test_a_key_in_a_file_is_followed(kind: str, tmp_path: Path) -> None:
    """When the file changes, what the old key signed counts no more."""
    file = tmp_path / "keys"

    def write(number: int) -> None:
        data = issuer.pem("ES256", number)
        file.write_bytes(data if kind == "pem" else issuer.jwks(issuer.jwk("ES256", "k", number)))

    write(0)
    jwt = Jwt(public_key=str(file)) if kind == "pem" else Jwt(jwks=str(file))
    bearer = Bearer(jwt)
    old, new = issuer.token("ES256", number=0), issuer.token("ES256", number=1)
    assert bearer.verify(old).identity == "bob"
    write(1)

    def followed() -> bool:
        bearer.refresh()
        try:
            return bearer.verify(new).identity == "bob"
        except NotProven:
            return False

    wait_for(followed, "the new key to count")
    with pytest.raises(NotProven):
        bearer.verify(old)
    bearer.close()


def test_a_set_in_a_file_may_have_secrets(tmp_path: Path) -> None:
    """Two of them, while one is being replaced."""
    file = tmp_path / "keys"
    file.write_bytes(issuer.jwks(issuer.jwk("HS256", "old"), issuer.jwk("HS256", "new")))
    bearer = Bearer(Jwt(algorithms=("HS256",), jwks=str(file)))
    assert bearer.verify(issuer.token("HS256", "new")).identity == "bob"


def test_a_broken_file_of_keys_is_nobodys_fault_but_ours(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """503 until it is right, and an error in the log."""
    file = tmp_path / "keys"
    file.write_bytes(issuer.pem("RS256")[:100])
    bearer = Bearer(Jwt(public_key=str(file)))
    with pytest.raises(NotProven) as caught:
        bearer.verify(issuer.token())
    assert caught.value.reason is Reason.UNAVAILABLE
    assert "cannot be used" in caplog.text


def test_an_issuer_is_asked_and_followed() -> None:
    """From the first token on, without anybody calling refresh."""
    published = [issuer.jwk("ES256", "one")]

    def serve(request: Received) -> bytes:
        body = issuer.jwks(*published)
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body

    with upstream(serve) as server:
        bearer = Bearer(Jwt(jwks_url=f"{server.url}/keys?a=b"))
        assert bearer.verify(issuer.token("ES256", "one")).identity == "bob"
        assert bearer.verify(issuer.token("ES256", "one", jti="2")).identity == "bob"
        assert [each.target for each in server.taken()] == [b"/keys?a=b"]
        bearer.close()
    assert "gateway-jwks" not in {thread.name for thread in threading.enumerate()}


def test_what_a_url_serves_is_no_secret() -> None:
    """A symmetric key in a published set signs nothing."""
    body = issuer.jwks(issuer.jwk("HS256", "k"))
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    with upstream(lambda request: answer) as server:
        bearer = Bearer(Jwt(algorithms=("HS256", "RS256"), jwks_url=server.url))
        with pytest.raises(NotProven) as caught:
            bearer.verify(issuer.token("HS256", "k"))
        bearer.close()
    assert caught.value.reason is Reason.UNAVAILABLE


@pytest.mark.parametrize(
    ("rule", "bad"),
    [
        ({"issuers": ("https://other.test",)}, {}),
        ({"audiences": ("us",)}, {}),
        ({"types": ("at+jwt",)}, {}),
        ({"required_claims": ("jti",)}, {}),
        ({"claims": {"tenant": "a"}}, {}),
        ({"leeway": 0.0}, {"exp": 1}),
        ({"max_token": 100}, {}),
        ({"identity_claim": "email"}, {}),
    ],
    ids=lambda value: next(iter(value), "") if isinstance(value, dict) else "",
)
def test_every_rule_of_the_settings_is_applied(rule: dict[str, Any], bad: dict[str, Any]) -> None:
    """Each by itself makes a good token a bad one."""
    plain = {"algorithms": ("HS256",), "secret": issuer.SECRET}
    token = issuer.token("HS256", **bad)
    if not bad:
        assert Bearer(Jwt(**plain)).verify(token)
    with pytest.raises(NotProven):
        Bearer(Jwt(**plain, **rule)).verify(token)


def test_names_of_claims_and_a_prefix_are_the_settings_own() -> None:
    """Identity and scopes come from where they say."""
    jwt = Jwt(
        algorithms=("HS256",),
        secret=issuer.SECRET,
        identity_claim="email",
        identity_prefix="sso:",
        scope_claim="scp",
    )
    proof = Bearer(jwt).verify(issuer.token("HS256", email="b@x", scp=["r"]))
    assert (proof.identity, proof.scopes) == ("sso:b@x", {"r"})


def test_without_keys_there_is_nothing_to_make() -> None:
    """The settings' rules say so before."""
    with pytest.raises(ValueError, match="needs one of"):
        Bearer(Jwt())
