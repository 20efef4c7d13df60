"""Closing with the process: before the pool's threads are waited for, and only in this one."""

from __future__ import annotations

import subprocess
import sys
import time

_PROGRAM = """
import os, sys, threading
from concurrent.futures import ThreadPoolExecutor
from gateway.embedded.exits import close_at_exit

class Part:
    def __init__(self):
        self.release = threading.Event()
        self.pool = ThreadPoolExecutor(1)
        self.pool.submit(self.release.wait, 60)
    def close(self):
        print("closed", os.getpid() == pid, flush=True)
        self.release.set()

pid = os.getpid()
part = Part()
close_at_exit(part.close)
if {fork}:
    child = os.fork()
    if child == 0:
        sys.exit()
    os.waitpid(child, 0)
"""


def run(fork: bool) -> tuple[str, float]:
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _PROGRAM.replace("{fork}", str(fork))],
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
    )
    return done.stdout, time.monotonic() - began


def test_a_call_in_progress_does_not_hold_up_the_exit() -> None:
    """``concurrent.futures`` waits for its threads: we have ended what they do by then."""
    said, seconds = run(fork=False)
    assert set(said.splitlines()) == {"closed True"}
    assert seconds < 30


def test_a_child_does_not_close_what_is_its_parents() -> None:
    """It ends by the same hooks."""
    said, _ = run(fork=True)
    assert set(said.splitlines()) == {"closed True"}


def test_what_is_gone_is_not_kept_for_that() -> None:
    """A host that makes many must not keep them all."""
    program = (
        "import gc, weakref\n"
        "from gateway.embedded.exits import close_at_exit\n"
        "class Part:\n"
        "    def close(self): print('closed')\n"
        "part = Part()\n"
        "close_at_exit(part.close)\n"
        "seen = weakref.ref(part)\n"
        "del part\n"
        "gc.collect()\n"
        "print(seen())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout == "None\n"
