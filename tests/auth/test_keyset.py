"""Keys, and what each is for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import RSAAlgorithm

from gateway.auth.keyset import KeySet, from_jwks, from_pem, from_secret
from tests.auth import issuer
from tests.support.certificates import Certificates

RSA_ALGORITHMS = {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}


def algorithms(keys: KeySet) -> set[str]:
    known = [*RSA_ALGORITHMS, "ES256", "ES384", "ES512", "EdDSA", "HS256", "HS384", "HS512", "none"]
    return {name for name in known if keys.candidates(None, name)}


@pytest.mark.parametrize(
    ("algorithm", "for_"),
    [
        ("RS256", RSA_ALGORITHMS),
        ("ES256", {"ES256"}),
        ("ES384", {"ES384"}),
        ("ES512", {"ES512"}),
        ("EdDSA", {"EdDSA"}),
    ],
)
def test_a_public_key_is_for_the_algorithms_of_its_kind(algorithm: str, for_: set[str]) -> None:
    """From PEM or from a set alike; never for HMAC, whatever a token says."""
    assert algorithms(from_pem(issuer.pem(algorithm))) == for_
    published = issuer.jwks(issuer.jwk(algorithm))
    assert algorithms(from_jwks(published, secrets=False)) == for_


def test_a_key_that_names_its_algorithm_is_for_that_only() -> None:
    """RFC 7517 section 4.4."""
    keys = from_jwks(issuer.jwks(issuer.jwk("RS256", alg="RS512")), secrets=False)
    assert algorithms(keys) == {"RS512"}


@pytest.mark.parametrize(
    ("size", "for_"),
    [(32, {"HS256"}), (48, {"HS256", "HS384"}), (64, {"HS256", "HS384", "HS512"})],
)
def test_a_secret_is_for_hashes_no_longer_than_itself(size: int, for_: set[str]) -> None:
    """RFC 7518 section 3.2."""
    assert algorithms(from_secret("s" * size)) == for_
    with pytest.raises(ValueError, match="32 bytes"):
        from_secret("s" * 31)


def test_secrets_in_a_set_count_only_where_it_is_not_published() -> None:
    """Anybody can read what a URL serves, and could sign with it."""
    document = issuer.jwks(issuer.jwk("HS256", "one"), issuer.jwk("RS256", "two"))
    assert "HS256" in algorithms(from_jwks(document, secrets=True))
    assert algorithms(from_jwks(document, secrets=False)) == RSA_ALGORITHMS


@pytest.mark.parametrize(
    ("kid", "found"),
    [("a", ["a", None]), ("b", ["b", None]), ("c", [None]), (None, ["a", "b", None])],
    ids=str,
)
def test_keys_are_found_by_their_kid(kid: str | None, found: list[str | None]) -> None:
    """One without kid is for any token; a token without kid is tried with all."""
    document = issuer.jwks(
        issuer.jwk("ES256", "a"), issuer.jwk("ES256", "b", 1), issuer.jwk("ES256", None, 2)
    )
    keys = from_jwks(document, secrets=False)
    assert [key.kid for key in keys.candidates(kid, "ES256")] == found
    assert not keys.candidates(kid, "ES384")


def test_a_token_without_kid_is_tried_with_a_few_keys_only() -> None:
    """Else forging tokens would make the gateway do the work."""
    document = issuer.jwks(*(issuer.jwk("EdDSA", str(n)) for n in range(20)))
    assert len(from_jwks(document, secrets=False).candidates(None, "EdDSA")) == 4


@pytest.mark.parametrize(
    "change",
    [
        {"use": "enc"},
        {"key_ops": ["sign"]},
        {"key_ops": "verify"},
        {"kty": "XYZ"},
        {"kty": None},
        {"crv": "X25519"},
        {"x": "!"},
        {"x": None},
        {"x": 5},
        {"kid": 5},
        {"alg": "RS256"},
        {"alg": "none"},
        {"alg": []},
    ],
    ids=str,
)
def test_a_key_for_something_else_is_left_out(change: dict[str, Any]) -> None:
    """The others count (RFC 7517 section 5); with none left the set is not taken."""
    odd = {**issuer.jwk("EdDSA", "odd"), **change}
    keys = from_jwks(issuer.jwks(odd, issuer.jwk("EdDSA", "good")), secrets=True)
    assert repr(keys) == "<KeySet good>"
    with pytest.raises(ValueError, match="no key in it can be used"):
        from_jwks(issuer.jwks(odd), secrets=True)


def test_short_keys_are_left_out() -> None:
    """RFC 7518 sections 3.2 and 3.3."""
    short = RSAAlgorithm.to_jwk(rsa.generate_private_key(65537, 1024).public_key(), as_dict=True)
    secret = {"kty": "oct", "k": "c2hvcnQ"}
    with pytest.raises(ValueError, match="no key in it can be used"):
        from_jwks(issuer.jwks(dict(short), secret), secrets=True)


def test_of_a_private_key_in_a_set_only_the_public_half_is_kept() -> None:
    """Somebody's mistake must not go further."""
    private = {**RSAAlgorithm.to_jwk(issuer.private_key("RS256"), as_dict=True), "key_ops": None}
    (key,) = from_jwks(issuer.jwks(private), secrets=False).candidates(None, "RS256")
    assert not hasattr(key.material, "private_numbers")


@given(st.recursive(st.none() | st.integers() | st.text(max_size=5), st.lists, max_leaves=5))
def test_any_json_is_a_set_or_a_problem(junk: Any) -> None:
    """An issuer's error page must not be an error of ours."""
    documents = [junk, {"keys": junk}, {"keys": [junk]}, {"keys": [{"kty": junk}]}]
    documents += [{"keys": [{**issuer.jwk("EdDSA"), "x": junk, "crv": junk}]}]
    for document in documents:
        with pytest.raises(ValueError, match=r"\w"):
            from_jwks(json.dumps(document).encode(), secrets=True)


@pytest.mark.parametrize("data", [b"", b"<html>", b"\xff", b"[" * 100_000, b'{"keys": {}}'])
def test_what_is_no_set_is_a_problem(data: bytes) -> None:
    """Not JSON, or not that JSON."""
    with pytest.raises(ValueError, match=r"not JSON|no JWK Set"):
        from_jwks(data, secrets=False)


def test_a_set_is_bounded() -> None:
    """One issuer has a handful of keys."""
    with pytest.raises(ValueError, match="more than 256"):
        from_jwks(issuer.jwks(*[issuer.jwk("EdDSA")] * 257), secrets=False)


def test_a_certificate_brings_its_key(certificates: Certificates) -> None:
    """As some issuers publish them."""
    assert algorithms(from_pem(Path(certificates.server[0]).read_bytes())) == {"ES256"}


def _private() -> bytes:
    key = issuer.private_key("ES256")
    data: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return data


def _dsa() -> bytes:
    key = dsa.generate_private_key(2048).public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (_private, "a private key"),
        (_dsa, "no supported algorithm"),
        (lambda: b"", "no PEM file"),
        (lambda: issuer.pem("ES256")[:60], "no PEM file"),
        (lambda: issuer.pem("ES256").replace(b"PUBLIC", b"CERTIFICATE"), "no PEM file"),
        (lambda: b"-----BEGIN CERTIFICATE-----\nx\n", "no PEM file"),
    ],
    ids=["private", "dsa", "empty", "cut off", "mislabelled", "no certificate"],
)
def test_a_pem_file_without_a_usable_public_key_is_a_problem(make: Any, problem: str) -> None:
    """Each by its name; a private key is refused so that it gets out of there."""
    with pytest.raises(ValueError, match=problem):
        from_pem(make())
