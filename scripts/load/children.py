"""Processes that are started, watched and stopped by their ids, and never outlive us.

Our own parts serve until their standard input ends, which it does however we
end. A server that knows nothing of that is told SIGTERM; Linux does so too if
we are killed (prctl(2), PR_SET_PDEATHSIG).
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

SCRIPTS = Path(__file__).resolve().parent.parent
ROOT = SCRIPTS.parent
_PR_SET_PDEATHSIG = 1
_STOP_SECONDS = 10.0
_SERVER_STOP_SECONDS = 40.0  # beyond a gateway's own graceful time-out
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


class Failed(Exception):
    """A process did not start or ended before its time; the text has what it said."""


@contextmanager
def part(module: str, *arguments: str, first_line: str = "") -> Iterator[subprocess.Popen[bytes]]:
    """One of our own processes: ``python -m load.MODULE``, its output a pipe to us."""
    process = subprocess.Popen(
        [sys.executable, "-m", f"load.{module}", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(SCRIPTS)},
        start_new_session=True,  # Ctrl-C is for us; we stop it
    )
    assert process.stdin is not None  # for mypy: they are pipes
    assert process.stdout is not None
    try:
        if first_line:
            process.stdin.write(first_line.encode() + b"\n")
            process.stdin.flush()
        yield process
    finally:
        try:
            process.stdin.close()
        except BrokenPipeError:
            pass  # it has ended already
        stop(process, seconds=_STOP_SECONDS, ask=False)
        process.stdout.close()


@contextmanager
def server(
    command: Sequence[str], env: Mapping[str, str], log: IO[bytes], folder: Path | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A server with a life of its own, its output in a file. ``folder``: where it is started."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        env=env,
        cwd=folder,
        start_new_session=True,
        preexec_fn=_end_with_parent(os.getpid()),
    )
    try:
        yield process
    finally:
        stop(process, seconds=_SERVER_STOP_SECONDS)


def stop(process: subprocess.Popen[bytes], *, seconds: float, ask: bool = True) -> None:
    """End one process: SIGTERM (unless it was asked otherwise), then SIGTERM, then SIGKILL."""
    if ask and process.poll() is None:
        process.terminate()
    for last_word in (process.terminate, process.kill):
        try:
            process.wait(seconds)
            return
        except subprocess.TimeoutExpired:
            last_word()
    process.wait(seconds)


def _end_with_parent(parent: int) -> Callable[[], None] | None:
    if _LIBC is None:
        return None
    prctl = _LIBC.prctl

    def in_child() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(1)

    return in_child
