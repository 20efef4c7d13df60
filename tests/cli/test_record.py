"""`gateway record --from`: recordings joined, and made into a HAR."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.cli import main
from gateway.traffic.har_reading import read_har
from gateway.traffic.line import line_of
from gateway.traffic.reading import read_archive
from gateway.traffic.recorded import Recorded
from gateway.traffic.single import SingleFile
from tests.traffic.exchanges import AT, copy, recorded


@pytest.fixture
def some() -> list[Recorded]:
    return [recorded(copy(target=f"/{number}"), at=AT + number) for number in range(6)]


@pytest.fixture
def folder(tmp_path: Path, some: list[Recorded]) -> Path:
    """With two recordings."""
    made = tmp_path / "recordings"
    made.mkdir()
    for name, part in (("traffic-1.jsonl.gz", some[::2]), ("traffic-2.jsonl.zst", some[1::2])):
        with SingleFile(made / name) as file:
            for each in part:
                file.add(each)
    return made


@pytest.mark.parametrize("suffix", [".jsonl.gz", ".jsonl.zst", ".jsonl"])
def test_several_become_one(
    suffix: str, folder: Path, some: list[Recorded], tmp_path: Path
) -> None:
    """In order, compressed as the name says, for its owner only."""
    out = tmp_path / f"out{suffix}"
    assert main(["record", "--from", str(folder), "--out", str(out)]) == 0
    assert list(read_archive(out, pytest.fail)) == some
    assert out.stat().st_mode & 0o777 == 0o600
    assert out.read_bytes().startswith(line_of(some[0])) is (suffix == ".jsonl")


def test_a_har_of_them(folder: Path, some: list[Recorded], tmp_path: Path) -> None:
    """For the browser's tools, and others'."""
    out = tmp_path / "out.har"
    assert main(["record", "--from", str(folder), "--out", str(out)]) == 0
    assert read_har(out, pytest.fail) == some


def test_nothing_is_overwritten(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """There may be no other copy."""
    out = tmp_path / "out.har"
    out.write_text("mine")
    assert main(["record", "--from", str(folder), "--out", str(out)]) == 1
    assert "is there already" in capsys.readouterr().err
    assert out.read_text() == "mine"


def test_a_har_can_become_a_recording(folder: Path, some: list[Recorded], tmp_path: Path) -> None:
    """The way back."""
    har, out = tmp_path / "a.har", tmp_path / "b.jsonl"
    main(["record", "--from", str(folder), "--out", str(har)])
    assert main(["record", "--from", str(har), "--out", str(out)]) == 0
    assert list(read_archive(out, pytest.fail)) == some


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda folder: [str(folder / "nowhere.jsonl.gz")], "nowhere"),
        (lambda folder: [str(folder), "--out", str(folder / "no" / "out.har")], "no folder"),
    ],
    ids=["file", "folder"],
)
def test_what_is_not_there_is_told(
    change: Callable[[Path], list[str]],
    said: str,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And no file is left behind."""
    monkeypatch.chdir(folder)
    before = sorted(folder.iterdir())
    assert main(["record", "--from", *change(folder)]) == 1
    assert said in capsys.readouterr().err
    assert sorted(folder.iterdir()) == before
