"""A file that is read again when it changes."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from gateway.auth.watched import WatchedFile


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Watched:
    """A watched file with numbers in it, and a hand on its clock."""

    def __init__(self, path: Path, content: str | None = "1") -> None:
        self.path = path
        self.parsed: list[bytes] = []
        if content is not None:
            path.write_text(content)
        self.clock = Clock()
        self.file = WatchedFile(path, self._parse, interval=1.0, remind=60.0, clock=self.clock)

    def _parse(self, data: bytes) -> int:
        self.parsed.append(data)
        return int(data)

    def look(self, times: int = 1, after: float = 1.0) -> int | None:
        for _ in range(times):
            self.clock.now += after
            self.file.refresh()
        return self.file.value


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path / "file")


def test_it_is_there_at_once(watched: Watched) -> None:
    """The first request needs it."""
    assert watched.file.value == 1
    assert watched.file.problem is None


def test_a_change_is_taken_at_the_second_look(watched: Watched) -> None:
    """When the file has stayed the same for one interval."""
    watched.path.write_text("22")
    assert watched.look() == 1
    assert watched.look() == 22


def test_a_file_that_keeps_changing_is_not_taken_half_written(watched: Watched) -> None:
    """An editor empties it first; that must not empty what is in use."""
    for content in ("", "3", "33", "333"):
        watched.path.write_text(content)
        assert watched.look() == 1
    assert watched.look() == 333
    assert watched.parsed == [b"1", b"333"]
    assert watched.file.problem is None


def test_replacing_the_file_is_a_change(watched: Watched) -> None:
    """With the same size and time: it is another file."""
    status = watched.path.stat()
    other = watched.path.with_name("other")
    other.write_text("2")
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    os.replace(other, watched.path)
    assert watched.look(2) == 2


def test_a_second_change_within_one_tick_of_the_clock_is_seen(watched: Watched) -> None:
    """Same file, size and time as when it was read first."""
    status = watched.path.stat()
    watched.path.write_text("7")
    os.utime(watched.path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert watched.look(2) == 7


def test_it_is_not_looked_at_more_often_than_asked(watched: Watched) -> None:
    """A tick every quarter of a second is no reason to."""
    watched.path.write_text("2")
    assert watched.look(7, after=0.25) == 1
    assert watched.look(1, after=0.25) == 2


def test_what_did_not_change_is_not_read_again(watched: Watched) -> None:
    """Nor is what only looks changed."""
    watched.look(5)
    os.utime(watched.path)
    watched.look(5)
    assert watched.parsed == [b"1"]


@pytest.mark.parametrize("content", ["x", "", None], ids=["wrong", "empty", "gone"])
def test_a_broken_file_keeps_what_was_there_and_says_so(
    content: str | None, watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    """Once, then once a minute; and it is taken as soon as it is right."""
    if content is None:
        watched.path.unlink()
    else:
        watched.path.write_text(content)
    with caplog.at_level(logging.INFO):
        assert watched.look(2) == 1
        assert watched.file.problem is not None
        assert watched.look(58) == 1
        assert len(caplog.records) == 1
        watched.look(62)
        assert len(caplog.records) == 3
        assert {record.levelname for record in caplog.records} == {"ERROR"}
        assert "in use is what was read before (1)" in caplog.text
        watched.path.write_text("5")
        assert watched.look(2) == 5
    assert watched.file.problem is None
    assert caplog.records[-1].levelname == "INFO"


def test_a_file_that_comes_back_as_it_was_is_fine_again(watched: Watched) -> None:
    """The same content as before, and no problem any more."""
    watched.path.unlink()
    assert watched.look(2) == 1
    assert "No such file" in str(watched.file.problem)
    watched.path.write_text("1")
    watched.look(2)
    assert watched.file.problem is None


@pytest.mark.parametrize("content", ["x", None], ids=["wrong", "none"])
def test_there_may_be_nothing_at_first(content: str | None, tmp_path: Path) -> None:
    """Who needs it finds None, until it can be used."""
    watched = Watched(tmp_path / "file", content)
    assert watched.file.value is None
    assert watched.file.problem is not None
    watched.path.write_text("4")
    assert watched.look(2) == 4


def test_a_special_file_ends(tmp_path: Path) -> None:
    """A slip such as /dev/zero takes neither memory nor time without end."""
    file = WatchedFile(Path("/dev/zero"), int)
    assert file.value is None
    assert "bytes" in str(file.problem)
