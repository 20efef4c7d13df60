"""How threads take turns at the interpreter lock.

A thread that waits for the lock asks for it after the switch interval, 5 ms by default
(sys.setswitchinterval). Whoever has it then gives it up in the middle of its work, and
sleeps until it gets it back: two switches of threads for nothing, since a request's work
is done or waiting within a millisecond anyhow. With many requests in progress that cost
a third of what a worker could do. So threads are patient with each other, unless one
has much to do that nobody waits for.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

PATIENT_SECONDS = 0.02
PROMPT_SECONDS = 0.005


def take_long_turns() -> None:
    """Let threads of this process finish what they are at. For one that is ours alone."""
    sys.setswitchinterval(PATIENT_SECONDS)


@contextmanager
def short_turns() -> Iterator[None]:
    """While this thread computes for longer than anybody should wait.

    Changes nothing where turns are short anyhow, as in a host. Where several threads do
    this the first to end ends it for all: it is a courtesy.
    """
    before = sys.getswitchinterval()
    if before <= PROMPT_SECONDS:
        yield
        return
    sys.setswitchinterval(PROMPT_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
