"""The keys that tokens are verified with, each bound to the algorithms it is for.

The binding is what keeps an RSA public key from being taken for the secret of an HMAC:
the token names an algorithm, but only a key made for that algorithm is ever tried
(RFC 8725 section 3.1). ``kid`` is looked up in a table and means nothing else; ``jku``,
``x5u``, ``jwk`` and ``x5c``, with which a token would bring its own key, are not read.

Needs PyJWT with cryptography: the extra ``gateway[jwt]``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from cryptography.x509 import load_pem_x509_certificate

_RSA = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
_CURVES: Mapping[str, str] = MappingProxyType(
    {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}
)
# A secret as long as the hash (RFC 7518 section 3.2), in bytes.
SECRET_BYTES: Mapping[str, int] = MappingProxyType({"HS256": 32, "HS384": 48, "HS512": 64})
_LEAST_RSA_BITS = 2048  # RFC 7518 section 3.3
_MOST_KEYS = 256
# What PyJWK raises for things in JSON that are no key; NotImplementedError for "none".
_NO_KEY = (
    jwt.PyJWTError,
    UnsupportedAlgorithm,
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    NotImplementedError,
)
# Without a kid every key that fits is tried, and forged tokens must not cost much.
_MOST_TRIED = 4


class VerificationKey(NamedTuple):
    """One key: what PyJWT takes as ``key``, and what it may be used for."""

    kid: str | None
    algorithms: frozenset[str]
    material: Any


class KeySet:
    """Keys by ``kid``. Immutable."""

    def __init__(self, keys: Iterable[VerificationKey]) -> None:
        self._keys = tuple(keys)
        if not self._keys:
            raise ValueError("no key in it can be used")
        if len(self._keys) > _MOST_KEYS:
            raise ValueError(f"more than {_MOST_KEYS} keys")

    def candidates(self, kid: str | None, algorithm: str) -> Sequence[VerificationKey]:
        """The keys to try: those with this ``kid`` or without any, made for the algorithm.

        A token without ``kid`` is tried with those that fit, but a few at most.
        """
        fit = [key for key in self._keys if algorithm in key.algorithms]
        if kid is not None:
            fit = [key for key in fit if key.kid in (kid, None)]
        return fit[:_MOST_TRIED]

    def __len__(self) -> int:
        return len(self._keys)

    def __repr__(self) -> str:
        return f"<KeySet {', '.join(key.kid or 'without kid' for key in self._keys)}>"


def from_secret(secret: str) -> KeySet:
    """The one key of HMAC."""
    return KeySet([_secret_key(None, secret.encode())])


def _secret_key(kid: str | None, secret: bytes) -> VerificationKey:
    algorithms = frozenset(name for name, size in SECRET_BYTES.items() if len(secret) >= size)
    if not algorithms:
        raise ValueError("a secret needs 32 bytes for HS256 (RFC 7518 section 3.2)")
    return VerificationKey(kid, algorithms, secret)


def from_pem(data: bytes) -> KeySet:
    """The public key, or that of the certificate, in a PEM file. Raises ``ValueError``."""
    if b"PRIVATE KEY" in data:
        raise ValueError("a private key; the gateway needs the public one only")
    try:
        if b"BEGIN CERTIFICATE" in data:
            public: Any = load_pem_x509_certificate(data).public_key()
        else:
            public = load_pem_public_key(data)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ValueError(f"no PEM file of a public key or certificate ({error})") from None
    return KeySet([VerificationKey(None, _algorithms_of(public), public)])


def _algorithms_of(public: Any) -> frozenset[str]:
    """What a public key is for. Raises ``ValueError`` for nothing that we verify."""
    if isinstance(public, rsa.RSAPublicKey):
        if public.key_size < _LEAST_RSA_BITS:
            raise ValueError(f"an RSA key of less than {_LEAST_RSA_BITS} bits")
        return frozenset(_RSA)
    if isinstance(public, ec.EllipticCurvePublicKey) and public.curve.name in _CURVES:
        return frozenset({_CURVES[public.curve.name]})
    if isinstance(public, (ed25519.Ed25519PublicKey, ed448.Ed448PublicKey)):
        return frozenset({"EdDSA"})
    raise ValueError("a key of a kind that no supported algorithm uses")


def from_jwks(data: bytes, *, secrets: bool) -> KeySet:
    """The usable keys of a JWK Set (RFC 7517 section 5). Raises ``ValueError``.

    ``secrets``: whether symmetric keys count: what is published is no secret. Keys
    for something else are left out, as section 5 says.
    """
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        raise ValueError("not JSON") from None
    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list):
        raise ValueError('no JWK Set: it has no list "keys"')
    return KeySet(key for entry in keys if (key := _from_jwk(entry, secrets=secrets)) is not None)


def _from_jwk(entry: object, *, secrets: bool) -> VerificationKey | None:
    if not isinstance(entry, dict) or not _for_verifying(entry):
        return None
    kid, named = entry.get("kid"), entry.get("alg")
    if not (isinstance(kid, str | None) and isinstance(named, str | None)):
        return None
    if entry.get("kty") == "oct" and not secrets:
        return None
    try:
        material = jwt.PyJWK(entry).key
        key = (
            _secret_key(kid, material)
            if isinstance(material, bytes)
            else VerificationKey(kid, _algorithms_of(_public(material)), _public(material))
        )
    except _NO_KEY:
        return None
    algorithms = key.algorithms if named is None else key.algorithms & {named}
    return key._replace(algorithms=algorithms) if algorithms else None


def _for_verifying(entry: Mapping[str, Any]) -> bool:
    """RFC 7517 sections 4.2 and 4.3."""
    operations = entry.get("key_ops")
    usable = operations is None or (isinstance(operations, list) and "verify" in operations)
    return usable and entry.get("use", "sig") == "sig"


def _public(material: Any) -> Any:
    """The public half, where somebody put the private one into the set."""
    return material.public_key() if hasattr(material, "public_key") else material
