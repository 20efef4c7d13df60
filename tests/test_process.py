"""A process about itself."""

from __future__ import annotations

import os
import sys

import psutil
import pytest

from gateway.process import process_figures

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="there is no /proc")


def test_it_tells_what_the_system_knows() -> None:
    """psutil is the judge; what moves while we look may differ a little."""
    figures, judge = process_figures(), psutil.Process()
    assert figures is not None
    assert figures.resident_bytes == pytest.approx(judge.memory_info().rss, rel=0.1)
    assert figures.cpu_seconds == pytest.approx(sum(judge.cpu_times()[:2]), abs=0.5)
    # Not threading's: libraries have threads that it does not know.
    assert figures.threads == judge.num_threads()
    assert figures.open_fds == judge.num_fds() - 1  # it counts its own look
    assert figures.max_fds == judge.rlimit(psutil.RLIMIT_NOFILE)[0]


def test_a_descriptor_more_is_one_more() -> None:
    """The look itself does not count."""
    before = process_figures()
    read, write = os.pipe()
    try:
        after = process_figures()
    finally:
        os.close(read)
        os.close(write)
    assert before is not None
    assert after is not None
    assert after.open_fds == before.open_fds + 2
