"""Reads archives back: one exchange after the other, whatever state a file is in.

A file that is being written, or whose writer was killed, ends somewhere inside its
last part: what is complete is read, and the rest is told of. One that is damaged in
the middle is read up to there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from gateway.traffic.line import NotARecord, recorded_of
from gateway.traffic.packing import DAMAGE, unpacked
from gateway.traffic.recorded import Recorded

# A line holds two bodies at most; beyond this it is none of ours, and not to be held.
MAX_LINE = 256 * 1024 * 1024

# Told what is wrong with a file, and where.
Problem = Callable[[str], None]


def read_archive(path: Path, problem: Problem) -> Iterator[Recorded]:
    """The exchanges of a file, in the order they were written. ``OSError`` if it has none."""
    for number, line in enumerate(_lines(path, problem), 1):
        if not line.endswith(b"\n"):
            problem(f"{path}: line {number} is cut short")
        elif line.strip():
            try:
                yield recorded_of(line)
            except NotARecord as error:
                problem(f"{path}: line {number}: {error}")


def _lines(path: Path, problem: Problem) -> Iterator[bytes]:
    """With their ends; the last one may have none."""
    left: list[bytes] = []
    held = 0
    try:
        for piece in unpacked(path):
            first, *more = piece.split(b"\n")
            for line in more:
                yield b"".join((*left, first, b"\n"))
                left, held, first = [], 0, line
            left.append(first)
            held += len(first)
            if held > MAX_LINE:
                problem(f"{path}: a line is longer than {MAX_LINE} bytes")
                return
    except DAMAGE as error:
        problem(f"{path}: is damaged, or still being written: {error}")
        return
    if held:
        yield b"".join(left)
