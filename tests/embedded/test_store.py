"""Figures of an embedded mirror: kept where the host asks for it, and nowhere else."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway import Live, MirrorMiddleware, Settings, Shadow
from gateway.settings.model import Route
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


def test_coverage_is_of_all_that_the_application_was_asked(
    shadow: Upstream, tmp_path: Path
) -> None:
    """Also of what no shadow gets: else a report would call a sample the whole."""
    url = f"sqlite:///{tmp_path}/mirror.db"
    routes = (Route(path="/reports", name="reports"), Route(path="/health", mirror=False))
    settings = Settings(live=NOT_LIVE, store=Store(url=url), routes=routes)
    only = Shadow(url=shadow.url, name="s", methods=("GET",))
    mirror = MirrorMiddleware(application, only, settings=settings)
    for method, path in [("GET", "/reports"), ("POST", "/reports/1"), ("GET", "/health")]:
        assert ask(mirror, REQUEST_METHOD=method, PATH_INFO=path)[2] == b"ok"
    mirror.close()
    with open_reader(url) as reader:
        found = {
            (each.route, each.method): (each.live, each.mirrored) for each in reader.coverage()
        }
        assert found == {
            ("reports", "GET"): (1, 1),
            ("reports", "POST"): (1, 0),
            ("/health", "GET"): (1, 0),
        }


def test_what_a_switched_off_mirror_lets_pass_is_counted_too(
    shadow: Upstream, tmp_path: Path
) -> None:
    """There is a chart of it."""
    url = f"sqlite:///{tmp_path}/mirror.db"
    settings = Settings(live=NOT_LIVE, store=Store(url=url))
    mirror = MirrorMiddleware(application, shadow.url, percent=0, settings=settings)
    for _ in range(3):
        assert ask(mirror)[2] == b"ok"
    mirror.close()
    with open_reader(url) as reader:
        assert [each.live for each in reader.coverage()] == [3]
