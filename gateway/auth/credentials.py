"""The credential file: one credential a line, secrets only as hashes.

    billing-batch  api-key   sha256:9f86d081…  created=2026-10-06T12:00:00Z scopes=read,write
    alice          password  scrypt:16384:8:1$q0w…$51b…  expires=2027-01-01T00:00:00Z

A line begins with the name that the credential proves, its kind and the hash; what
follows is ``word=value``. Several keys may have one name (so that a key can be
replaced before the old one is revoked), passwords may not. ``#`` begins a comment.

Only text in, values or problems out: no file is opened here, and no problem repeats
what may be a secret. Made and changed by ``gateway keys``, read by ``directory.py``.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from datetime import datetime, timezone
from enum import Enum
from typing import NamedTuple

# It goes into a header field, a log line and a label: no spaces, no quotes, no
# separators. Basic's user-id has no colon (RFC 7617 section 2).
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}")
# RFC 6749 section 3.3, less the comma that separates them here.
_SCOPE = re.compile(r"[!#-+\--\[\]-~]{1,128}")
_TIME = "%Y-%m-%dT%H:%M:%SZ"
_KEY_HASH = re.compile(r"sha256:([0-9a-f]{64})")
# Those of werkzeug.security, so that an application's own users can be taken over.
_PASSWORD_HASH = re.compile(
    r"scrypt:(?P<n>[0-9]{1,7}):(?P<r>[0-9]{1,2}):(?P<p>[0-9]{1,2})\$[^\s$]{1,64}\$[0-9a-f]{128}"
    r"|pbkdf2:sha(?:256:(?P<i>[0-9]{1,8})\$[^\s$]{1,64}\$[0-9a-f]{64}"
    r"|512:(?P<j>[0-9]{1,8})\$[^\s$]{1,64}\$[0-9a-f]{128})"
)
# A check takes 128 * n * r bytes and time in proportion to n * r * p (RFC 7914
# section 2): a slip in a file must not cost a gateway its memory.
_MOST_SCRYPT = 2**17 * 8
_ROUNDS = range(100_000, 10_000_001)
_LEAST_N = 2**14


class Kind(str, Enum):
    """What a client presents: a key of its own, or a name with a password."""

    API_KEY = "api-key"
    PASSWORD = "password"


class Credential(NamedTuple):
    """One line. ``hash`` is as in the file; times are UTC."""

    name: str
    kind: Kind
    hash: str
    created: datetime | None = None
    expires: datetime | None = None
    scopes: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """What tells those of one name apart in lists and commands; no secret."""
        if self.kind is Kind.API_KEY:
            return self.hash[7:19]
        return hashlib.sha256(self.hash.encode()).hexdigest()[:12]

    @property
    def place(self) -> tuple[Kind, str]:
        """What a file may have once: each key, and one password for each name."""
        return self.kind, self.id if self.kind is Kind.API_KEY else self.name

    def __repr__(self) -> str:
        return f"<Credential {self.kind.value} {self.name}>"


class Unusable(ValueError):
    """Every problem of a file, each with its line."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems[:5]) + (" …" if len(problems) > 5 else ""))
        self.problems = problems


def parse_credentials(data: bytes) -> tuple[Credential, ...]:
    """Every credential of a file; raises ``Unusable`` if a single line is wrong.

    Half a file would lock out whom the other half names, and nobody would know why.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise Unusable([f"line {data.count(10, 0, error.start) + 1}: not UTF-8"]) from None
    found: dict[tuple[Kind, str], int] = {}
    credentials, problems = [], []
    for number, line in credential_lines(text):
        try:
            credential = parse_line(line)
        except ValueError as error:
            problems.append(f"line {number}: {error}")
            continue
        earlier = found.setdefault(credential.place, number)
        if earlier != number:
            problems.append(f"line {number}: {taken(credential)}: line {earlier}")
        credentials.append(credential)
    if problems:
        raise Unusable(problems)
    return tuple(credentials)


def taken(credential: Credential) -> str:
    """Why one cannot be added: its place is taken."""
    if credential.kind is Kind.API_KEY:
        return "this key is there already"
    return f"{credential.name} has a password already"


def credential_lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines that hold a credential, with their numbers from 1."""
    for number, line in enumerate(text.split("\n"), 1):
        line = line.strip()
        if line and not line.startswith("#"):
            yield number, line


def parse_line(line: str) -> Credential:
    """One credential; ``ValueError`` says what is wrong, without the hash."""
    parts = line.split()
    name, kind, secret = [*parts, "", ""][:3]
    check_name(name)
    if kind == Kind.API_KEY.value:
        check_key_hash(secret)
    elif kind == Kind.PASSWORD.value:
        check_password_hash(secret)
    else:
        raise ValueError('expected NAME, then "api-key" or "password", then a hash')
    words = _words(parts[3:])
    return Credential(
        name,
        Kind(kind),
        secret,
        created=parse_time(words["created"]) if "created" in words else None,
        expires=parse_time(words["expires"]) if "expires" in words else None,
        scopes=parse_scopes(words["scopes"]) if "scopes" in words else (),
    )


def _words(rest: list[str]) -> dict[str, str]:
    words: dict[str, str] = {}
    for each in rest:
        word, equals, value = each.partition("=")
        if word not in {"created", "expires", "scopes"} or not equals or word in words:
            raise ValueError("after the hash, expected created=, expires= and scopes=, each once")
        words[word] = value
    return words


def check_name(name: str) -> None:
    """Raises ``ValueError`` for what cannot be an identity's name."""
    if not _NAME.fullmatch(name):
        raise ValueError(
            "a name begins with a letter or digit and has letters, digits and . _ @ + - (at most "
            "128 in all)"
        )


def check_key_hash(text: str) -> None:
    """Raises ``ValueError`` for what is no hash of an API key."""
    if not _KEY_HASH.fullmatch(text):
        raise ValueError('the hash of a key is "sha256:" and 64 digits of lower-case hexadecimal')


def check_password_hash(text: str) -> None:
    """Raises ``ValueError`` for what is no hash of a password, or one too weak or too dear."""
    match = _PASSWORD_HASH.fullmatch(text)
    if match is None:
        raise ValueError(
            "the hash of a password is one of werkzeug.security: scrypt:N:R:P$SALT$HASH, or "
            "pbkdf2:sha256:ROUNDS$SALT$HASH (or sha512)"
        )
    if match["n"] is None:
        if int(match["i"] or match["j"]) not in _ROUNDS:
            raise ValueError("pbkdf2 needs from 100000 to 10000000 rounds")
        return
    n, r, p = (int(match[name]) for name in "nrp")
    if n < _LEAST_N or n & (n - 1) or not r or not p or n * r * p > _MOST_SCRYPT:
        raise ValueError(
            f"scrypt needs an N that is a power of two and at least {_LEAST_N}, and "
            f"N * R * P of at most {_MOST_SCRYPT}"
        )


def parse_time(text: str) -> datetime:
    """A time such as ``2027-01-01T00:00:00Z``."""
    try:
        return datetime.strptime(text, _TIME).replace(tzinfo=timezone.utc)
    except ValueError:
        raise ValueError("a time is written as 2027-01-01T00:00:00Z") from None


def parse_scopes(text: str) -> tuple[str, ...]:
    """Scopes separated by commas."""
    scopes = tuple(text.split(","))
    if not all(map(_SCOPE.fullmatch, scopes)):
        raise ValueError("scopes are words separated by commas, without quotes and backslashes")
    return scopes


def format_line(credential: Credential) -> str:
    """The credential as a line of the file."""
    parts = [credential.name, credential.kind.value, credential.hash]
    if credential.created is not None:
        parts.append(f"created={credential.created.strftime(_TIME)}")
    if credential.expires is not None:
        parts.append(f"expires={credential.expires.strftime(_TIME)}")
    if credential.scopes:
        parts.append(f"scopes={','.join(credential.scopes)}")
    return "  ".join(parts)
