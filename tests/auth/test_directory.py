"""Credentials in memory."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from gateway.auth.credentials import Credential, Kind, format_line
from gateway.auth.directory import Directory
from gateway.auth.hashing import hash_key, new_key
from gateway.auth.passwords import Passwords
from gateway.auth.proof import NotProven, Proof, Reason, Scheme

NOW = 1_800_000_000.0
KEY, OTHER = new_key(), new_key()
SLOW = "scrypt:32768:8:1$" + "s" * 16 + "$" + "ab" * 64


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, timezone.utc)


def directory() -> Directory:
    credentials = (
        Credential("batch", Kind.API_KEY, hash_key(KEY), scopes=("read", "write")),
        Credential("late", Kind.API_KEY, hash_key(OTHER), expires=at(NOW)),
        Credential("alice", Kind.PASSWORD, SLOW, scopes=("read",)),
        Credential("bob", Kind.PASSWORD, SLOW.replace("$s", "$t"), expires=at(NOW)),
    )
    return Directory.parse("\n".join(map(format_line, credentials)).encode())


class Check:
    """A check that notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def __call__(self, stored: str, password: str) -> bool:
        self.asked.append((stored, password))
        return password == "right"


def test_a_key_proves_its_name_and_scopes() -> None:
    """By its hash alone."""
    assert directory().by_key(KEY, NOW) == Proof(
        "batch", frozenset({"read", "write"}), Scheme.API_KEY
    )


@pytest.mark.parametrize(
    "key",
    [new_key(), KEY[:-1], KEY + "x", "", KEY.swapcase()],
    ids=["unknown", "shorter", "longer", "empty", "other case"],
)
def test_another_key_proves_nothing(key: str) -> None:
    """Not one that is nearly the same."""
    with pytest.raises(NotProven) as caught:
        directory().by_key(key, NOW)
    assert caught.value.reason is Reason.INVALID_KEY
    assert not key or key not in caught.value.detail


def test_the_whole_digest_counts() -> None:
    """Keys are found by a part of it; who found the same part by trying has nothing."""
    digest = bytes.fromhex(hash_key(KEY)[7:])
    alike = f"sha256:{(digest[:31] + bytes([digest[31] ^ 1])).hex()}"
    with pytest.raises(NotProven):
        Directory([Credential("batch", Kind.API_KEY, alike)]).by_key(KEY, NOW)


def test_a_key_counts_until_it_expires() -> None:
    """The moment itself is too late."""
    assert directory().by_key(OTHER, NOW - 1).identity == "late"
    with pytest.raises(NotProven, match="not valid any more"):
        directory().by_key(OTHER, NOW)


def test_a_name_and_its_password_prove_the_name() -> None:
    """With the stored hash."""
    check = Check()
    proof = directory().by_password("alice", "right", Passwords(check=check), NOW)
    assert proof == Proof("alice", frozenset({"read"}), Scheme.BASIC)
    assert check.asked == [(SLOW, "right")]


@pytest.mark.parametrize(
    ("name", "password"),
    # No password fits the hash that unknown names are compared with (test_hashing).
    [("alice", "wrong"), ("nobody", "wrong"), ("batch", "wrong"), ("bob", "right"), ("", "")],
    ids=["wrong", "unknown", "has a key only", "expired", "empty"],
)
def test_whatever_is_wrong_the_answer_and_the_work_are_the_same(name: str, password: str) -> None:
    """Neither text nor time says whether there is such a name."""
    check = Check()
    with pytest.raises(NotProven) as caught:
        directory().by_password(name, password, Passwords(check=check), NOW)
    assert caught.value.reason is Reason.INVALID_PASSWORD
    assert caught.value.detail == "The name or the password is wrong."
    ((stored, _),) = check.asked
    assert stored.split("$")[0] == "scrypt:32768:8:1"


def test_it_is_shown_by_its_size() -> None:
    """No names, no hashes."""
    assert repr(directory()) == "<Directory 2 keys, 2 passwords>"


def test_an_empty_file_knows_nobody() -> None:
    """Everything was revoked: that is no broken file."""
    empty = Directory.parse(b"# all revoked\n")
    with pytest.raises(NotProven):
        empty.by_key(KEY, NOW)
