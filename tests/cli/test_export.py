"""``gateway export``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.store.reader import open_reader
from tests.cli.commands import gateway
from tests.support.exchanges import fill, sqlite, wrong


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


@pytest.mark.parametrize("wanted", ["ffffffff", "x", "%"])
def test_no_such_group_is_said(wanted: str, group: str, tmp_path: Path) -> None:
    """With where to find them."""
    done = gateway(tmp_path, "export", wanted)
    assert done.returncode == 2
    assert "gateway report" in done.stderr
