"""``gateway recheck``, against a shadow that has the bug, and one that has not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.store.reader import open_reader
from gateway.store.values import Group
from tests.cli.commands import gateway
from tests.support.exchanges import MATCHING, WRONG, fill, request, sqlite, wrong
from tests.support.upstream import Upstream, upstream

COPY = request(body={"a": 1}, fields=(("X-Api-Version", "2"),))


def says(document: Any, status: int = 200) -> bytes:
    body = json.dumps(document).encode()
    head = f"HTTP/1.1 {status} OK\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


@pytest.fixture
def shadow() -> Iterator[Upstream]:
    with upstream(lambda received: says(WRONG)) as running:
        yield running


@pytest.fixture
def group(tmp_path: Path, shadow: Upstream) -> str:
    """A store with one bug, and settings that know the shadow."""
    (tmp_path / "gateway.toml").write_text(
        '[live]\nurl = "http://127.0.0.1:1"\n'
        f'[[shadows]]\nname = "rewrite"\nurl = "{shadow.url}/base"\n'
        'headers = { set = { X-Tenant = "t1" }, remove = ["X-Api-Version"] }\n'
        f'[store]\nurl = "{sqlite(tmp_path)}"\nclose_after = 2\n'
    )
    fill(sqlite(tmp_path), wrong(2, copy=COPY))
    return known(tmp_path).id


def known(folder: Path) -> Group:
    with open_reader(sqlite(folder)) as reader:
        return next(each for each in reader.groups().groups if each.pattern == "/vat")


def recheck(folder: Path, group: str, *flags: str) -> Any:
    return gateway(folder, "recheck", group, "--config", "gateway.toml", *flags)


def test_a_bug_that_is_there_is_1(group: str, shadow: Upstream, tmp_path: Path) -> None:
    """The request goes out as copies do: marked, with the shadow's own fields."""
    done = recheck(tmp_path, group)
    assert done.returncode == 1, done.stderr
    assert 'live "1.43", shadow "1.42"' in done.stdout
    received = shadow.taken()[0]
    assert (received.target, received.body) == (b"/base/invoices", COPY.body)
    assert received.values("X-Shadow-Request")
    assert received.values("X-Tenant") == ["t1"]
    assert received.values("X-Api-Version") == []


def test_clean_passes_close_the_group_and_a_failed_one_opens_it(
    group: str, shadow: Upstream, tmp_path: Path
) -> None:
    """After so many in a row as the settings say."""
    shadow.script = lambda received: says(MATCHING)
    first = recheck(tmp_path, group)
    assert first.returncode == 0, first.stdout
    assert "open, 1 of 2 clean passes" in first.stdout
    assert "gone; closed" in recheck(tmp_path, group).stdout
    assert known(tmp_path).state == "closed"
    shadow.script = lambda received: says(WRONG)
    assert recheck(tmp_path, group).returncode == 1
    assert (known(tmp_path).state, known(tmp_path).reopened) == ("open", 1)


def test_a_group_that_recurs_opens_again(group: str, shadow: Upstream, tmp_path: Path) -> None:
    """Traffic has the last word."""
    shadow.script = lambda received: says(MATCHING)
    recheck(tmp_path, group)
    recheck(tmp_path, group)
    closed = known(tmp_path).closed_at or 0
    fill(sqlite(tmp_path), wrong(1, at=closed + 5))
    assert known(tmp_path).state == "open"


def test_what_cannot_be_told_is_3_and_counts_as_nothing(
    group: str, shadow: Upstream, tmp_path: Path
) -> None:
    """A shadow that is in another state."""
    shadow.script = lambda received: says({"error": "exists"}, 409)
    done = recheck(tmp_path, group)
    assert done.returncode == 3
    assert "cannot be told" in done.stdout
    assert (known(tmp_path).passes, known(tmp_path).state) == (0, "open")


def test_a_place_can_be_named(group: str, tmp_path: Path) -> None:
    """A developer's own, without settings; credentials by hand."""
    with upstream(lambda received: says(MATCHING)) as mine:
        flags = ("--to", mine.url, "--header", "Authorization: Bearer mine")
        done = gateway(tmp_path, "recheck", group, "--store", "gateway.db", *flags)
        assert done.returncode == 0, done.stderr
        assert mine.taken()[0].values("Authorization") == ["Bearer mine"]


def test_nothing_is_changed_on_another_machine_by_accident(group: str, tmp_path: Path) -> None:
    """Its examples are POST requests."""
    done = recheck(tmp_path, group, "--to", "http://billing.invalid")
    assert done.returncode == 2
    assert "--unsafe" in done.stderr


def test_without_a_place_it_asks_for_one(group: str, tmp_path: Path) -> None:
    """The store does not know where shadows are."""
    done = gateway(tmp_path, "recheck", group, "--store", "gateway.db")
    assert done.returncode == 2
    assert "--to" in done.stderr
