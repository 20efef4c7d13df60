"""Archives: bounded, readable while written, whole whatever happens to their writer."""

from __future__ import annotations

import errno
import gzip
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.traffic.archive import Archive, archives_in, is_being_written
from gateway.traffic.line import line_of
from gateway.traffic.packing import packing_for
from gateway.traffic.reading import read_archive
from gateway.traffic.recorded import Recorded
from tests.traffic.exchanges import copy, exchanges, recorded

COMPRESSIONS = ["gzip", "zstd"]


def archive(folder: Path, compression: str = "gzip", **limits: int) -> Archive:
    """One whose limits nobody reaches, but for those given."""
    packing = packing_for(compression)  # type: ignore[arg-type]
    return Archive(folder, packing, **{"max_file": 2**30, "max_files": 100, **limits})


def read(folder: Path) -> tuple[list[Recorded], list[str]]:
    """Everything in a folder, and the problems told."""
    problems: list[str] = []
    found = [e for path in archives_in(folder) for e in read_archive(path, problems.append)]
    return found, problems


def numbered(number: int) -> Recorded:
    return recorded(copy(target=f"/{number}"))


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """As good as a disk that is full after so many bytes: EFBIG instead of ENOSPC."""
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


@pytest.mark.parametrize("compression", COMPRESSIONS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(batches=st.lists(st.lists(exchanges(), min_size=1, max_size=3), max_size=3))
def test_what_is_written_is_read(
    compression: str, batches: list[list[Recorded]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Any exchanges, in any parts."""
    folder = tmp_path_factory.mktemp("archive")
    writer = archive(folder, compression)
    for batch in batches:
        writer.write([line_of(each) for each in batch])
    writer.close()
    assert read(folder) == ([each for batch in batches for each in batch], [])


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_a_file_is_read_while_it_is_written(compression: str, tmp_path: Path) -> None:
    """Every part is in the file, whole, when ``write`` returns."""
    writer = archive(tmp_path, compression)
    for number in range(3):
        writer.write([line_of(numbered(number))])
        assert len(read(tmp_path)[0]) == number + 1
    assert read(tmp_path)[1] == []
    writer.close()


@pytest.mark.parametrize(("compression", "tool"), [("gzip", "zcat"), ("zstd", "zstdcat")])
def test_the_usual_tools_read_them(compression: str, tool: str, tmp_path: Path) -> None:
    """Parts one after the other are one file to them."""
    writer = archive(tmp_path, compression)
    lines = [line_of(numbered(0)), line_of(numbered(1))]
    for line in lines:
        writer.write([line])
    writer.close()
    try:
        (path,) = archives_in(tmp_path)
        done = subprocess.run([tool, path], capture_output=True, check=True, timeout=10)
    except FileNotFoundError:
        pytest.skip(f"there is no {tool}")
    assert done.stdout == b"".join(lines)


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("cut", [1, 5, 40])
def test_a_file_cut_short_is_read_to_its_last_whole_part(
    compression: str, cut: int, tmp_path: Path
) -> None:
    """As a killed machine may leave it; and the cut is told."""
    writer = archive(tmp_path, compression)
    for number in range(3):
        writer.write([line_of(numbered(number))])
    writer.close()
    (path,) = archives_in(tmp_path)
    with path.open("rb+") as file:
        file.truncate(path.stat().st_size - cut)
    found, problems = read(tmp_path)
    assert found[:2] == [numbered(0), numbered(1)]
    assert len(problems) == 1


def test_damage_in_the_middle_is_told_and_ends_the_reading(tmp_path: Path) -> None:
    """What was read before it counts."""
    writer = archive(tmp_path)
    first = writer.write([line_of(numbered(0))])
    writer.write([line_of(numbered(1))])
    writer.close()
    (path,) = archives_in(tmp_path)
    data = bytearray(path.read_bytes())
    data[first + 15] ^= 0xFF
    path.write_bytes(data)
    found, problems = read(tmp_path)
    assert found[:1] == [numbered(0)]
    assert len(problems) >= 1


def test_a_bad_line_costs_only_itself(tmp_path: Path) -> None:
    """The problem names it."""
    path = tmp_path / "traffic-by-hand.jsonl"
    path.write_bytes(line_of(numbered(0)) + b"{}\n\n" + line_of(numbered(1)))
    found, problems = read(tmp_path)
    assert found == [numbered(0), numbered(1)]
    assert "line 2" in problems[0]


def test_a_writer_killed_in_the_middle_leaves_a_file_that_can_be_read(tmp_path: Path) -> None:
    """SIGKILL between two writes, and the lock is gone with it."""
    script = f"""
from pathlib import Path
from gateway.traffic.line import line_of
from tests.traffic.test_archive import archive, numbered
writer = archive(Path({str(tmp_path)!r}))
for number in range(100000):
    writer.write([line_of(numbered(number))])
    print(number, flush=True)
"""
    child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    with child, child.stdout:
        while int(child.stdout.readline()) < 20:
            pass
        (path,) = archives_in(tmp_path)
        assert is_being_written(path)
        child.kill()
    found, problems = read(tmp_path)
    assert found == [numbered(number) for number in range(len(found))]
    assert len(found) > 20
    assert len(problems) <= 1
    assert not is_being_written(path)


def test_no_file_grows_beyond_its_limit(tmp_path: Path) -> None:
    """The next part goes into the next file; nothing is lost."""
    writer = archive(tmp_path, max_file=1000)
    for number in range(30):
        writer.write([line_of(numbered(number))])
    writer.close()
    files = archives_in(tmp_path)
    assert len(files) > 2
    assert all(path.stat().st_size <= 1000 for path in files)
    assert read(tmp_path) == ([numbered(number) for number in range(30)], [])


def test_a_part_larger_than_a_file_has_one_to_itself(tmp_path: Path) -> None:
    """Rather than being lost."""
    writer = archive(tmp_path, max_file=10)
    for number in range(3):
        writer.write([line_of(numbered(number))])
    writer.close()
    assert len(archives_in(tmp_path)) == 3


def test_the_oldest_files_make_room(tmp_path: Path) -> None:
    """There are never more than allowed."""
    writer = archive(tmp_path, max_file=10, max_files=3)
    for number in range(8):
        writer.write([line_of(numbered(number))])
        assert len(archives_in(tmp_path)) <= 3
    writer.close()
    assert read(tmp_path)[0] == [numbered(5), numbered(6), numbered(7)]


def test_a_file_somebody_writes_to_is_not_removed(tmp_path: Path) -> None:
    """However old: its writer may write once in a blue moon."""
    quiet = archive(tmp_path)
    quiet.write([line_of(numbered(0))])
    busy = archive(tmp_path, max_file=10, max_files=2)
    for number in range(1, 5):
        busy.write([line_of(numbered(number))])
    quiet.write([line_of(numbered(9))])
    quiet.close()
    busy.close()
    assert read(tmp_path)[0] == [numbered(0), numbered(9), numbered(4)]


def test_other_files_of_the_folder_are_left_alone(tmp_path: Path) -> None:
    """They are not ours to remove."""
    (tmp_path / "a-note.txt").write_text("keep me")
    (tmp_path / "traffic-plan.txt").write_text("me too")
    writer = archive(tmp_path, max_file=10, max_files=1)
    for number in range(3):
        writer.write([line_of(numbered(number))])
    writer.close()
    assert len(list(tmp_path.iterdir())) == 3


def test_a_file_that_was_taken_away_is_followed_by_a_new_one(tmp_path: Path) -> None:
    """What is written is never written to nowhere."""
    writer = archive(tmp_path)
    writer.write([line_of(numbered(0))])
    for path in archives_in(tmp_path):
        path.unlink()
    writer.write([line_of(numbered(1))])
    writer.close()
    assert read(tmp_path) == ([numbered(1)], [])


def test_a_full_disk_leaves_whole_files_and_is_told(tmp_path: Path) -> None:
    """And when there is room again, it goes on."""
    writer = archive(tmp_path)
    writer.write([line_of(numbered(0))])
    with file_size_limit(writer.path.stat().st_size + 20):  # type: ignore[union-attr]
        with pytest.raises(OSError, match=os.strerror(errno.EFBIG)):
            writer.write([line_of(numbered(1))])
        assert read(tmp_path) == ([numbered(0)], [])
    writer.write([line_of(numbered(2))])
    writer.close()
    assert read(tmp_path) == ([numbered(0), numbered(2)], [])


def test_a_disk_full_from_the_start_leaves_nothing(tmp_path: Path) -> None:
    """No empty files, one for each attempt."""
    writer = archive(tmp_path)
    with file_size_limit(10):
        for _ in range(3):
            with pytest.raises(OSError, match=os.strerror(errno.EFBIG)):
                writer.write([line_of(numbered(1))])
    assert archives_in(tmp_path) == []


def test_only_the_owner_can_read_them(tmp_path: Path) -> None:
    """Whatever the umask says, and the folder made for them too."""
    before = os.umask(0)
    try:
        writer = archive(tmp_path / "new")
        writer.write([line_of(numbered(0))])
        writer.close()
    finally:
        os.umask(before)
    (path,) = archives_in(tmp_path / "new")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_labels_tell_files_apart(tmp_path: Path) -> None:
    """A recording's files among all of the folder, and never those of another."""
    one = Archive(tmp_path, packing_for("gzip"), max_file=2**20, max_files=9, label="ab12")
    one.write([line_of(numbered(0))])
    one.close()
    other = archive(tmp_path)
    other.write([line_of(numbered(1))])
    other.close()
    assert len(archives_in(tmp_path)) == 2
    assert len(archives_in(tmp_path, "ab12")) == 1
    assert archives_in(tmp_path, "ab") == archives_in(tmp_path, "12") == []


def test_names_are_in_the_order_of_their_beginning(tmp_path: Path) -> None:
    """Also of files begun within a second, ten of them."""
    times = iter([1e9 + n / 20 for n in range(12)])
    writer = Archive(
        tmp_path, packing_for("gzip"), max_file=1, max_files=99, clock=lambda: next(times)
    )
    for number in range(12):
        writer.write([line_of(numbered(number))])
    writer.close()
    assert read(tmp_path)[0] == [numbered(number) for number in range(12)]


def test_reading_knows_the_compression_by_the_content(tmp_path: Path) -> None:
    """Whatever somebody called the file."""
    path = tmp_path / "traffic-x.jsonl.txt"
    path.write_bytes(gzip.compress(line_of(numbered(7))))
    assert read(tmp_path) == ([numbered(7)], [])
