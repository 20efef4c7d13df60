"""``gateway export``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.compare.verdict import Comparison, Verdict
from gateway.store.reader import open_reader
from tests.cli.commands import gateway
from tests.support.exchanges import MATCHING, answer, fill, judged, sqlite, wrong


@pytest.fixture
def group(tmp_path: Path) -> str:
    """The id of the only bug there is."""
    with open_reader(fill(sqlite(tmp_path), wrong(2))) as reader:
        return next(each.id for each in reader.groups().groups if each.pattern == "/vat")


def test_a_beginning_of_the_id_is_enough(group: str, tmp_path: Path) -> None:
    """A test comes to the standard output."""
    done = gateway(tmp_path, "export", group[:8])
    assert done.returncode == 0, done.stderr
    compile(done.stdout, "test_exported.py", "exec")
    assert "1.43" in done.stdout


def test_har_goes_to_a_file(group: str, tmp_path: Path) -> None:
    """And nothing to the standard output."""
    done = gateway(tmp_path, "export", group, "--format", "har", "--output", "bug.har")
    assert (done.returncode, done.stdout) == (0, "")
    assert len(json.loads((tmp_path / "bug.har").read_text())["log"]["entries"]) == 2


def test_curl_asks_the_base_url(group: str, tmp_path: Path) -> None:
    """Not the host that the client asked."""
    flags = ("--format", "curl", "--base-url", "http://localhost:3000")
    done = gateway(tmp_path, "export", group, *flags)
    assert "http://localhost:3000/invoices" in done.stdout


@pytest.mark.parametrize(
    ("settings", "seconds"),
    [pytest.param('timeout = "2500ms"', "2.5", id="its own"), pytest.param("", "10", id="default")],
)
def test_a_copy_that_was_not_in_time_has_the_time_of_its_shadow(
    settings: str, seconds: str, tmp_path: Path
) -> None:
    """As the settings have it."""
    late = judged(answer(MATCHING), None, verdict=Comparison(Verdict.TIMED_OUT, "timed_out"))
    with open_reader(fill(sqlite(tmp_path), [late])) as reader:
        (group,) = reader.groups().groups
    (tmp_path / "gateway.toml").write_text(
        '[live]\nurl = "http://127.0.0.1:9"\n[store]\nurl = "sqlite:///gateway.db"\n'
        f'[[shadows]]\nname = "rewrite"\nurl = "http://127.0.0.2:9"\n{settings}\n'
    )
    done = gateway(tmp_path, "export", group.id, "--config", "gateway.toml")
    assert f'os.environ.get("TIMEOUT", "{seconds}")' in done.stdout, done.stderr


@pytest.mark.parametrize("wanted", ["ffffffff", "x", "%"])
def test_no_such_group_is_said(wanted: str, group: str, tmp_path: Path) -> None:
    """With where to find them."""
    done = gateway(tmp_path, "export", wanted)
    assert done.returncode == 2
    assert "gateway report" in done.stderr
