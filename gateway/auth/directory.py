"""The credentials of one file in memory, and the question whether one of them was sent.

Immutable: a changed file makes a new directory (``watched.py``). The comparisons take
the same time whether a key or name is known or not.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from typing import NamedTuple

from gateway.auth.credentials import Credential, Kind, parse_credentials
from gateway.auth.hashing import no_ones_hash
from gateway.auth.passwords import Passwords
from gateway.auth.proof import NotProven, Proof, Reason, Scheme

# The part of a digest by which a key is found; the rest is compared in constant time.
# Who learns from the time taken that a digest begins so has learnt nothing of the key.
_FOUND_BY = 6


class _Key(NamedTuple):
    digest: bytes
    proof: Proof
    expires: float


class _Password(NamedTuple):
    hash: str
    proof: Proof
    expires: float


_NO_ONE = Proof("", frozenset(), Scheme.API_KEY)
_NO_KEY = _Key(bytes(32), _NO_ONE, 0.0)


class Directory:
    """Credentials, by what is presented."""

    def __init__(self, credentials: Iterable[Credential]) -> None:
        self._keys: dict[bytes, _Key] = {}
        self._passwords: dict[str, _Password] = {}
        for credential in credentials:
            self._add(credential)
        like = next((known.hash for known in self._passwords.values()), None)
        self._no_password = _Password(no_ones_hash(like), _NO_ONE, 0.0)

    @classmethod
    def parse(cls, data: bytes) -> Directory:
        """The directory of a file's content; raises ``Unusable``."""
        return cls(parse_credentials(data))

    def _add(self, credential: Credential) -> None:
        expires = credential.expires.timestamp() if credential.expires else float("inf")
        scopes = frozenset(credential.scopes)
        if credential.kind is Kind.API_KEY:
            digest = bytes.fromhex(credential.hash.partition(":")[2])
            proof = Proof(credential.name, scopes, Scheme.API_KEY)
            self._keys[digest[:_FOUND_BY]] = _Key(digest, proof, expires)
        else:
            proof = Proof(credential.name, scopes, Scheme.BASIC)
            self._passwords[credential.name] = _Password(credential.hash, proof, expires)

    def by_key(self, key: str, now: float) -> Proof:
        """Whose key it is. ``now``: seconds since the epoch. Raises ``NotProven``."""
        digest = hashlib.sha256(key.encode()).digest()
        known = self._keys.get(digest[:_FOUND_BY], _NO_KEY)
        if not hmac.compare_digest(known.digest, digest) or now >= known.expires:
            raise NotProven(Reason.INVALID_KEY, "This API key is not known, or not valid any more.")
        return known.proof

    def by_password(self, name: str, password: str, passwords: Passwords, now: float) -> Proof:
        """Who a name with a password is. Raises ``NotProven``."""
        known = self._passwords.get(name, self._no_password)
        right = passwords.verify(known.hash, password)
        if not right or now >= known.expires:
            raise NotProven(Reason.INVALID_PASSWORD, "The name or the password is wrong.")
        return known.proof

    def __repr__(self) -> str:
        return f"<Directory {len(self._keys)} keys, {len(self._passwords)} passwords>"
