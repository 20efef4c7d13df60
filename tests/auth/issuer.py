"""An issuer of tokens: keys of every kind, the set it publishes, and tokens good and bad."""

from __future__ import annotations

import base64
import json
import time
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

SECRET = "0123456789abcdef" * 4
URL = "https://issuer.test"


@cache
def private_key(algorithm: str, number: int = 0) -> Any:
    """A private key for an algorithm; the same one for the same number."""
    if algorithm.startswith(("RS", "PS")):
        return rsa.generate_private_key(65537, 2048)
    if algorithm == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    if algorithm.startswith("ES"):
        curves = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}
        return ec.generate_private_key(curves[algorithm])
    return SECRET


def pem(algorithm: str, number: int = 0) -> bytes:
    """The public key as a PEM file."""
    public = private_key(algorithm, number).public_key()
    data: bytes = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return data


def jwk(algorithm: str, kid: str | None = None, number: int = 0, **more: Any) -> dict[str, Any]:
    """The public key (or the secret) as a JWK."""
    key = private_key(algorithm, number)
    if algorithm.startswith("HS"):
        data = {"kty": "oct", "k": base64.urlsafe_b64encode(SECRET.encode()).decode().rstrip("=")}
    else:
        kind = {"R": RSAAlgorithm, "P": RSAAlgorithm, "E": ECAlgorithm}[algorithm[0]]
        kind = OKPAlgorithm if algorithm == "EdDSA" else kind
        data = kind.to_jwk(key.public_key(), as_dict=True)
    return {**data, **({"kid": kid} if kid else {}), **more}


def jwks(*keys: dict[str, Any]) -> bytes:
    """A JWK Set."""
    return json.dumps({"keys": keys}).encode()


def claims(**changes: Any) -> dict[str, Any]:
    """Claims of a good token; None leaves one out."""
    plain = {"sub": "bob", "iss": URL, "exp": int(time.time()) + 600, **changes}
    return {name: value for name, value in plain.items() if value is not None}


def token(
    algorithm: str = "RS256",
    kid: str | None = None,
    number: int = 0,
    header: dict[str, Any] | None = None,
    **changes: Any,
) -> str:
    """A signed token."""
    headers = {**({"kid": kid} if kid else {}), **(header or {})}
    key = private_key(algorithm, number)
    return jwt.encode(claims(**changes), key, algorithm=algorithm, headers=headers)


def by_hand(header: Any, payload: Any, signature: bytes = b"x") -> str:
    """A token whose parts are whatever is given, as no library would make it."""
    parts = [_json(header), _json(payload), signature]
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


def _json(value: Any) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value).encode()
