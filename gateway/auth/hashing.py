"""Secrets made, hashed and compared.

API keys are random enough that nobody can try them all: one SHA-256 is as good as any
hash, and cheap enough for every request. People's passwords are not, so theirs is made
dear on purpose (scrypt, RFC 7914); ``passwords.py`` sees to it that this is paid rarely.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import unicodedata

from werkzeug.security import check_password_hash, generate_password_hash

from gateway.auth.credentials import parse_line

# Shows scanners of leaked secrets, and people, what they are looking at.
PREFIX = "gwk_"
# 2**14 takes 50 ms and 16 MiB: a worker can bear that now and then, a thief not often.
PASSWORD_METHOD = "scrypt:16384:8:1"
# Joined repeats of a field have a comma; what has spaces cannot be sent as Authorization.
_KEY = re.compile(r"[!-+\--~]{20,512}")


def new_key() -> str:
    """A new API key: 256 random bits."""
    return PREFIX + secrets.token_urlsafe(32)


def hash_key(key: str) -> str:
    """An API key as it is stored. Raises ``ValueError`` for one that cannot be used.

    A short one could be guessed by trying: that is a password, and no key.
    """
    if not _KEY.fullmatch(key):
        raise ValueError(
            "a key has from 20 to 512 visible ASCII characters and no comma; "
            "a shorter secret is a password"
        )
    return f"sha256:{hashlib.sha256(key.encode()).hexdigest()}"


def hash_password(password: str) -> str:
    """A password as it is stored."""
    if not password:
        raise ValueError("an empty password is none")
    return generate_password_hash(normal(password), PASSWORD_METHOD)


def check_password(stored: str, password: str) -> bool:
    """Whether a password is the stored one; takes as long as its hash wants."""
    return check_password_hash(stored, normal(password))


def no_ones_hash(like: str | None) -> str:
    """A hash that no password has, as dear to compare with as ``like``.

    With it an unknown name takes as long to refuse as a wrong password.
    """
    method, _, rest = (like or f"{PASSWORD_METHOD}${'0' * 16}${'0' * 128}").partition("$")
    salt, _, digest = rest.partition("$")
    hashed = f"{method}${'0' * len(salt)}${'0' * len(digest)}"
    parse_line(f"nobody password {hashed}")
    return hashed


def normal(password: str) -> str:
    """A password as RFC 8265 section 4.2 compares it: composed (NFC), nothing else changed."""
    return password if password.isascii() else unicodedata.normalize("NFC", password)
