"""JWT bearer tokens: verified once each, then remembered until they expire.

Checked, in this order: size, form and header (RFC 7515), algorithm against those
allowed and against the key, signature, then the claims (RFC 7519, RFC 8725). What
does not hold is ``invalid_token`` (RFC 6750 section 3.1).

Needs PyJWT with cryptography: the extra ``gateway[jwt]``.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import jwt

from gateway.auth.keyset import KeySet, VerificationKey
from gateway.auth.proof import NotProven, Proof, Reason, Scheme
from gateway.auth.remembered import Remembered

# It becomes a header field's value (RFC 9110 section 5.5) and a word in logs.
_IDENTITY = re.compile(r"[!-~](?:[ -~]{0,254}[!-~])?")
_MOST_REMEMBERED = 8192
# In seconds since 1970. JSON has whole numbers beyond all floats.
_NEVER = 2**52
# What PyJWT and json can raise for a token somebody made up. OverflowError: a date
# of 1e999; RecursionError: brackets in brackets. Not every version wraps them all.
_UNREADABLE = (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError)


@dataclass(frozen=True)
class TokenRules:
    """What a token must be. Empty ``issuers``, ``audiences`` and ``types``: anything.

    ``claims``: values that must be there, or be in a list there. ``leeway``: seconds
    by which clocks may differ.
    """

    algorithms: tuple[str, ...]
    issuers: tuple[str, ...] = ()
    audiences: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    required: tuple[str, ...] = ("exp",)
    claims: Mapping[str, str] = field(default_factory=dict)
    leeway: float = 30.0
    max_bytes: int = 8192
    identity_claim: str = "sub"
    identity_prefix: str = ""
    scope_claim: str = "scope"


class KeySource(Protocol):
    """Where the keys come from: a file, or the issuer."""

    @property
    def keys(self) -> KeySet | None:
        """The keys now; None as long as there are none."""

    def newer(self, than: KeySet | None) -> KeySet | None:
        """Keys that may have what ``than`` has not; waits a bounded time, and not always."""


class Tokens:
    """Verifies tokens.

    Threads: any thread may call it. There is no lock of its own: what was
    verified is kept together with the keys it was verified with. ``verify`` may wait
    where the source does.
    """

    def __init__(
        self, rules: TokenRules, source: KeySource, clock: Callable[[], float] = time.time
    ) -> None:
        self._rules = rules
        self._source = source
        self._clock = clock
        self._algorithms = frozenset(rules.algorithms)
        self._types = frozenset(name.lower() for name in rules.types)
        self._verified = _Verified(None)

    def verify(self, token: str) -> Proof:
        """Whom a token is about. Raises ``NotProven``."""
        if len(token) > self._rules.max_bytes:
            raise _invalid("The token is too long.")
        verified = self._verified_with(self._source.keys)
        known = verified.memory.get(verified.memory.key(token))
        if known is None:
            return self._verify(token, verified)
        if self._clock() >= known.expires:
            raise _invalid("The token has expired.")
        return known.proof

    def _verified_with(self, keys: KeySet | None) -> _Verified:
        """What was verified with these keys: with other keys it does not count."""
        verified = self._verified
        if verified.keys is not keys:
            verified = self._verified = _Verified(keys)
        return verified

    def _verify(self, token: str, verified: _Verified) -> Proof:
        kid, algorithm = self._header(token)
        candidates = verified.keys.candidates(kid, algorithm) if verified.keys else ()
        if not candidates:
            keys = self._source.newer(verified.keys)
            if keys is None:
                detail = "The keys of the tokens' issuer are not known yet."
                raise NotProven(Reason.UNAVAILABLE, detail, Scheme.JWT)
            verified = self._verified_with(keys)
            candidates = keys.candidates(kid, algorithm)
        claims = self._claims(token, algorithm, candidates)
        proof = self._proof(claims)
        expires = min(int(claims.get("exp", _NEVER)), _NEVER) + self._rules.leeway
        verified.memory.put(verified.memory.key(token), _Known(proof, expires))
        return proof

    def _header(self, token: str) -> tuple[str | None, str]:
        """``kid`` and ``alg``, of which only what the settings allow gets further."""
        try:
            header = jwt.get_unverified_header(token)
        except _UNREADABLE:
            raise _invalid("This is not a signed JWT.") from None
        # RFC 7515 section 4.1.11: what is critical and not understood is refused; nothing is.
        if "crit" in header or "b64" in header:
            raise _invalid("The token has an extension that is not supported.")
        if self._types and _type(header) not in self._types:
            raise _invalid("The token is of another type.")
        algorithm = header.get("alg")
        if not isinstance(algorithm, str) or algorithm not in self._algorithms:
            raise _invalid("The token is signed with an algorithm that is not allowed.")
        return header.get("kid"), algorithm

    def _claims(
        self, token: str, algorithm: str, candidates: Sequence[VerificationKey]
    ) -> dict[str, Any]:
        failure: Exception | None = None
        for candidate in candidates:
            try:
                return self._decoded(token, algorithm, candidate)
            except jwt.InvalidSignatureError as error:
                failure = error
            except _UNREADABLE as error:
                raise _invalid(_described(error)) from None
        if failure is None:
            raise _invalid("The token is signed with a key that is not known.")
        raise _invalid(_described(failure)) from None

    def _decoded(self, token: str, algorithm: str, key: VerificationKey) -> dict[str, Any]:
        rules = self._rules
        return jwt.decode(
            token,
            key.material,
            algorithms=[algorithm],
            issuer=rules.issuers or None,
            # None: a token for somebody is not for us (RFC 7519 section 4.1.3).
            audience=rules.audiences or None,
            leeway=rules.leeway,
            options={"require": list(rules.required), "enforce_minimum_key_length": True},
        )

    def _proof(self, claims: Mapping[str, Any]) -> Proof:
        rules = self._rules
        for name, wanted in rules.claims.items():
            value = claims.get(name)
            if value != wanted and not (isinstance(value, list) and wanted in value):
                raise _invalid("The token lacks a claim that is needed here.")
        identity = claims.get(rules.identity_claim)
        if not isinstance(identity, str) or not _IDENTITY.fullmatch(identity):
            raise _invalid("The token names nobody, or not in visible ASCII characters.")
        scopes = _scopes(claims.get(rules.scope_claim))
        return Proof(rules.identity_prefix + identity, scopes, Scheme.JWT)

    def __repr__(self) -> str:
        return f"<Tokens {sorted(self._algorithms)} {self._verified!r}>"


class _Known(NamedTuple):
    proof: Proof
    expires: float


class _Verified:
    """Tokens verified with one set of keys."""

    def __init__(self, keys: KeySet | None) -> None:
        self.keys = keys
        self.memory: Remembered[_Known] = Remembered(_MOST_REMEMBERED)

    def __repr__(self) -> str:
        return f"{self.memory!r} with {self.keys!r}"


def _type(header: Mapping[str, Any]) -> str:
    """RFC 7515 section 4.1.9: case does not matter, and ``application/`` may be left out."""
    return str(header.get("typ", "")).lower().removeprefix("application/")


def _scopes(value: object) -> frozenset[str]:
    """RFC 8693 section 4.2 has a text with spaces; some issuers send a list."""
    if isinstance(value, str):
        return frozenset(value.split())
    if isinstance(value, list):
        return frozenset(each for each in value if isinstance(each, str))
    return frozenset()


def _described(error: Exception) -> str:
    for kind, text in _TEXTS:
        if isinstance(error, kind):
            return text
    return "The token is not valid."


_TEXTS: tuple[tuple[type[Exception], str], ...] = (
    (jwt.ExpiredSignatureError, "The token has expired."),
    (jwt.ImmatureSignatureError, "The token is not valid yet."),
    (jwt.InvalidAudienceError, "The token is for somebody else."),
    (jwt.InvalidIssuerError, "The token is from another issuer."),
    (jwt.MissingRequiredClaimError, "The token lacks a claim that is needed here."),
    (jwt.InvalidSignatureError, "The token's signature is wrong."),
)


def _invalid(detail: str) -> NotProven:
    return NotProven(Reason.INVALID_TOKEN, detail, Scheme.JWT)
