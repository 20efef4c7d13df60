"""Figures of an embedded mirror: kept where the host asks for it, and nowhere else."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway import Live, MirrorMiddleware, Settings
from gateway.settings.store import Store
from gateway.store.reader import open_reader
from tests.support.upstream import OK, Upstream, upstream
from tests.support.wsgi import ask

NOT_LIVE = Live(url="http://127.0.0.1:1")


@pytest.fixture
def shadow() -> Iterator[Upstream]:
    with upstream(lambda request: OK) as running:
        yield running


def application(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]


def test_figures_are_kept_where_the_settings_say(shadow: Upstream, tmp_path: Path) -> None:
    """The host's answers are the live side; closing writes what there is."""
    url = f"sqlite:///{tmp_path}/mirror.db"
    settings = Settings(live=NOT_LIVE, store=Store(url=url))
    mirror = MirrorMiddleware(application, shadow.url, settings=settings)
    assert list(tmp_path.iterdir()) == []
    for _ in range(5):
        assert ask(mirror)[2] == b"ok"
    mirror.close()
    with open_reader(url) as reader:
        summary = reader.summary()
        assert summary.counts.matches == sum(summary.ledger.values()) == summary.live_requests == 5
        assert reader.coverage()[0].compared == 5


def test_nothing_is_kept_unasked(
    shadow: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host's folder is its own."""
    monkeypatch.chdir(tmp_path)
    mirror = MirrorMiddleware(application, shadow.url)
    assert ask(mirror)[2] == b"ok"
    mirror.close()
    assert os.listdir(tmp_path) == []
