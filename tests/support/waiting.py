"""Waiting for something to become true, up to a deadline, instead of sleeping."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event
from typing import TypeVar

T = TypeVar("T")


def wait_for(condition: Callable[[], T], what: str, timeout: float = 10.0) -> T:
    """Ask until ``condition`` gives something true, and return that."""
    deadline = time.monotonic() + timeout
    pause = Event()
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"gave up after {timeout} s waiting for {what}; last: {result!r}")
        pause.wait(0.01)
