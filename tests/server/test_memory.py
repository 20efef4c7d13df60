"""Memory of large bodies goes back to the system."""

from __future__ import annotations

import subprocess
import sys

import pytest

from gateway.server.memory import Trimmer

# Blocks of all sizes, freed in another order than they were made, by several threads.
_CHURN = """
import gc, os, sys, threading
sys.path.insert(0, ".")
from gateway.server.memory import give_back_large_blocks
if sys.argv[1] == "yes":
    assert give_back_large_blocks()
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
def churn():
    kept = [b"x" * size for size in [10_000_000, 1_000_000, 300_000] * 3]
    small = [b"x" * 100 for _ in range(1000)]
    del kept
    barrier.wait()
    kept = [b"x" * 10_000_000 for _ in range(2)]
    barrier.wait()
    kept, small = None, small[::100]
    stay.wait()
barrier, stay = threading.Barrier(9), threading.Event()
before = resident()
threads = [threading.Thread(target=churn) for _ in range(8)]
for thread in threads: thread.start()
barrier.wait()
barrier.wait()
import time
deadline = time.monotonic() + 2
while resident() - before > 10_000_000 and time.monotonic() < deadline:
    time.sleep(0.01)
print(resident() - before)
stay.set()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="measures with /proc")
def test_large_blocks_are_given_back_when_they_are_freed() -> None:
    """Eight threads that each held tens of megabytes hold next to nothing."""
    run = [sys.executable, "-c", _CHURN]
    kept, given_back = (
        int(subprocess.run([*run, setting], check=True, capture_output=True).stdout)
        for setting in ("no", "yes")
    )
    assert given_back < 20_000_000
    assert kept > 2 * given_back


def test_it_trims_once_after_much_was_held() -> None:
    """Not while it is held, not for little, and not again."""
    held, trims = [0], []
    trimmer = Trimmer(lambda: held[0], lambda: trims.append(held[0]))
    for held[0] in (1000, 0, 50_000_000, 40_000_000, 1_000_000, 0, 0, 2_000_000, 0):
        trimmer()
    assert trims == [1_000_000]
    for held[0] in (8_000_000, 0):
        trimmer()
    assert trims == [1_000_000, 0]
    assert repr(trimmer) == "<Trimmer, 0 bytes since the last time>"


def test_the_c_library_trims() -> None:
    """Whichever it is."""
    held = [50_000_000]
    trimmer = Trimmer(lambda: held[0])
    trimmer()
    held[0] = 0
    trimmer()


_COLLECT = """
import gc
from gateway.server.memory import collect_seldom
kept = [[] for _ in range(50_000)]
collect_seldom()
before = [each["collections"] for each in gc.get_stats()]
burst = [[] for _ in range(10_000)]
after = [each["collections"] for each in gc.get_stats()]
assert after == before, "a burst of connections is looked through"
assert gc.get_freeze_count() > 50_000, "what was loaded is looked through"
for _ in range(200_000):
    cycle = []
    cycle.append(cycle)
assert len(gc.get_objects()) < 100_000, "cycles are kept"
"""


def test_cycles_are_looked_for_seldom_and_not_never() -> None:
    """What is loaded is left alone, a burst is no reason, and what is thrown away goes."""
    run = subprocess.run([sys.executable, "-c", _COLLECT], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
