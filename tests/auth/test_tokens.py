"""Tokens: the good ones, and every bad kind there is."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.auth.keyset import KeySet, from_jwks, from_pem, from_secret
from gateway.auth.proof import NotProven, Proof, Reason, Scheme
from gateway.auth.tokens import TokenRules, Tokens
from tests.auth import issuer

ALL = ("HS256", "RS256", "PS256", "ES256", "ES384", "ES512", "EdDSA")


class Source:
    """Keys that a test can change; counts who asked for newer ones."""

    def __init__(self, keys: KeySet | None, then: KeySet | None = None) -> None:
        self.keys = keys
        self.then = then
        self.asked = 0

    def newer(self, than: KeySet | None) -> KeySet | None:
        self.asked += 1
        if self.then is not None:
            self.keys = self.then
        return self.keys


def keys(*algorithms: str) -> KeySet:
    return from_jwks(issuer.jwks(*(issuer.jwk(a, a) for a in algorithms)), secrets=True)


def tokens(source: Source | None = None, **rules: Any) -> Tokens:
    return Tokens(
        TokenRules(**{"algorithms": ALL, "issuers": (issuer.URL,), **rules}),
        source or Source(keys(*ALL)),
    )


def refused(token: str, checker: Tokens | None = None) -> NotProven:
    with pytest.raises(NotProven) as caught:
        (checker or tokens()).verify(token)
    assert caught.value.scheme is Scheme.JWT
    return caught.value


@pytest.mark.parametrize("algorithm", ALL)
def test_a_good_token_proves_its_subject(algorithm: str) -> None:
    """By every algorithm, with or without kid."""
    expected = Proof("bob", frozenset({"a", "b"}), Scheme.JWT)
    checker = tokens()
    assert checker.verify(issuer.token(algorithm, algorithm, scope="a b")) == expected
    assert checker.verify(issuer.token(algorithm, scope="a b")) == expected


@pytest.mark.parametrize("algorithm", ["HS256", "RS256", "EdDSA"])
def test_a_token_of_another_key_is_refused(algorithm: str) -> None:
    """Also under the name of a key that is known."""
    other = issuer.token(algorithm, algorithm, number=9)
    if algorithm == "HS256":
        header, payload, _ = other.split(".")
        digest = hmac.new(b"x" * 64, f"{header}.{payload}".encode(), hashlib.sha256).digest()
        other = ".".join([header, payload, base64.urlsafe_b64encode(digest).decode().rstrip("=")])
    assert refused(other).detail == "The token's signature is wrong."


@pytest.mark.parametrize("part", [0, 1, 2], ids=["header", "payload", "signature"])
def test_a_changed_token_is_refused(part: int) -> None:
    """Any part of it."""
    parts = issuer.token("ES256", "ES256").split(".")
    middle = len(parts[part]) // 2
    other = "A" if parts[part][middle] != "A" else "B"
    parts[part] = parts[part][:middle] + other + parts[part][middle + 1 :]
    assert refused(".".join(parts)).reason is Reason.INVALID_TOKEN


@pytest.mark.parametrize("name", ["none", "None", "NONE", "nOnE", "", None, 5, ["RS256"], "HS1"])
@pytest.mark.parametrize("signature", [b"", b"x"], ids=["unsigned", "signed"])
def test_no_algorithm_is_no_signature(name: Any, signature: bytes) -> None:
    """RFC 8725 section 3.2, in all its spellings."""
    forged = issuer.by_hand({"alg": name, "typ": "JWT"}, issuer.claims(), signature)
    assert "algorithm" in refused(forged).detail or "signed" in refused(forged).detail


@pytest.mark.parametrize("of", ["pem", "jwk"])
@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_a_public_key_is_no_secret(algorithm: str, of: str) -> None:
    """RFC 8725 section 2.1: an HMAC with what everybody can read."""
    secret = issuer.pem(algorithm)
    if of == "jwk":
        secret = json.dumps(issuer.jwk(algorithm, algorithm)).encode()
    head = {"alg": "HS256", "typ": "JWT", "kid": algorithm}
    unsigned = issuer.by_hand(head, issuer.claims()).rpartition(".")[0]
    digest = hmac.new(secret, unsigned.encode(), hashlib.sha256).digest()
    forged = f"{unsigned}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"
    for source in (Source(from_pem(issuer.pem(algorithm))), Source(keys(algorithm)), None):
        assert refused(forged, tokens(source)).reason is Reason.INVALID_TOKEN


def test_an_algorithm_that_is_not_allowed_is_refused() -> None:
    """Though there is a key for it."""
    checker = tokens(algorithms=("ES256",))
    assert "not allowed" in refused(issuer.token("RS256", "RS256"), checker).detail
    assert checker.verify(issuer.token("ES256", "ES256")).identity == "bob"


@pytest.mark.parametrize(
    "header",
    [
        {"kid": "../../dev/null"},
        {"kid": "' or 1=1 --"},
        {"kid": 5},
        {"kid": ["RS256"]},
        {"kid": {}},
        {"kid": "x" * 4000},
        {"crit": ["exp"], "exp": 1},
        {"crit": []},
        {"crit": ["b64"], "b64": False},
        {"b64": False},
        {"b64": True},
    ],
    ids=lambda header: str(header)[:30],
)
def test_a_header_that_asks_for_more_is_refused(header: dict[str, Any]) -> None:
    """``kid`` is a name in a table and nothing else; extensions are not understood.

    Signed with the right key, so that nothing else is wrong.
    """
    assert refused(_signed(issuer.claims(), header)).reason is Reason.INVALID_TOKEN


@pytest.mark.parametrize("name", ["jwk", "jku", "x5u", "x5c"])
def test_a_token_cannot_bring_its_own_key(name: str) -> None:
    """RFC 8725 section 3.10: signed by a key of the forger's, which it names."""
    own = issuer.jwk("RS256", "own", 5)
    header = {"jwk": own, "jku": "https://evil.test/", "x5u": "https://evil.test/", "x5c": ["x"]}
    forged = issuer.token("RS256", "own", 5, {name: header[name]})
    assert "not known" in refused(forged).detail


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"exp": -60}, "expired"),
        ({"exp": None}, "lacks"),
        ({"exp": "soon"}, "not valid"),
        ({"nbf": 600}, "not valid yet"),
        ({"iat": 600}, "not valid yet"),
        ({"iss": "https://evil.test"}, "another issuer"),
        ({"iss": None}, "lacks"),
        ({"iss": [issuer.URL]}, "another issuer"),
        ({"aud": "somebody"}, "somebody else"),
        ({"sub": None}, "names nobody"),
        ({"sub": ""}, "names nobody"),
        ({"sub": 5}, "not valid"),
        ({"sub": "a\r\nX-Evil: 1"}, "names nobody"),
        ({"sub": "b\xf6b"}, "names nobody"),
        ({"sub": " bob"}, "names nobody"),
        ({"sub": "x" * 300}, "names nobody"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_claims_that_do_not_hold_are_refused(changes: dict[str, Any], detail: str) -> None:
    """Signed as it may be."""
    now = int(time.time())
    for name in ("exp", "nbf", "iat"):
        if isinstance(changes.get(name), int):
            changes = {**changes, name: now + changes[name]}
    if changes.get("iss", "") is None or isinstance(changes.get("iss"), list):
        token = _signed(issuer.claims(**changes))
    else:
        token = issuer.token("ES256", "ES256", **changes)
    failure = refused(token)
    assert failure.reason is Reason.INVALID_TOKEN
    assert detail in failure.detail


def _signed(payload: Any, header: dict[str, Any] | None = None) -> str:
    """An HS256 token with whatever is in it: what the library would not make."""
    head = {"alg": "HS256", "kid": "HS256", **(header or {})}
    unsigned = issuer.by_hand(head, payload).rpartition(".")[0]
    digest = hmac.new(issuer.SECRET.encode(), unsigned.encode(), hashlib.sha256).digest()
    return f"{unsigned}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"[]",
        b"null",
        b"\xff",
        b"[" * 5000,
        b'{"sub": "a", "exp": Infinity}',
        b'{"sub": "a", "exp": NaN}',
        b'{"sub": "a", "exp": 1e999}',
        b'{"sub": "a", "exp": {}}',
        b'{"sub": "a", "exp": 99999999999, "nbf": "x"}',
        b'{"sub": "a", "exp": 99999999999, "iat": []}',
        b'{"sub": "a", "exp": 99999999999, "aud": 5}',
        b'{"sub": "a", "exp": 99999999999, "jti": 5}',
    ],
    ids=lambda payload: payload[:45].decode("latin-1") or "empty",
)
def test_a_signed_payload_of_anything_is_refused(payload: bytes) -> None:
    """An issuer's odd token is not an error of ours."""
    assert refused(_signed(payload)).reason is Reason.INVALID_TOKEN


@given(
    st.text(st.characters(codec="ascii", exclude_characters=" ,"), max_size=60)
    | st.lists(st.binary(max_size=20), min_size=1, max_size=5).map(
        lambda parts: ".".join(base64.urlsafe_b64encode(p).decode().rstrip("=") for p in parts)
    )
    | st.dictionaries(
        st.sampled_from(["alg", "kid", "typ", "crit"]), st.integers() | st.text()
    ).map(lambda header: issuer.by_hand(header, {}))
)
def test_anything_else_is_no_token(text: str) -> None:
    """And never an error of ours."""
    assert refused(text).reason is Reason.INVALID_TOKEN


@pytest.mark.parametrize("header", [b"[" * 6000, b'{"a":' * 1000, b"5", b"\xff"])
def test_a_header_of_anything_is_refused(header: bytes) -> None:
    """Brackets in brackets are what makes parsers run out of stack."""
    assert refused(issuer.by_hand(header, {}), tokens(max_bytes=100_000)).detail == (
        "This is not a signed JWT."
    )


def test_a_token_that_is_too_long_is_not_looked_at() -> None:
    """Good as it may be."""
    token = issuer.token("EdDSA", "EdDSA", more="x" * 9000)
    assert refused(token).detail == "The token is too long."
    assert tokens(max_bytes=20_000).verify(token).identity == "bob"


@pytest.mark.parametrize(
    ("aud", "fine"),
    [("us", True), (["x", "us"], True), ("x", False), (["x"], False), (None, False), ([], False)],
    ids=str,
)
def test_the_audience_is_us(aud: Any, fine: bool) -> None:
    """One of ours, in a text or a list; without any it is for nobody."""
    checker, token = tokens(audiences=("us", "we")), issuer.token("EdDSA", aud=aud)
    assert checker.verify(token) if fine else refused(token, checker)


@pytest.mark.parametrize(
    ("claim", "fine"),
    [
        ({"tenant": "a"}, True),
        ({"tenant": ["b", "a"]}, True),
        ({"tenant": "b"}, False),
        ({"tenant": ["ab"]}, False),
        ({"tenant": "ab"}, False),
        ({"tenant": 5}, False),
        ({}, False),
    ],
    ids=str,
)
def test_a_claim_has_the_wanted_value(claim: dict[str, Any], fine: bool) -> None:
    """Itself, or in its list; a part of a text is not the text."""
    checker, token = tokens(claims={"tenant": "a"}), issuer.token("EdDSA", **claim)
    assert checker.verify(token) if fine else refused(token, checker)


def test_required_claims_are_there() -> None:
    """Whatever their value."""
    checker = tokens(required=("exp", "jti"))
    assert "lacks" in refused(issuer.token("EdDSA"), checker).detail
    assert checker.verify(issuer.token("EdDSA", jti="1"))


def test_without_required_exp_a_token_may_last_for_ever() -> None:
    """The settings' warnings say so."""
    checker = tokens(required=())
    token = issuer.token("EdDSA", exp=None)
    assert [checker.verify(token).identity for _ in range(2)] == ["bob", "bob"]


def test_a_date_beyond_all_clocks_is_for_ever() -> None:
    """JSON has numbers that no float has."""
    checker, token = tokens(), _signed(issuer.claims(exp=10**400))
    assert [checker.verify(token).identity for _ in range(2)] == ["bob", "bob"]


@pytest.mark.parametrize(
    ("typ", "fine"),
    [("at+jwt", True), ("application/AT+JWT", True), ("JWT", False), (None, False), (5, False)],
    ids=str,
)
def test_the_type_is_one_of_those_wanted(typ: Any, fine: bool) -> None:
    """RFC 8725 section 3.11: an ID token is no access token."""
    checker = tokens(types=("at+jwt",))
    token = _signed(issuer.claims(), {"typ": typ} if typ else None)
    assert checker.verify(token) if fine else refused(token, checker)


@pytest.mark.parametrize(
    ("scope", "scopes"),
    [
        ("a b  c", ["a", "b", "c"]),
        (["a", "b", 5, None], ["a", "b"]),
        ("", []),
        (None, []),
        (5, []),
        ({"a": 1}, []),
    ],
    ids=str,
)
def test_scopes_are_a_text_or_a_list(scope: Any, scopes: list[str]) -> None:
    """Anything else gives none."""
    token = issuer.token("EdDSA", scp=scope)
    assert tokens(scope_claim="scp").verify(token).scopes == set(scopes)


def test_the_identity_is_another_claim_with_a_prefix() -> None:
    """So that no token has the name of a key's owner."""
    checker = tokens(identity_claim="email", identity_prefix="sso:")
    token = issuer.token("EdDSA", email="bob@example.com")
    assert checker.verify(token).identity == "sso:bob@example.com"


def test_clocks_may_differ_by_the_leeway() -> None:
    """And by no more."""
    token = issuer.token("EdDSA", exp=int(time.time()) - 20)
    assert tokens(leeway=60).verify(token)
    refused(token, tokens(leeway=5))


def test_a_verified_token_is_remembered_until_it_expires() -> None:
    """With the leeway; remembering proves nothing longer than the token does."""
    clock = [time.time()]
    source = Source(keys("EdDSA"))
    checker = Tokens(TokenRules(("EdDSA",), leeway=30), source, clock=lambda: clock[0])
    exp = int(clock[0]) + 600
    token = issuer.token("EdDSA", exp=exp)
    assert checker.verify(token) is checker.verify(token), "the same proof: not made again"
    clock[0] = exp + 29
    assert checker.verify(token)
    clock[0] = exp + 30
    assert "expired" in refused(token, checker).detail


def test_a_withdrawn_key_takes_its_tokens_along() -> None:
    """Remembered or not."""
    source = Source(keys("EdDSA", "ES256"))
    checker = tokens(source)
    gone, kept = issuer.token("EdDSA", "EdDSA"), issuer.token("ES256", "ES256")
    for token in (gone, kept):
        assert checker.verify(token)
    source.keys = keys("ES256")
    assert "not known" in refused(gone, checker).detail
    assert checker.verify(kept)


def test_a_key_that_is_new_is_asked_for() -> None:
    """And the token is taken when it comes."""
    source = Source(keys("ES256"), then=keys("ES256", "EdDSA"))
    checker = tokens(source)
    assert checker.verify(issuer.token("EdDSA", "EdDSA")).identity == "bob"
    assert checker.verify(issuer.token("EdDSA", "EdDSA", jti="other"))
    assert source.asked == 1


def test_without_keys_nobody_can_tell() -> None:
    """That is our trouble, not the client's."""
    assert refused(issuer.token(), tokens(Source(None))).reason is Reason.UNAVAILABLE


def test_nobody_asks_for_keys_for_what_is_no_token() -> None:
    """Only what is well formed and of an allowed algorithm is worth a fetch."""
    source = Source(keys("ES256"))
    for text in ("x", "a.b.c", issuer.by_hand({"alg": "none"}, {}, b"")):
        refused(text, tokens(source))
    assert source.asked == 0


def test_a_secret_verifies_whatever_kid_a_token_has() -> None:
    """There is only the one."""
    checker = tokens(Source(from_secret(issuer.SECRET)))
    assert checker.verify(issuer.token("HS256", "some-kid"))


def test_it_is_shown_without_tokens() -> None:
    """Algorithms, keys by name, how many are remembered."""
    checker = tokens(Source(keys("EdDSA")), algorithms=("EdDSA",))
    checker.verify(issuer.token("EdDSA"))
    assert repr(checker) == "<Tokens ['EdDSA'] <Remembered 1 of 8192> with <KeySet EdDSA>>"
