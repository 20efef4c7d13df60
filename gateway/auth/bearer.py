"""Bearer tokens as a gateway's settings want them: the rules, and where the keys come from.

Needs PyJWT with cryptography: the extra ``gateway[jwt]``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from gateway.auth.fetching import Document
from gateway.auth.jwks import RemoteKeys
from gateway.auth.keyset import KeySet, from_jwks, from_pem, from_secret
from gateway.auth.tokens import KeySource, TokenRules, Tokens
from gateway.auth.watched import WatchedFile
from gateway.settings.authentication import Jwt


class Bearer(Tokens):
    """Tokens, and the upkeep of their keys.

    Threads: as ``Tokens``; ``refresh`` is called by one thread at a time and waits
    for nothing but a file.
    """

    def __init__(self, config: Jwt) -> None:
        self.refresh: Callable[[], None] = _nothing
        self._problem: Callable[[], object] = _nothing
        self._ends: list[Callable[[], None]] = []
        super().__init__(_rules_of(config), self._source_of(config))

    def _source_of(self, config: Jwt) -> KeySource:
        if config.jwks_url is not None:
            document = Document(config.jwks_url, timeout=config.jwks_timeout, ca=config.jwks_ca)
            name, seconds = _shown(config.jwks_url), config.jwks_refresh
            remote = RemoteKeys(document.fetch, name=name, refresh_seconds=seconds)
            self.refresh = remote.refresh
            self._problem = lambda: remote.problem
            self._ends += [document.close, remote.close]
            return remote
        if config.secret is not None:
            return FixedKeys(from_secret(config.secret))
        parse, path = from_pem, config.public_key
        if config.jwks is not None:
            parse, path = partial(from_jwks, secrets=True), config.jwks
        if path is None:
            raise ValueError("jwt needs one of jwks_url, jwks, public_key and secret")
        file = WatchedFile(Path(path), parse)
        self.refresh = file.refresh
        self._problem = lambda: file.problem
        return FileKeys(file)

    @property
    def stale(self) -> bool:
        """Whether the keys in use are older than they should be."""
        return bool(self._problem())

    def close(self) -> None:
        """Fetch nothing any more; waits a bounded time for what is being fetched."""
        for end in self._ends:
            end()


class FixedKeys:
    """Keys that never change."""

    def __init__(self, keys: KeySet) -> None:
        self.keys: KeySet | None = keys

    def newer(self, than: KeySet | None) -> KeySet | None:
        """There are none."""
        return self.keys


class FileKeys:
    """Keys in a file that is read again when it changes."""

    def __init__(self, file: WatchedFile[KeySet]) -> None:
        self._file = file

    @property
    def keys(self) -> KeySet | None:
        """The keys in use; None as long as the file could not be used."""
        return self._file.value

    def newer(self, than: KeySet | None) -> KeySet | None:
        """What was read last: no request looks at a file."""
        return self._file.value


def _nothing() -> None:
    """There is nothing to look after, and no problem with it."""


def _shown(url: str) -> str:
    """A URL in a log: its query may be nobody's business."""
    return url.partition("?")[0]


def _rules_of(config: Jwt) -> TokenRules:
    return TokenRules(
        algorithms=config.algorithms,
        issuers=config.issuers,
        audiences=config.audiences,
        types=config.types,
        required=config.required_claims,
        claims=config.claims,
        leeway=config.leeway,
        max_bytes=config.max_token,
        identity_claim=config.identity_claim,
        identity_prefix=config.identity_prefix,
        scope_claim=config.scope_claim,
    )
