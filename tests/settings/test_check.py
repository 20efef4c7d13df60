"""``gateway check``."""

from __future__ import annotations

import argparse
import io
import sys
from pathlib import Path

import pytest

from gateway.cli import check
from gateway.settings import Settings
from tests.settings.loading import LIVE, SHADOW, parse_toml


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever runs the tests must not configure the gateway."""
    monkeypatch.setattr("os.environ", {})


def _check(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    check.add_parser(parser.add_subparsers())
    options = parser.parse_args(["check", *arguments])
    status: int = options.run(options)
    return status


def _file(folder: Path, text: str) -> str:
    (folder / "gateway.toml").write_text(text)
    return str(folder / "gateway.toml")


def test_usable_settings_are_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As TOML with secrets masked, and what each shadow gets; the whole is TOML. Exit 0."""
    text = SHADOW + '[shadows.headers.set]\nAuthorization = "Bearer hunter2"\n'
    assert _check("--config", _file(tmp_path, text)) == 0
    printed = capsys.readouterr()
    document = parse_toml(printed.out)
    assert document["shadows"][0]["headers"]["set"] == {"Authorization": "***"}
    assert document["server"]["bind"] == "127.0.0.1:8000"
    assert "\n# shadow: 100 % of all requests → http://shadow.test (" in printed.out
    assert printed.err == ""


def test_every_problem_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On standard error, each with file, line and key; nothing on standard output. Exit 2."""
    file = _file(tmp_path, LIVE + "pool_size = 0\n[[shadows]]\npercnt = 10\n")
    assert _check("--config", file) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines() == [
        "gateway: the settings cannot be used:",
        f"  {file}:3: live.pool_size = 0: expected a whole number from 1 to 65535",
        f'  {file}:5: shadows[0].percnt = 10: unknown key; did you mean "percent"?',
        f"  {file}:4: shadows[0].url: missing; expected an http://, https:// or http+unix:// "
        "URL without query, fragment or credentials",
    ]


def test_settings_that_mirror_nothing_get_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """They are usable, so exit 0, but do not look healthy."""
    assert _check("--config", _file(tmp_path, LIVE)) == 0
    assert capsys.readouterr().err.startswith("warning: nothing is mirrored: ")


def test_the_environment_counts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is checked is what would run."""
    monkeypatch.setattr("os.environ", {"GATEWAY_LIVE": "http://a", "GATEWAY_SHADOW": "http://b"})
    assert _check() == 0
    assert 'url = "http://b"' in capsys.readouterr().out


@pytest.mark.parametrize("status", [0, 1])
def test_a_probe_decides_the_exit_status(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    """It gets the settings in effect; without --probe none is sent."""
    probed: list[Settings] = []

    def probe(settings: Settings) -> int:
        probed.append(settings)
        return status

    monkeypatch.setattr(check, "probe", probe)
    file = _file(tmp_path, SHADOW)
    assert _check("--config", file) == 0
    assert probed == []
    assert _check("--config", file, "--probe") == status
    assert probed[0].shadows[0].name == "shadow"


def test_a_terminal_without_the_arrow_gets_its_escape(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not a traceback."""
    output = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", output)
    assert _check("--config", _file(tmp_path, SHADOW)) == 0
    output.flush()
    assert b"\\u2192 http://shadow.test" in output.buffer.getvalue()  # type: ignore[attr-defined]


_KNOWN = """[[known]]
id = "vat"
pattern = "/vat"
reason = "rounded to even now"
owner = "billing"
expires = %s
"""


def _with_register(folder: Path, register: str | None) -> str:
    if register is not None:
        (folder / "known.toml").write_text(register)
    return _file(folder, f'{SHADOW}[compare]\nknown = "{folder}/known.toml"\n')


def test_a_broken_register_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Before a report needs it: with file, entry and reason on standard error. Exit 2."""
    broken = _KNOWN % "2999-01-01" + 'ownr = "billing"\n'
    assert _check("--config", _with_register(tmp_path, broken)) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("gateway: the register of known differences cannot be used: ")
    assert f"{tmp_path}/known.toml: known 1: " in printed.err
    assert "`ownr`" in printed.err


@pytest.mark.parametrize(
    ("register", "said"),
    [
        pytest.param(_KNOWN % "2999-01-01", "known differences: 1, in ", id="one"),
        pytest.param(None, "known differences: none yet, in ", id="no file yet"),
    ],
)
def test_the_register_is_told_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], register: str | None, said: str
) -> None:
    """A path that leads nowhere is no mistake, but can be seen."""
    assert _check("--config", _with_register(tmp_path, register)) == 0
    printed = capsys.readouterr()
    assert f"# {said}{tmp_path}/known.toml\n" in printed.out
    assert printed.err == ""


def test_an_expired_entry_is_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It fails the next report, and is no reason not to start."""
    assert _check("--config", _with_register(tmp_path, _KNOWN % "2020-01-31")) == 0
    assert "the known difference 'vat' expired on 2020-01-31" in capsys.readouterr().err
