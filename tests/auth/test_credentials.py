"""The format of the credential file."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.auth.credentials import (
    Credential,
    Kind,
    Unusable,
    check_name,
    format_line,
    parse_credentials,
    parse_line,
    parse_scopes,
)

KEY_HASH = "sha256:" + "ab" * 32
PASSWORD_HASH = "scrypt:16384:8:1$" + "s" * 16 + "$" + "ab" * 64
NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,20}", fullmatch=True)
SCOPES = st.from_regex(r"[!#-+\--\[\]-~]{1,9}", fullmatch=True)
TIMES = st.none() | st.datetimes(datetime(1970, 1, 1), datetime(9999, 1, 1)).map(
    lambda when: when.replace(microsecond=0, tzinfo=timezone.utc)
)


@given(
    st.builds(
        Credential,
        name=NAMES,
        kind=st.just(Kind.API_KEY),
        hash=st.binary(min_size=32, max_size=32).map(lambda b: f"sha256:{b.hex()}"),
        created=TIMES,
        expires=TIMES,
        scopes=st.lists(SCOPES, max_size=3).map(tuple),
    )
)
def test_what_is_written_is_read(credential: Credential) -> None:
    """Every credential makes a line that makes the same credential."""
    assert parse_line(format_line(credential)) == credential


@given(st.binary(max_size=80) | st.text(max_size=80).map(str.encode))
def test_anything_else_is_a_problem_and_no_crash(data: bytes) -> None:
    """Whatever somebody gives as the file."""
    with suppress(Unusable):
        parse_credentials(data)


def test_comments_and_empty_lines_are_left_out() -> None:
    """Lines are numbered as an editor does."""
    text = f"# a comment\n\n  batch api-key {KEY_HASH}\r\n#\nalice password {PASSWORD_HASH}"
    batch, alice = parse_credentials(text.encode())
    assert (batch.name, batch.kind, batch.id) == ("batch", Kind.API_KEY, "ab" * 6)
    assert (alice.name, alice.kind, alice.scopes) == ("alice", Kind.PASSWORD, ())


def test_every_problem_is_told_with_its_line() -> None:
    """A file is taken whole or not at all."""
    with pytest.raises(Unusable) as caught:
        parse_credentials(f"a b c\n\nbatch api-key {KEY_HASH}\nbatch api-key x\n".encode())
    assert [problem.partition(":")[0] for problem in caught.value.problems] == ["line 1", "line 4"]


@pytest.mark.parametrize(
    "line",
    [
        "batch",
        "batch api-key",
        f"batch key {KEY_HASH}",
        f"batch api-key {KEY_HASH[:-1]}",
        f"batch api-key {KEY_HASH.upper()}",
        f"batch api-key {PASSWORD_HASH}",
        f"batch password {KEY_HASH}",
        f"-batch api-key {KEY_HASH}",
        f"ba:tch api-key {KEY_HASH}",
        f"bätch api-key {KEY_HASH}",
        f"batch api-key {KEY_HASH} created",
        f"batch api-key {KEY_HASH} created=now",
        f"batch api-key {KEY_HASH} expires=2027-01-01",
        f"batch api-key {KEY_HASH} scopes=",
        f"batch api-key {KEY_HASH} scopes=a,,b",
        f"batch api-key {KEY_HASH} scopes=a scopes=b",
        f"batch api-key {KEY_HASH} colour=red",
    ],
)
def test_a_wrong_line_is_a_problem(line: str) -> None:
    """Nothing is guessed: a word that is not understood may have been a limit."""
    with pytest.raises(ValueError, match=r"\w") as caught:
        parse_line(line)
    assert "ab" * 8 not in str(caught.value)


def test_a_plain_secret_in_place_of_a_hash_is_not_repeated() -> None:
    """The problem goes to logs and terminals."""
    with pytest.raises(Unusable) as caught:
        parse_credentials(b"alice password hunter2\nhunter2 hunter2 hunter2")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("hashed", "fine"),
    [
        ("scrypt:16384:8:1", True),
        ("scrypt:32768:8:1", True),
        ("scrypt:131072:8:1", True),
        ("scrypt:8192:8:1", False),
        ("scrypt:16385:8:1", False),
        ("scrypt:262144:8:1", False),
        ("scrypt:16384:0:1", False),
        ("scrypt:16384:8:9", False),
        ("pbkdf2:sha256:600000", True),
        ("pbkdf2:sha256:1000", False),
        ("pbkdf2:sha256:99999999", False),
        ("pbkdf2:sha1:600000", False),
        ("plain", False),
    ],
)
def test_hashes_too_weak_or_too_dear_are_refused(hashed: str, fine: bool) -> None:
    """One is a risk to the password, the other to the gateway's memory and time."""
    digest = "ab" * (64 if hashed.startswith("scrypt") else 32)
    line = f"alice password {hashed}$salt${digest}"
    if fine:
        assert parse_line(line).hash == f"{hashed}$salt${digest}"
    else:
        with pytest.raises(ValueError, match=r"needs|one of"):
            parse_line(line)


def test_sha512_has_its_own_length() -> None:
    """A digest of another length was cut off."""
    line = "alice password pbkdf2:sha512:600000$salt$"
    assert parse_line(line + "ab" * 64).name == "alice"
    with pytest.raises(ValueError, match="one of"):
        parse_line(line + "ab" * 32)


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (["a api-key {key}", "b api-key {key}"], "this key is there already: line 1"),
        (["a password {pw}", "a password {pw2}"], "a has a password already: line 1"),
    ],
    ids=["key", "password"],
)
def test_twice_is_a_problem(lines: list[str], problem: str) -> None:
    """Whose the key is, or which password counts, would depend on the order."""
    other = PASSWORD_HASH.replace("s" * 16, "t" * 16)
    text = "\n".join(lines).format(key=KEY_HASH, pw=PASSWORD_HASH, pw2=other)
    with pytest.raises(Unusable) as caught:
        parse_credentials(text.encode())
    assert caught.value.problems == [f"line 2: {problem}"]


def test_a_name_may_have_several_keys_and_a_password() -> None:
    """So that a key can be replaced before it is revoked."""
    other = "sha256:" + "cd" * 32
    text = f"a api-key {KEY_HASH}\na api-key {other}\na password {PASSWORD_HASH}\n"
    assert len({credential.id for credential in parse_credentials(text.encode())}) == 3


def test_a_file_that_is_no_text_says_where() -> None:
    """UTF-8, like everything."""
    with pytest.raises(Unusable, match="line 3: not UTF-8"):
        parse_credentials(b"#\n#\n\xff")


def test_names_and_scopes_are_checked_by_themselves() -> None:
    """For the command line."""
    check_name("alice@example.com")
    for name in ("", "a b", "a\n", "a" * 129, "ä"):
        with pytest.raises(ValueError, match="a name begins"):
            check_name(name)
    assert parse_scopes("read,write:all") == ("read", "write:all")
    for text in ("", "a b", 'a"', "a\\", "ä", "a" * 129):
        with pytest.raises(ValueError, match="scopes are words"):
            parse_scopes(text)


def test_a_credential_is_shown_without_its_hash() -> None:
    """In logs and tracebacks."""
    assert repr(parse_line(f"a api-key {KEY_HASH}")) == "<Credential api-key a>"
