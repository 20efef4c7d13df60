"""The settings file: what cannot be read at all, and what is found in it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway.settings import SettingsError, load
from tests.settings.loading import LIVE, load_text, problems_in


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """With the system's reason."""
    with pytest.raises(SettingsError) as caught:
        load(config=tmp_path / "none.toml", environ={}, flags={})
    (problem,) = caught.value.problems
    assert problem == (
        f"{tmp_path / 'none.toml'}: cannot read this settings file: No such file or directory"
    )


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    """A folder is named as such."""
    with pytest.raises(SettingsError, match="Is a directory"):
        load(config=tmp_path, environ={}, flags={})


def test_a_file_without_end_is_given_up() -> None:
    """--config /dev/zero is a mistake, not a way to use up memory."""
    with pytest.raises(SettingsError, match="too large"):
        load(config=Path("/dev/zero"), environ={}, flags={})


def test_a_path_that_cannot_be_is_a_problem() -> None:
    """Not a ValueError from the depths."""
    with pytest.raises(SettingsError, match="cannot read"):
        load(config=Path("a\0b"), environ={}, flags={})


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        pytest.param(
            LIVE + "x = \n", "gateway.toml:3: not valid TOML: Invalid value (column 5)", id="syntax"
        ),
        pytest.param(LIVE.encode() + b'x = "\xff"', "gateway.toml:3: not UTF-8", id="latin-1"),
        pytest.param(LIVE.encode("utf-16"), "gateway.toml:1: not UTF-8", id="utf-16"),
        pytest.param("a = " + "[" * 50_000, "nested too deeply", id="depth"),
        pytest.param("a = " + "1" * 5_000, "not valid TOML", id="digits"),
        pytest.param("[live]\n[live]\n", "gateway.toml:2: not valid TOML", id="table twice"),
    ],
)
def test_what_is_not_toml_is_named_by_line(
    tmp_path: Path, content: str | bytes, problem: str
) -> None:
    """One problem; that live is missing as well would be no news."""
    (found,) = problems_in(tmp_path, content)
    assert problem in found


def test_without_its_file_no_contradiction_is_looked_for(tmp_path: Path) -> None:
    """The file may say another bind than the default."""
    assert len(problems_in(tmp_path, "=", admin="127.0.0.1:8000")) == 1


def test_problems_of_other_sources_are_told_with_an_unreadable_file(tmp_path: Path) -> None:
    """All at once means all that can be known."""
    found = problems_in(tmp_path, "=", {"GATEWAY_WORKERS": "x"}, percent="200")
    assert [text.partition(":")[0] for text in found] == [
        "gateway.toml",
        "environment variable GATEWAY_WORKERS",
        "--percent",
    ]


@pytest.mark.parametrize(
    "text", ["﻿" + LIVE, LIVE.replace("\n", "\r\n")], ids=["byte order mark", "CRLF"]
)
def test_what_editors_do_to_files_is_borne(tmp_path: Path, text: str) -> None:
    """A byte order mark at the start, and CRLF."""
    assert load_text(tmp_path, text).live.url == "http://live.test"


def test_paths_are_relative_to_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the gateway is started, and also when the file itself is named relatively."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "gateway.toml").write_text('runtime_dir = "run"\n' + LIVE)
    monkeypatch.chdir(tmp_path)
    settings = load(config=Path("etc/gateway.toml"), environ={}, flags={})
    assert settings.runtime_dir == str(tmp_path / "etc" / "run")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    """With the system's reason."""
    file = tmp_path / "gateway.toml"
    file.touch(mode=0)
    with pytest.raises(SettingsError, match="Permission denied"):
        load(config=file, environ={}, flags={})


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "[[shadows]]\npercnt = 10",
            'gateway.toml:4: shadows[0].percnt = 10: unknown key; did you mean "percent"?',
        ),
        (
            'read_timeout = "5x"',
            'gateway.toml:3: live.read_timeout = "5x": expected seconds, or a text such as "250ms"',
        ),
        (
            "read_timeout = -1",
            "gateway.toml:3: live.read_timeout = -1: expected seconds, "
            'or a text such as "250ms", more than 0 and at most 168h',
        ),
        (
            "read_timeout = true",
            'gateway.toml:3: live.read_timeout = true: expected seconds, or a text such as "250ms"',
        ),
        (
            'read_timeout = "0s"',
            'gateway.toml:3: live.read_timeout = "0s": expected seconds, '
            'or a text such as "250ms", more than 0 and at most 168h',
        ),
        (
            "[server]\nworkers = 0",
            "gateway.toml:4: server.workers = 0: expected a whole number from 1 to 65535",
        ),
        (
            "[server]\nworkers = true",
            "gateway.toml:4: server.workers = true: expected a whole number from 1 to 65535",
        ),
        (
            '[server]\nworkers = "4"',
            'gateway.toml:4: server.workers = "4": expected a whole number from 1 to 65535',
        ),
        (
            "[server]\nworkers = 4.0",
            "gateway.toml:4: server.workers = 4.0: expected a whole number from 1 to 65535",
        ),
        (
            '[server]\nlog_level = "warn"',
            'gateway.toml:4: server.log_level = "warn": '
            'expected "debug", "error", "info" or "warning"; did you mean "warning"?',
        ),
        (
            '[request]\nmax_body = "10 apples"',
            'gateway.toml:4: request.max_body = "10 apples": '
            'expected bytes, or a text such as "10MiB"',
        ),
        (
            "[tls]",
            'gateway.toml:3: tls = {}: unknown key; did you mean "live.tls", '
            '"shadows[].tls" or "routes[].live.tls"?',
        ),
        (
            "server = 5",
            'gateway.toml:3: live.server = 5: unknown key; did you mean "server"?',
        ),
        (
            "[[server]]",
            "gateway.toml:3: server = […]: expected a table: write [server]",
        ),
        (
            '[shadows]\nurl = "http://b"',
            "gateway.toml:3: shadows = {…}: expected a list of tables: write [[shadows]]",
        ),
        (
            '[[shadows]]\nurl = "http://b"\nmethods = "GET"',
            'gateway.toml:5: shadows[0].methods = "GET": '
            'expected a list ["…", "…"], each an upper-case method such as GET',
        ),
        (
            '[[shadows]]\nurl = "http://b"\nmethods = ["GET",\n"post"]',
            'gateway.toml:5: shadows[0].methods[1] = "post": '
            'expected an upper-case method such as GET; did you mean "POST"?',
        ),
        (
            "[[shadows]]",
            "gateway.toml:3: shadows[0].url: missing; expected an http://, https:// or "
            "http+unix:// URL without query, fragment or credentials",
        ),
        (
            '[[shadows]]\nurl = "http://b"\npercent = nan',
            "gateway.toml:5: shadows[0].percent = nan: expected a number from 0 to 100",
        ),
        (
            '[[shadows]]\nurl = "http://b"\nname = "a b"',
            'gateway.toml:5: shadows[0].name = "a b": expected letters, digits, '
            '"-", "_" and ".", the first a letter or digit',
        ),
        (
            '[[shadows]]\nurl = "http://b"\nname = "' + "n" * 65 + '"',
            f'gateway.toml:5: shadows[0].name = "{"n" * 65}": expected letters, digits, '
            '"-", "_" and ".", the first a letter or digit; at most 64 characters',
        ),
        (
            '[[shadows]]\nurl = "http://b"\nsample_by = "cookie"',
            'gateway.toml:5: shadows[0].sample_by = "cookie": '
            'expected "request-id", "header:NAME" or "cookie:NAME"',
        ),
        (
            '[[routes]]\npath = "/"\nname = "a\\u001b[31m"',
            'gateway.toml:5: routes[0].name = "a\\u001b[31m": '
            "expected text without line breaks and other control characters",
        ),
        (
            "[[routes]]\nmirror = 1\npath = 5",
            "gateway.toml:4: routes[0].mirror = 1: expected true or false",
        ),
        (
            "read_timeout = 0x" + "f" * 5000,
            "gateway.toml:3: live.read_timeout = a number of very many digits: expected seconds, "
            'or a text such as "250ms", more than 0 and at most 168h',
        ),
    ],
    ids=lambda text: text[:40].replace("\n", " "),
)
def test_a_problem_names_line_key_value_and_what_was_expected(
    tmp_path: Path, text: str, problem: str
) -> None:
    """The whole text, as a person sees it."""
    assert problem in problems_in(tmp_path, LIVE + text + "\n")


def test_all_problems_come_at_once(tmp_path: Path) -> None:
    """Of each kind, in the file's order, then what contradicts."""
    text = """\
[live]
url = "nowhere:9000"
[[shadows]]
percnt = 10
url = "http://a"
[[shadows]]
url = "http://a"
name = "shadow"
[server]
admin = "127.0.0.1:8000"
workers = "many"
[[shadows]]
name = "shadow"
url = "http://b"
"""
    lines = [text.split(" ")[0] for text in problems_in(tmp_path, text)]
    assert lines == [
        "gateway.toml:2:",
        "gateway.toml:4:",
        "gateway.toml:11:",
        "gateway.toml:10:",
        "gateway.toml:13:",
    ]


def test_a_problem_is_not_followed_by_others_that_come_from_it(tmp_path: Path) -> None:
    """A limit that cannot be read is not compared; a table that is none lacks nothing."""
    text = LIVE + '[request]\nmax_body = "1x"\n[[shadows]]\nurl = "http://b"\nmax_body = "20MiB"\n'
    assert len(problems_in(tmp_path, text)) == 1
    assert len(problems_in(tmp_path, 'live = "http://a"\n')) == 1
    assert len(problems_in(tmp_path, LIVE + '[[routes]]\npath = "/a"\nlive = 5\n')) == 1


@pytest.mark.parametrize(
    "text",
    [
        '[[shadows]]\nurl = "http://u:hunter2@h"',
        '[[shadows]]\nurl = "u:hunter2@h"',
        '[[shadows]]\nurl = "http://u:x/hunter2@h"',
        '[[shadows]]\nurl = "http://h/?key=hunter2"',
        '[[shadows]]\nAuthorization = "hunter2"',
        '[[shadows]]\nurl = "http://b"\n[shadows.headers]\nX-Auth = "hunter2"',
        '[[shadows]]\nurl = "http://b"\n[shadows.headers]\nset = "hunter2"',
        '[[shadows]]\nurl = "http://b"\n[shadows.headers.set]\nX-Key = "hunter2\\n"',
        '[[shadows]]\nurl = "http://b"\n[shadows.headers.set]\n"X Key" = "hunter2"',
        '[[shadows]]\nurl = "http://b"\n[shadows.headers.set]\nHost = "hunter2"',
        '[[shadows]]\nurl = "http://b"\n[shadows.headers.set]\nX-A = "1"\nx-a = "hunter2"',
        'api_token = "hunter2"',
    ],
)
def test_a_secret_is_in_no_problem(tmp_path: Path, text: str) -> None:
    """Wherever a credential was written by mistake."""
    found = problems_in(tmp_path, LIVE + text + "\n")
    assert found
    assert "hunter2" not in str(found)
