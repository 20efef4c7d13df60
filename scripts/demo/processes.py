"""Start a few server processes, watch them, and leave none behind.

What a process prints is shown with its name before it, and its last lines are
kept to be shown when it dies. Everything happens on one thread in one
``select``: output, children that end (SIGCHLD) and requests to stop (SIGINT,
SIGTERM, SIGHUP) all wake it, so nothing is polled but readiness.

Each process leads a session of its own: Ctrl-C in a terminal reaches only us,
and we stop the others in order. Should we be killed outright, Linux sends them
SIGTERM (prctl(2), PR_SET_PDEATHSIG).
"""

from __future__ import annotations

import ctypes
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from types import FrameType, TracebackType
from typing import NoReturn

PR_SET_PDEATHSIG = 1
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
STOP_SECONDS = 10.0
PROBE_SECONDS = 0.05
KEPT_LINES = 20

_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


class Failed(Exception):
    """A process ended, or did not become ready; the text says which and what it printed."""


class Stopped(Exception):
    """Somebody asked us to stop."""


class Child:
    """One process, its output read through a pipe."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        env: Mapping[str, str],
        directory: str,
        when_lost: str = "",
    ) -> None:
        self.name = name
        self.when_lost = when_lost
        self.process = subprocess.Popen(
            command,
            env={**env, "PYTHONUNBUFFERED": "1"},
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_end_with_parent(os.getpid()),
        )
        assert self.process.stdout is not None  # for mypy: it is a pipe
        self.output = self.process.stdout
        self._partial = b""
        self.last_lines: deque[str] = deque(maxlen=KEPT_LINES)

    def __repr__(self) -> str:
        return f"<Child {self.name!r} pid {self.process.pid}, status {self.process.poll()}>"

    def read(self) -> bool:
        """Show what was printed; False when there will be no more."""
        data = os.read(self.output.fileno(), 65536)
        *lines, self._partial = (self._partial + data).split(b"\n")
        if not data and self._partial:
            lines.append(self._partial)
        for line in lines:
            text = line.decode(errors="replace").rstrip()
            self.last_lines.append(text)
            show(f"{self.name:>8} | {text}")
        return bool(data)

    def signal(self, number: int) -> None:
        """To the process alone, if it still runs."""
        if self.process.poll() is None:
            self.process.send_signal(number)

    def sweep(self) -> None:
        """Kill whatever is left of its session."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


class Processes:
    """All children. A context manager that stops the newest, which uses the others, before them."""

    def __init__(self) -> None:
        self._children: list[Child] = []
        self._selector = selectors.DefaultSelector()
        self._stop_requests = 0
        self._wakeup, self._wakeup_writer = socket.socketpair()

    def __enter__(self) -> Processes:
        for end in (self._wakeup, self._wakeup_writer):
            end.setblocking(False)
        signal.set_wakeup_fd(self._wakeup_writer.fileno(), warn_on_full_buffer=False)
        self._selector.register(self._wakeup, selectors.EVENT_READ)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        for number in STOP_SIGNALS:
            signal.signal(number, self._on_stop_signal)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop(self._children[-1:])
        self._stop(self._children[:-1])

    def start(
        self,
        name: str,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        directory: str,
        when_lost: str = "",
    ) -> int:
        """The process id. ``when_lost``: what to say should it end; the others go on then."""
        child = Child(name, command, env, directory, when_lost)
        self._children.append(child)
        self._selector.register(child.output, selectors.EVENT_READ, child)
        return child.process.pid

    def wait_until(self, what: str, ready: Callable[[], bool], seconds: float) -> None:
        """Return when ``ready()``; raise when a child ends first or the time is over."""
        deadline = time.monotonic() + seconds
        while not ready():
            if time.monotonic() > deadline:
                raise Failed(f"{what} was not ready after {seconds:.0f} seconds.")
            self._turn(PROBE_SECONDS)
            self._check()

    def wait(self) -> NoReturn:
        """Until somebody asks us to stop (``Stopped``) or a child ends (``Failed``)
        without which there is no demo."""
        while True:
            self._turn(None)
            self._let_go()
            self._check()

    def _let_go(self) -> None:
        """Say which children ended that the others can do without."""
        for child in [each for each in self._children if each.when_lost]:
            status = child.process.poll()
            if status is not None:
                self._turn(0)
                child.sweep()
                self._children.remove(child)
                show(f"\n{child.name!r} ended ({_how(status)}). {child.when_lost}\n")

    def _check(self) -> None:
        if self._stop_requests:
            raise Stopped
        for child in self._children:
            status = child.process.poll()
            if status is not None:
                self._turn(0)
                printed = "".join(f"\n    {line}" for line in child.last_lines) or " nothing."
                raise Failed(
                    f"{child.name!r} ended ({_how(status)}). The last it printed:{printed}"
                )

    def _turn(self, timeout: float | None) -> None:
        for key, _ in self._selector.select(timeout):
            if key.data is None:
                self._wakeup.recv(4096)
            elif not key.data.read():
                self._selector.unregister(key.fileobj)

    def _stop(self, children: Sequence[Child]) -> None:
        """SIGTERM and time to finish; a second request to stop, or too long, kills them."""
        for child in children:
            child.signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while any(child.process.poll() is None for child in children):
            remaining = deadline - time.monotonic()
            if remaining <= 0 or self._stop_requests > 1:
                break
            self._turn(remaining)
        for child in children:
            child.sweep()
            child.process.wait()

    def _on_stop_signal(self, number: int, frame: FrameType | None) -> None:
        self._stop_requests += 1


def show(text: str) -> None:
    """Print, unless the terminal or pipe we print to is gone: then there is nobody to tell."""
    try:
        print(text, flush=True)
    except OSError:
        pass


def _how(status: int) -> str:
    return f"signal {-status}" if status < 0 else f"exit status {status}"


def _end_with_parent(parent: int) -> Callable[[], None] | None:
    """For ``preexec_fn``: have the kernel end the child when we are gone.

    A parent that died before the call would never be noticed, hence the second look.
    """
    if _LIBC is None:
        return None
    prctl = _LIBC.prctl

    def in_child() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(1)

    return in_child
