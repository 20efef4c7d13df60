"""Every line is written or counted, whatever the output does, and nobody waits for it."""

from __future__ import annotations

import errno
import logging
import os
import select
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event

import pytest

from gateway.accesslog.output import FileOutput
from gateway.accesslog.writer import LogWriter, Pauses
from tests.support.waiting import wait_for

MakeWriter = Callable[..., LogWriter]


# The usual ones are for disks and for people.
QUICK = Pauses(gather=0.001, look=0.05, retry=0.01)


@pytest.fixture
def writer_to() -> Iterator[MakeWriter]:
    """Makes writers, and closes them."""
    made: list[LogWriter] = []

    def make(output: object, max_buffered: int = 100_000, **arguments: object) -> LogWriter:
        output = FileOutput(str(output)) if isinstance(output, (str, Path)) else output
        given = {"max_buffered": max_buffered, "pauses": QUICK, **arguments}
        made.append(LogWriter(output, **given))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for each in made:
        each.close(0.0)


class Scripted:
    """An output that does what it is told, then takes what it gets."""

    def __init__(self, *acts: int | OSError) -> None:
        self.acts = list(acts)
        self.taken = b""
        self.reopened = 0
        self.closed = Event()

    def write(self, data: memoryview, wait: float) -> int:
        act = self.acts.pop(0) if self.acts else len(data)
        if isinstance(act, OSError):
            raise act
        self.taken += data[:act]
        return min(act, len(data))

    def reopen(self) -> None:
        self.reopened += 1

    def close(self) -> None:
        self.closed.set()

    def __repr__(self) -> str:
        return "the script"


class Stuck(Scripted):
    """An output whose write does not return until it is let go: a dead disk."""

    def __init__(self) -> None:
        super().__init__()
        self.entered, self.go = Event(), Event()

    def write(self, data: memoryview, wait: float) -> int:
        self.entered.set()
        self.go.wait(20)
        return super().write(data, wait)


def test_lines_are_written_in_their_order(writer_to: MakeWriter, tmp_path: Path) -> None:
    """All of them, whole, while the writer runs."""
    writer = writer_to(tmp_path / "log")
    for number in range(1000):
        writer.offer(b"%d\n" % number)
    expected = b"".join(b"%d\n" % number for number in range(1000))
    wait_for(lambda: (tmp_path / "log").exists(), "the file")
    wait_for(lambda: (tmp_path / "log").read_bytes() == expected, "all lines")
    assert writer.lost == 0


def test_nothing_runs_until_there_is_a_line(writer_to: MakeWriter, tmp_path: Path) -> None:
    """The first one starts the thread, after any fork; closing ends it."""
    before = threading.active_count()
    writer = writer_to(tmp_path / "log")
    assert threading.active_count() == before
    writer.offer(b"x\n")
    assert threading.active_count() == before + 1
    writer.close()
    assert threading.active_count() == before


def test_closing_writes_what_is_there(writer_to: MakeWriter, tmp_path: Path) -> None:
    """A worker that ends takes no line with it."""
    writer = writer_to(tmp_path / "log")
    for number in range(500):
        writer.offer(b"%d\n" % number)
    writer.close(5.0)
    assert (tmp_path / "log").read_bytes().count(b"\n") == 500
    writer.offer(b"late\n")
    assert writer.lost == 1


def test_a_stuck_disk_holds_up_nobody(writer_to: MakeWriter) -> None:
    """Offering goes on at once, up to the bound, then loses; so does closing, in time."""
    output = Stuck()
    writer = writer_to(output, max_buffered=10_000)
    writer.offer(b"first\n")
    assert output.entered.wait(5)
    began = time.monotonic()
    for _ in range(1000):
        writer.offer(b"x" * 50 + b"\n")
    assert time.monotonic() - began < 1.0
    assert 800 < writer.lost < 1000
    writer.close(0.1)
    assert time.monotonic() - began < 3.0
    assert writer.lost == 1000  # all but the one that is being written
    output.go.set()
    assert output.closed.wait(5)
    assert output.taken == b"first\n"


def test_a_blocked_pipe_loses_only_what_does_not_fit(writer_to: MakeWriter, tmp_path: Path) -> None:
    """When it is read again the lines that waited come, whole and in order."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    writer = writer_to(path, max_buffered=200_000)
    for number in range(10_000):
        writer.offer(b"%07d %s\n" % (number, b"x" * 91))
    wait_for(lambda: writer.lost, "the buffer to be full")
    writer.offer(b"late\n")
    received = b""
    while len(received) < 100 * (10_000 - writer.lost):
        wait_for(lambda: _readable(reader), "more lines")
        received += os.read(reader, 1 << 20)
    os.close(reader)
    numbers = [int(line.split()[0]) for line in received.splitlines() if line != b"late"]
    assert numbers == sorted(set(numbers))
    assert len(numbers) + writer.lost in (10_000, 10_001)  # the late one, too


def _readable(fd: int) -> bool:
    return bool(select.select([fd], [], [], 0)[0])


def test_a_full_disk_loses_nothing_that_fits_until_there_is_room(
    writer_to: MakeWriter, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is told of at once, and tried again."""
    path = tmp_path / "log"
    path.symlink_to("/dev/full")
    writer = writer_to(path)
    writer.offer(b"a\n")
    wait_for(lambda: "No space left on device" in caplog.text, "the warning")
    path.unlink()
    wait_for(lambda: path.exists() and path.read_bytes() == b"a\n", "the line")
    assert writer.lost == 0


def test_a_line_that_broke_off_is_begun_again(writer_to: MakeWriter) -> None:
    """On a line of its own, so that no reader takes two halves for one."""
    output = Scripted(len(b"one\ntw"), OSError(errno.ENOSPC, "full"))
    writer = writer_to(output)
    writer.offer(b"one\n")
    writer.offer(b"two\n")
    writer.offer(b"three\n")
    wait_for(lambda: output.taken.endswith(b"three\n"), "the lines")
    assert output.taken == b"one\ntw\ntwo\nthree\n"
    assert (output.reopened, writer.lost) == (1, 0)


def test_the_lines_that_a_stop_leaves_behind_are_counted_exactly(writer_to: MakeWriter) -> None:
    """Those written before the disk was full are not lost."""
    full = [OSError(errno.ENOSPC, "full")] * 10_000
    output = Scripted(len(b"one\ntw"), *full)
    writer = writer_to(output)
    for line in (b"one\n", b"two\n", b"three\n"):
        writer.offer(line)
    wait_for(lambda: output.reopened, "the error")
    writer.close(1.0)
    assert writer.lost == 2
    assert output.closed.is_set()


def test_losses_are_told_at_a_bounded_rate(
    writer_to: MakeWriter, caplog: pytest.LogCaptureFixture
) -> None:
    """The first at once, the rest together, with the exact number in the end."""
    now = 0.0
    output = Scripted(*[0] * 100_000)
    writer = writer_to(output, max_buffered=150, clock=lambda: now)
    writer.offer(b"x\n")
    for _ in range(10):
        writer.offer(b"x" * 200)
    wait_for(lambda: len(caplog.records) == 1, "the first warning")
    told = sum(_number(record) for record in caplog.records)
    for _ in range(90):
        writer.offer(b"x" * 200)
    reopened = output.reopened
    writer.reopen()
    wait_for(lambda: output.reopened > reopened, "the writer to have looked round")
    assert len(caplog.records) == 1
    now = 11.0
    wait_for(lambda: len(caplog.records) == 2, "the second warning")
    assert told + _number(caplog.records[1]) == 100
    assert "the script" in caplog.text
    assert all(record.levelno == logging.WARNING for record in caplog.records)


def _number(record: logging.LogRecord) -> int:
    return int(record.getMessage().rsplit("; ", 1)[1].split(" ")[0])


def test_a_reopen_is_obeyed_while_nothing_is_logged(writer_to: MakeWriter) -> None:
    """A rotation by night must not wait for the morning's first request."""
    output = Scripted()
    writer = writer_to(output)
    writer.offer(b"x\n")
    wait_for(lambda: output.taken, "the line")
    writer.reopen()
    wait_for(lambda: output.reopened, "the file to be opened anew")


def test_an_error_nobody_thought_of_costs_its_lines_and_no_more(
    writer_to: MakeWriter, caplog: pytest.LogCaptureFixture
) -> None:
    """The thread lives on."""

    class Odd(Scripted):
        def write(self, data: memoryview, wait: float) -> int:
            if not self.taken and b"odd" in bytes(data):
                raise ValueError("odd")
            return super().write(data, wait)

    output = Odd()
    writer = writer_to(output)
    writer.offer(b"odd\n")
    wait_for(lambda: writer.lost == 1, "the loss")
    writer.offer(b"even\n")
    wait_for(lambda: output.taken == b"even\n", "the next line")
    assert "ValueError: odd" in caplog.text


class Failing(Scripted):
    """An output that fails from the moment it is let to."""

    def __init__(self, *acts: int | OSError) -> None:
        super().__init__(*acts)
        self.entered, self.go = Event(), Event()

    def write(self, data: memoryview, wait: float) -> int:
        if self.acts:
            return super().write(data, wait)
        self.entered.set()
        self.go.wait(20)
        raise OSError(errno.ENOSPC, "full")


def test_a_stop_does_not_spin(writer_to: MakeWriter) -> None:
    """An output that fails at once is not asked again and again until the deadline."""
    output = Failing()
    writer = writer_to(output)
    writer.offer(b"x\n")
    assert output.entered.wait(5)
    closing = threading.Thread(target=writer.close, args=(1.0,))
    closing.start()
    wait_for(lambda: writer.stopping, "the stop")
    output.go.set()
    closing.join(10)
    assert output.closed.is_set()
    assert (output.reopened, writer.lost) == (1, 1)


def test_a_stop_gives_a_reader_that_is_only_slow_its_time(writer_to: MakeWriter) -> None:
    """Also when it comes at the very moment that nothing was taken."""
    output = Scripted(*[0] * 100_000)
    writer = writer_to(output, pauses=QUICK._replace(breath=30.0))
    writer.offer(b"x\n")
    wait_for(lambda: len(output.acts) < 100_000, "the first attempt")
    output.acts.clear()
    writer.close(5.0)
    assert (output.taken, writer.lost) == (b"x\n", 0)


def test_the_repr_says_how_it_stands() -> None:
    """The debugging interface."""
    writer = LogWriter(FileOutput("/var/log/access.log"), max_buffered=10)
    writer.lose()
    assert repr(writer) == (
        "<LogWriter to /var/log/access.log, <LineBuffer 0 of 10 bytes held | 1 lines lost>>"
    )
