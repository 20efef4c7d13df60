"""``gateway report``: exit statuses, formats, where the store is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.cli.commands import ROOT, gateway, process
from tests.support.exchanges import fill, matching, sqlite, wrong


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """4,000 exchanges that match."""
    folder = tmp_path_factory.mktemp("good")
    fill(sqlite(folder), matching(4000))
    return folder


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A fifth is wrong by a cent."""
    folder = tmp_path_factory.mktemp("bad")
    fill(sqlite(folder), [*matching(200), *wrong(50)])
    return folder


def test_ready_is_0(good: Path) -> None:
    """All lines of the rule are met, by flags that override the defaults."""
    done = process(good, "report", "--require-exchanges", "4000")
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[3] == "READY: rewrite"


def test_too_little_evidence_is_3_and_says_how_much_is_missing(good: Path) -> None:
    """By the default rule 10,000 are required."""
    done = process(good, "report")
    assert done.returncode == 3
    assert "TOO LITTLE EVIDENCE: rewrite" in done.stdout
    assert "4,000 exchanges compared: 6,000 more needed" in done.stdout


def test_not_ready_is_1_and_says_why(bad: Path) -> None:
    """And points at the field."""
    done = process(bad, "report")
    assert done.returncode == 1
    assert "80 % match where 99.9 % must: 50 exchanges differ of 250" in done.stdout
    assert "1. invoices /vat: value" in done.stdout


@pytest.mark.parametrize(
    ("flags", "status"),
    [
        (("--require-match", "70", "--require-exchanges", "100", "--max-failed", "5"), 0),
        (("--require-match", "79", "--require-exchanges", "100", "--max-failed", "5"), 3),
        (("--require-match", "90"), 1),
        (("--since", "1m", "--until", "1d"), 3),
    ],
    ids=["low demands", "across the limit", "above it", "another time"],
)
def test_flags_change_the_rule_and_the_question(
    flags: tuple[str, ...], status: int, bad: Path
) -> None:
    """What decides is what was asked for."""
    done = gateway(bad, "report", *flags)
    assert done.returncode == status, done.stdout


def test_the_settings_of_an_embedded_mirror_will_do(bad: Path) -> None:
    """They have no live upstream: the application is that."""
    file = bad / "mirror.toml"
    file.write_text(
        '[[shadows]]\nurl = "http://127.0.0.1:1"\n[store]\nurl = "sqlite:///gateway.db"\n'
    )
    done = gateway(bad, "report", "--config", str(file))
    assert (done.returncode, done.stderr) == (1, "")
    file.write_text("[live]\n")
    done = gateway(bad, "report", "--config", str(file))
    assert done.returncode == 2
    assert "live.url: missing" in done.stderr


def test_the_rule_is_that_of_the_settings(bad: Path) -> None:
    """Written down beforehand; the store is named there too."""
    (bad / "gateway.toml").write_text(
        '[live]\nurl = "http://127.0.0.1:1"\n[report]\nrequire_match = 70\n'
        "require_exchanges = 100\nmax_failed = 5\n"
        f'[store]\nurl = "{sqlite(bad)}"\n'
    )
    assert gateway(bad.parent, "report", "--config", str(bad / "gateway.toml")).returncode == 0
    stricter = gateway(bad, "report", "--config", "gateway.toml", "--require-match", "99")
    assert stricter.returncode == 1


def test_known_differences_are_a_file(bad: Path) -> None:
    """With an entry for all that differs it is not the rewrite's fault any more."""
    (bad / "known.toml").write_text(
        '[[known]]\nid = "half-cents"\npattern = "/*"\nreason = "agreed"\nowner = "billing"\n'
        "expires = 2999-01-01\n"
    )
    flags = ("--known", "known.toml", "--require-exchanges", "100", "--max-failed", "5")
    done = gateway(bad, "report", *flags, "--require-match", "95")
    assert done.returncode == 0, done.stdout
    assert "half-cents  in force, hit 100 times" in done.stdout


def test_every_format_has_the_same_exit_status(bad: Path) -> None:
    """And can be parsed, also from a file."""
    assert json.loads(gateway(bad, "report", "--format", "json").stdout)["outcome"] == "not ready"
    done = gateway(bad, "report", "--format", "junit", "--output", "report.xml")
    assert (done.returncode, done.stdout) == (1, "")
    assert ElementTree.parse(bad / "report.xml").getroot().tag == "testsuites"
    assert gateway(bad, "report", "--format", "html").stdout.startswith("<!doctype html>")


def test_rules_are_suggested(bad: Path) -> None:
    """Which is no decision."""
    done = gateway(bad, "report", "--suggest-rules")
    assert done.returncode == 0
    assert done.stdout.strip()


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ((), "no gateway has kept figures"),
        (("--store", "nowhere/gateway.db"), "no gateway has kept figures"),
        (("--store", "mysql://x/y"), "no URL of a store"),
        (("--config", "missing.toml"), "missing.toml"),
        (("--known", "missing.toml"), "missing.toml"),
    ],
    ids=["no store", "no such file", "another database", "no settings", "no register"],
)
def test_what_cannot_be_asked_is_2_and_one_sentence(
    flags: tuple[str, ...], says: str, tmp_path: Path
) -> None:
    """No report is no verdict, and no traceback."""
    if flags[:1] == ("--known",):
        fill(sqlite(tmp_path), wrong(1))
    done = gateway(tmp_path, "report", *flags)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "flag", ["--since=yesterday", "--require-match=101", "--max-latency-ratio=0"]
)
def test_wrong_arguments_are_2(flag: str, tmp_path: Path) -> None:
    """Said by the argument's name."""
    done = gateway(tmp_path, "report", flag)
    assert done.returncode == 2
    assert flag.partition("=")[0] in done.stderr


def test_a_shadow_that_nobody_knows_is_a_mistake(bad: Path) -> None:
    """And no shadow without evidence, which one of the settings is before its first copy."""
    done = gateway(bad, "report", "--shadow", "rewritten")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--shadow rewritten: there is no such shadow; there is rewrite" in done.stderr
    (bad / "new.toml").write_text(
        '[live]\nurl = "http://127.0.0.1:9"\n'
        '[[shadows]]\nname = "next"\nurl = "http://127.0.0.2:9"\n'
    )
    assert gateway(bad, "report", "--config", "new.toml", "--shadow", "next").returncode == 3


def test_a_terminal_without_the_characters_is_no_problem(bad: Path) -> None:
    """They are escaped."""
    done = process(bad, "report", PYTHONIOENCODING="ascii")
    assert done.returncode == 1
    assert "\\u2717" in done.stdout


def test_without_the_extra_it_says_what_to_install(tmp_path: Path) -> None:
    """And all other commands work: nothing of it is imported before it is needed."""
    program = (
        "import sys; sys.modules['sqlalchemy'] = None\n"
        "from gateway.cli import main\nsys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", program, "report"]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": ROOT},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 2
    assert "pip install 'gateway[store]'" in done.stderr
