"""Files, pipes and standard output, each with what can be wrong with it."""

from __future__ import annotations

import errno
import os
import select
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.accesslog.output import FileOutput, StdoutOutput

LINE = memoryview(b"line\n")


@pytest.fixture
def fifo(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    """A named pipe and a descriptor that reads it."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    yield path, reader
    os.close(reader)


def test_a_file_is_made_and_appended_to(tmp_path: Path) -> None:
    """Not readable by everybody: it has clients' addresses."""
    path = tmp_path / "access.log"
    for _ in range(2):
        output = FileOutput(str(path))
        assert output.write(LINE, 1.0) == 5
        output.close()
    assert path.read_bytes() == b"line\nline\n"
    assert path.stat().st_mode & 0o007 == 0


def test_a_reopened_file_is_the_one_with_the_name_now(tmp_path: Path) -> None:
    """What a rotation renamed keeps what was written before."""
    path, rotated = tmp_path / "access.log", tmp_path / "access.log.1"
    output = FileOutput(str(path))
    output.write(LINE, 1.0)
    path.rename(rotated)
    output.write(LINE, 1.0)
    output.reopen()
    output.write(LINE, 1.0)
    output.close()
    assert (rotated.read_bytes(), path.read_bytes()) == (b"line\nline\n", b"line\n")


@pytest.mark.parametrize(
    ("path", "number"),
    [
        pytest.param("/dev/full", errno.ENOSPC, id="full"),
        pytest.param("/nowhere/access.log", errno.ENOENT, id="no-folder"),
        pytest.param("/", errno.EISDIR, id="a-folder"),
    ],
)
def test_what_cannot_be_written_raises_and_can_be_tried_again(path: str, number: int) -> None:
    """The writer's business; here nothing is kept."""
    output = FileOutput(path)
    for _ in range(2):
        with pytest.raises(OSError, match=os.strerror(number)):
            output.write(LINE, 1.0)
        output.reopen()


def test_a_pipe_nobody_reads_raises(tmp_path: Path) -> None:
    """Opening it does not wait for a reader."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match=os.strerror(errno.ENXIO)):
        FileOutput(str(tmp_path / "pipe")).write(LINE, 1.0)


def test_a_full_pipe_takes_nothing_and_does_not_block(fifo: tuple[Path, int]) -> None:
    """Then it takes again when it was read."""
    path, reader = fifo
    output = FileOutput(str(path))
    data = memoryview(b"x" * (select.PIPE_BUF - 1) + b"\n")
    written = 0
    while taken := output.write(data, 0.0):
        written += taken
    assert written >= select.PIPE_BUF
    os.read(reader, 2 * select.PIPE_BUF)
    assert output.write(data, 5.0) > 0
    output.close()


def test_a_pipe_is_given_whole_lines(fifo: tuple[Path, int]) -> None:
    """Several workers write to one, and only pieces up to PIPE_BUF are not mixed."""
    path, reader = fifo
    output = FileOutput(str(path))
    data = b"".join(b"%d %s\n" % (number, b"x" * 1000) for number in range(20))
    done = 0
    while done < len(data):
        taken = output.write(memoryview(data)[done:], 1.0)
        assert taken <= select.PIPE_BUF
        done += taken
        assert data[done - 1 : done] == b"\n"
        os.read(reader, taken)
    output.close()


def test_a_line_too_long_for_one_piece_is_written_all_the_same(fifo: tuple[Path, int]) -> None:
    """In several."""
    path, reader = fifo
    output = FileOutput(str(path))
    data = b"x" * 10_000 + b"\n"
    done, received = 0, b""
    while done < len(data):
        done += output.write(memoryview(data)[done:], 1.0)
        received += os.read(reader, 65536)
    output.close()
    assert received == data


STDOUT = """
import os, sys
from gateway.accesslog.output import StdoutOutput
output = StdoutOutput()
output.write(memoryview(b"ours\\n"), 5.0)
output.reopen()
os.write(1, b"theirs\\n")
output.write(memoryview(b"ours\\n"), 5.0)
output.close()
os.write(1, b"blocking: %d\\n" % os.get_blocking(1))
"""


@pytest.mark.parametrize("kind", ["pipe", "file"])
def test_standard_output_is_shared_as_it_is(kind: str, tmp_path: Path) -> None:
    """Others who write there too are not overwritten, nor meet a non-blocking descriptor."""
    command = [sys.executable, "-c", STDOUT]
    path = tmp_path / "out"
    if kind == "file":
        with path.open("wb") as file:  # without O_APPEND, as a shell's ">" opens it
            subprocess.run(command, stdout=file, check=True, timeout=20)
        said = path.read_bytes()
    else:
        said = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=20).stdout
    assert said == b"ours\ntheirs\nours\nblocking: 1\n"


def test_a_closed_standard_output_raises_when_it_is_written_to() -> None:
    """Not when a gateway is put together."""
    program = (
        "import os; from gateway.accesslog.output import StdoutOutput; os.close(1)\n"
        "output = StdoutOutput()\n"
        "try: output.write(memoryview(b'x'), 1)\n"
        "except OSError: os._exit(7)"
    )
    done = subprocess.run([sys.executable, "-c", program], timeout=20, check=False)
    assert done.returncode == 7


def test_the_repr_says_where_lines_go() -> None:
    """It stands in the warning about what was lost."""
    assert repr(FileOutput("/var/log/access.log")) == "/var/log/access.log"
    assert repr(StdoutOutput()) == "standard output"
