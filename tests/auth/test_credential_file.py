"""Changing a credential file."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gateway.auth.credential_file import CredentialFile
from gateway.auth.credentials import Credential, Kind, Unusable, parse_credentials
from gateway.auth.hashing import hash_key, new_key


def key_of(name: str) -> Credential:
    return Credential(name, Kind.API_KEY, hash_key(new_key()))


PASSWORD = Credential("alice", Kind.PASSWORD, "scrypt:16384:8:1$salt$" + "ab" * 64)


def test_the_first_credential_makes_the_file(tmp_path: Path) -> None:
    """Readable by its owner alone, with a line that says what it is."""
    path = tmp_path / "credentials"
    CredentialFile(path).add(PASSWORD)
    assert CredentialFile(path).read() == (PASSWORD,)
    assert path.read_text().startswith("# Credentials for Gateway")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_comments_and_order_stay(tmp_path: Path) -> None:
    """It is a file for people too."""
    path = tmp_path / "credentials"
    one, two, three = key_of("one"), key_of("two"), key_of("three")
    path.write_text("# team A\n")
    file = CredentialFile(path)
    file.add(one)
    with path.open("a") as stream:
        stream.write("\n# team B")
    file.add(two)
    file.add(three)
    file.remove(lambda each: each == two)
    assert file.read() == (one, three)
    lines = path.read_text().split("\n")
    assert [line.split(" ")[0] for line in lines] == ["#", "one", "", "#", "three", ""]


@pytest.mark.parametrize(
    ("other", "problem"),
    [
        (PASSWORD, "alice has a password already"),
        (Credential("alice", Kind.PASSWORD, PASSWORD.hash.replace("salt", "pepper")), "already"),
    ],
    ids=["same", "another"],
)
def test_a_place_that_is_taken_stays_taken(tmp_path: Path, other: Credential, problem: str) -> None:
    """The file is as it was."""
    file = CredentialFile(tmp_path / "credentials")
    file.add(PASSWORD)
    with pytest.raises(ValueError, match=problem):
        file.add(other)
    assert file.read() == (PASSWORD,)


def test_a_broken_file_is_not_made_worse(tmp_path: Path) -> None:
    """Its problems are told; nothing is written."""
    path = tmp_path / "credentials"
    path.write_text("not a credential\n")
    for change in (lambda f: f.add(PASSWORD), lambda f: f.remove(lambda each: True)):
        with pytest.raises(Unusable, match="line 1"):
            change(CredentialFile(path))
    assert path.read_text() == "not a credential\n"
    assert os.listdir(tmp_path) == ["credentials"]


def test_mode_and_links_stay(tmp_path: Path) -> None:
    """A gateway under another user could read it, and finds it through a link."""
    path, link = tmp_path / "real", tmp_path / "link"
    path.write_text("")
    path.chmod(0o640)
    link.symlink_to("real")
    CredentialFile(link).add(PASSWORD)
    assert link.is_symlink()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert CredentialFile(path).read() == (PASSWORD,)


def test_two_at_a_time_lose_nothing(tmp_path: Path) -> None:
    """And a reader sees a whole file at any moment."""
    path = tmp_path / "credentials"
    path.write_text("")
    credentials = [key_of(f"n{number}") for number in range(40)]
    with ThreadPoolExecutor(8) as threads:
        adding = [threads.submit(CredentialFile(path).add, each) for each in credentials]
        while not all(done.done() for done in adding):
            parse_credentials(path.read_bytes())
        for done in adding:
            done.result()
    assert set(CredentialFile(path).read()) == set(credentials)
    assert os.listdir(tmp_path) == ["credentials"]


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """Not made by a slip."""
    with pytest.raises(FileNotFoundError):
        CredentialFile(tmp_path / "none" / "credentials").add(PASSWORD)
