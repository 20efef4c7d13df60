"""The folder through which one gateway's processes know of each other."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from gateway.runtime import Runtime, replace_file
from gateway.settings import Live, Settings


def test_settings_are_published_for_their_owner_only(tmp_path: Path) -> None:
    """They hold secrets."""
    runtime = Runtime.create(str(tmp_path / "made" / "here"))
    settings = Settings(live=Live(url="http://live.test"))
    runtime.write_settings(settings)
    assert runtime.settings() == settings
    assert stat.S_IMODE(runtime.folder.stat().st_mode) == 0o700
    file = next(p for p in runtime.folder.iterdir() if p.name == "settings.json")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_two_gateways_have_two_folders_and_each_removes_its_own(tmp_path: Path) -> None:
    """Also when they are told the same place."""
    one, two = Runtime.create(str(tmp_path)), Runtime.create(str(tmp_path))
    one.remove()
    assert list(tmp_path.iterdir()) == [two.folder]


def test_workers_say_what_they_are_doing(tmp_path: Path) -> None:
    """Until they are forgotten."""
    runtime = Runtime.create(str(tmp_path))
    runtime.publish_worker(0, "serving")
    runtime.publish_worker(0, "draining")
    runtime.publish_worker(1, "serving")
    assert runtime.workers() == [
        {"pid": os.getpid(), "state": "draining", "generation": 0},
        {"pid": os.getpid(), "state": "serving", "generation": 0},
    ]
    runtime.forget_worker(0)
    runtime.forget_worker(0)
    assert len(runtime.workers()) == 1


def test_a_file_is_replaced_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And a failed attempt leaves nothing lying about."""
    file = tmp_path / "f"
    replace_file(file, b"old")

    def full(source: str, target: Path) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="no space"):
        replace_file(file, b"new")
    assert [p.read_bytes() for p in tmp_path.iterdir()] == [b"old"]


def test_what_is_mapped_into_memory_is_where_the_operator_says(tmp_path: Path) -> None:
    """In the folder that was chosen."""
    runtime = Runtime.create(str(tmp_path))
    assert runtime.shared.resolve() == runtime.folder / "shared"


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="no tmpfs at a known place")
def test_what_is_mapped_into_memory_is_in_memory_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every process finds it through the folder, and it goes with it."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    runtime = Runtime.create(None)
    shared = Runtime(runtime.folder).shared.resolve()
    assert shared.parent == Path("/dev/shm")
    assert stat.S_IMODE(shared.stat().st_mode) == 0o700
    Runtime(runtime.folder).remove()
    assert not shared.exists()
    assert list(tmp_path.iterdir()) == []
