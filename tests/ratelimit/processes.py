"""Python programs in processes of their own, which say lines and wait for some."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_SECONDS = 20


class Program:
    """A running program."""

    def __init__(self, text: str, *arguments: object) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", text, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )

    def line(self) -> str:
        """The next line it says."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def tell(self, line: str) -> None:
        """Say a line to it."""
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")

    def signal(self, number: int) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it as the kernel does when memory is short."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(_SECONDS)

    def close(self) -> None:
        """Whatever it does, it ends."""
        self._process.kill()
        self._process.communicate(timeout=_SECONDS)


@contextmanager
def programs(number: int, text: str, *arguments: object) -> Iterator[list[Program]]:
    """Several processes that run the same program."""
    running: list[Program] = []
    try:
        for _ in range(number):
            running.append(Program(text, *arguments))
        yield running
    finally:
        for program in running:
            program.close()
