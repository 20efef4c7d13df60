"""Workers add up."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from gateway.isolation.board import Board
from gateway.isolation.sums import Groups, Sums

OWN = Groups(Sums(10, 1.0, 2.0, 3), Sums(1, 0.1, 0.2, 0))


def other(folder: Path, name: str, age: float = 0.0) -> Path:
    """Another worker's file."""
    file = folder / name
    file.write_text(json.dumps(Groups(Sums(5, 5.0, 5.0, 5), Sums(7, 7.0, 7.0, 7))))
    os.utime(file, (time.time() - age,) * 2)
    return file


def test_alone_it_has_its_own() -> None:
    """An embedded mirror has no folder."""
    assert Board(None).exchange(OWN) == OWN


def test_all_workers_come_to_the_same_sums(tmp_path: Path) -> None:
    """Its own file is replaced, not added."""
    board = Board(tmp_path / "isolation")
    assert board.exchange(OWN) == OWN
    other(tmp_path / "isolation", "1")
    assert board.exchange(OWN) == Groups(Sums(15, 6.0, 7.0, 8), Sums(8, 7.1, 7.2, 7))


def test_a_worker_that_has_gone_does_not_count(tmp_path: Path) -> None:
    """Whether it said so or not."""
    board = Board(tmp_path)
    gone = other(tmp_path, "1", age=60)
    assert board.exchange(OWN) == OWN
    assert not gone.exists()
    board.leave()
    assert list(tmp_path.iterdir()) == []
