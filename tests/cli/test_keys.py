"""`gateway keys`: on a file, by the command line."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from gateway.auth.credential_file import CredentialFile
from gateway.auth.credentials import Kind
from gateway.auth.directory import Directory
from gateway.auth.hashing import check_password
from gateway.cli import main

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "credentials"


@pytest.fixture
def keys(path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the command; gives its exit status, output and errors."""
    monkeypatch.delenv("GATEWAY_CONFIG", raising=False)

    def run(*arguments: str, stdin: str = "", file: bool = True) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        status = main(["keys", *arguments, *(["--file", str(path)] if file else [])])
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return run


def test_a_new_key_is_printed_once_and_stored_as_its_hash(keys: Run, path: Path) -> None:
    """Alone on standard output, so that a script can take it."""
    status, out, err = keys("add", "batch")
    key = out.rstrip("\n")
    assert (status, len(key.splitlines())) == (0, 1)
    assert "only time" in err
    assert key not in path.read_text()
    assert Directory.parse(path.read_bytes()).by_key(key, 0).identity == "batch"


def test_a_key_that_clients_have_already_can_be_taken_over(keys: Run, path: Path) -> None:
    """From standard input, not from the command line, which others can see."""
    key = "an-older-key-of-24-chars"
    assert keys("add", "batch", "--stdin", stdin=f"{key}\n")[:2] == (0, "")
    assert Directory.parse(path.read_bytes()).by_key(key, 0).identity == "batch"


@pytest.mark.parametrize("stdin", [True, False], ids=["stdin", "no terminal"])
def test_a_password_is_read(stdin: bool, keys: Run, path: Path) -> None:
    """The rest of the line is not part of it."""
    arguments = ["add", "alice", "--password", *(["--stdin"] if stdin else [])]
    assert keys(*arguments, stdin="hunter2\r\nmore\n")[0] == 0
    (alice,) = CredentialFile(path).read()
    assert alice.kind is Kind.PASSWORD
    assert check_password(alice.hash, "hunter2")


@pytest.mark.parametrize(("again", "status"), [("hunter2", 0), ("hunter3", 1)])
def test_a_password_is_asked_for_twice(
    again: str, status: int, keys: Run, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a terminal; two different ones are a slip."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    answers = ["hunter2", again]
    monkeypatch.setattr("getpass.getpass", lambda prompt: answers.pop(0))
    monkeypatch.setattr("sys.stdin", Terminal())
    assert main(["keys", "add", "alice", "--password", "--file", str(path)]) == status
    assert path.exists() is (status == 0)


def test_scopes_and_an_end(keys: Run, path: Path) -> None:
    """As the list shows them."""
    keys("add", "batch", "--scope", "read", "--scope", "write:all", "--expires", "90d")
    (batch,) = CredentialFile(path).read()
    assert batch.scopes == ("read", "write:all")
    assert batch.expires is not None
    left = batch.expires - datetime.now(timezone.utc)
    assert timedelta(days=89) < left <= timedelta(days=90)
    status, out, _ = keys("list")
    heading, line = out.splitlines()
    assert heading.split() == ["NAME", "KIND", "ID", "CREATED", "EXPIRES", "SCOPES"]
    assert line.split()[:3] == ["batch", "api-key", batch.id]
    assert line.split()[-3:] == [f"{batch.expires:%Y-%m-%d}", "read", "write:all"]
    assert status == 0


@pytest.mark.parametrize("when", ["2999-01-01", "2999-01-01T00:00:00Z"])
def test_an_end_may_be_a_date(when: str, keys: Run, path: Path) -> None:
    """In UTC."""
    assert keys("add", "batch", "--expires", when)[0] == 0
    assert CredentialFile(path).read()[0].expires == datetime(2999, 1, 1, tzinfo=timezone.utc)


@pytest.mark.parametrize("when", ["2001-01-01", "soon", "0d", "-1d", "99999d9", "9d9", ""])
def test_an_end_that_is_none_is_refused(when: str, keys: Run, path: Path) -> None:
    """Nothing is added."""
    status, _, err = keys("add", "batch", f"--expires={when}")
    assert (status, path.exists()) == (1, False)
    assert "--expires" in err


@pytest.mark.parametrize(
    ("arguments", "stdin", "problem"),
    [
        (["add", "b ad"], "", "a name begins"),
        (["add", "batch", "--scope", "a b"], "", "scopes are words"),
        (["add", "batch", "--stdin"], "short\n", "a key has from 20"),
        (["add", "alice", "--password"], "\n", "an empty password"),
        (["revoke", "nobody"], "", "No such file"),
        (["list"], "", "No such file"),
    ],
    ids=["name", "scope", "short key", "empty password", "revoke", "list"],
)
def test_what_is_wrong_is_said_in_a_line(
    arguments: list[str], stdin: str, problem: str, keys: Run, path: Path
) -> None:
    """And changes nothing."""
    status, out, err = keys(*arguments, stdin=stdin)
    assert (status, out) == (1, "")
    assert problem in err
    assert len(err.splitlines()) == 1
    assert not path.exists()


def test_a_second_password_is_refused(keys: Run, path: Path) -> None:
    """Which one would count?"""
    keys("add", "alice", "--password", stdin="one\n")
    before = path.read_text()
    status, _, err = keys("add", "alice", "--password", stdin="two\n")
    assert (status, "alice has a password already" in err) == (1, True)
    assert path.read_text() == before


def test_one_of_several_is_revoked_by_its_id(keys: Run, path: Path) -> None:
    """The others go on; the name alone would not say which."""
    keys("add", "batch")
    keys("add", "batch")
    keys("add", "batch", "--password", stdin="p\n")
    old, new, password = CredentialFile(path).read()
    status, _, err = keys("revoke", "batch")
    assert (status, all(each.id in err for each in (old, new, password))) == (1, True)
    assert keys("revoke", old.id)[0] == 0
    assert CredentialFile(path).read() == (new, password)
    assert keys("revoke", password.id)[0] == 0
    assert CredentialFile(path).read() == (new,)


def test_everything_of_a_name_is_revoked(keys: Run, path: Path) -> None:
    """When it is asked for; one alone needs no more than its name."""
    for name in ("batch", "batch", "other"):
        keys("add", name)
    assert keys("revoke", "batch", "--all")[0] == 0
    assert [each.name for each in CredentialFile(path).read()] == ["other"]
    status, _, err = keys("revoke", "other")
    assert (status, CredentialFile(path).read()) == (0, ())
    assert err.startswith("other has lost the api-key ")
    assert keys("revoke", "other")[0] == 1


def test_a_broken_file_is_told_line_by_line(keys: Run, path: Path) -> None:
    """And left alone."""
    path.write_text("x\n\ny y y\n")
    status, _, err = keys("list")
    assert status == 1
    assert [line.strip().partition(":")[0] for line in err.splitlines()] == [
        "gateway",
        "line 1",
        "line 3",
    ]


def test_over_is_over(keys: Run, path: Path) -> None:
    """The list says so."""
    path.write_text(f"old api-key sha256:{'ab' * 32} expires=2001-01-01T00:00:00Z\n")
    assert "2001-01-01 (over)" in keys("list")[1]


def test_the_settings_name_the_file(
    keys: Run, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By --config or GATEWAY_CONFIG."""
    keys("add", "batch")
    config = tmp_path / "gateway.toml"
    config.write_text(
        '[live]\nurl = "http://live.test"\n'
        '[authentication]\nschemes = ["api-key"]\ncredentials = "credentials"\n'
    )
    assert "batch" in keys("list", "--config", str(config), file=False)[1]
    monkeypatch.setenv("GATEWAY_CONFIG", str(config))
    assert "batch" in keys("list", file=False)[1]


@pytest.mark.parametrize(
    ("text", "status", "problem"),
    [
        (None, 1, "which file? Give it with --file FILE"),
        ('[live]\nurl = "http://live.test"\n', 1, "the settings name no file"),
        ("[live]\n", 2, "live.url: missing"),
    ],
    ids=["none", "no file in it", "broken"],
)
def test_without_a_file_it_asks_for_one(
    text: str | None, status: int, problem: str, keys: Run, tmp_path: Path
) -> None:
    """Or says what is wrong with the settings."""
    arguments = ["list"]
    if text is not None:
        (tmp_path / "gateway.toml").write_text(text)
        arguments += ["--config", str(tmp_path / "gateway.toml")]
    told, _, err = keys(*arguments, file=False)
    assert told == status
    assert problem in err
