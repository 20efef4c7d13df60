"""Making and comparing secrets."""

from __future__ import annotations

import hashlib

import pytest

from gateway.auth.credentials import parse_line
from gateway.auth.hashing import (
    check_password,
    hash_key,
    hash_password,
    new_key,
    no_ones_hash,
    normal,
)


def test_a_new_key_is_random_long_and_recognisable() -> None:
    """256 bits, and a prefix that scanners of leaked secrets can look for."""
    one, other = new_key(), new_key()
    assert one != other
    assert one.startswith("gwk_")
    assert len(one) == 47


def test_a_key_is_stored_as_its_sha256() -> None:
    """So a line can be made by hand, with sha256sum."""
    key = new_key()
    assert hash_key(key) == "sha256:" + hashlib.sha256(key.encode()).hexdigest()
    assert parse_line(f"a api-key {hash_key(key)}").hash == hash_key(key)


@pytest.mark.parametrize(
    "key",
    ["", "short", "x" * 19, "x" * 513, "x" * 20 + " ", "x" * 20 + ",", "ä" * 20, "x" * 20 + "\n"],
)
def test_a_key_that_could_be_guessed_or_not_be_sent_is_refused(key: str) -> None:
    """A fast hash of a short secret is no protection; a comma means it was sent twice."""
    with pytest.raises(ValueError, match="a key has from 20"):
        hash_key(key)


def test_a_password_is_stored_slow_and_salted() -> None:
    """Two hashes of one password differ, and both are of the file's format."""
    one, other = hash_password("hunter2"), hash_password("hunter2")
    assert one != other
    assert parse_line(f"alice password {one}").hash == one
    assert check_password(one, "hunter2")
    assert not check_password(one, "hunter3")
    with pytest.raises(ValueError, match="empty"):
        hash_password("")


def test_a_password_is_the_same_however_its_letters_are_composed() -> None:
    """RFC 8265: a Mac sends an ä in two characters, a PC in one."""
    composed, apart = "\u00e4", "a\u0308"
    assert composed != apart
    assert normal(apart) == composed
    assert check_password(hash_password(composed), apart)


@pytest.mark.parametrize(
    "like", [None, "scrypt:32768:8:1$salt$" + "ab" * 64, "pbkdf2:sha256:600000$sa$" + "ab" * 32]
)
def test_nobodys_hash_is_as_dear_as_the_others(like: str | None) -> None:
    """Same method and cost; no password fits it."""
    nobody = no_ones_hash(like)
    assert nobody.split("$")[0] == (like or "scrypt:16384:8:1").split("$")[0]
    assert nobody != like
    assert not check_password(nobody, "")
