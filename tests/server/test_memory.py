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
import gc, sys
from gateway.server.memory import Collector, collect_seldom
quiet = sys.argv[1] == "quiet"
kept = [[] for _ in range(50_000)]
collect_seldom(at_quiet_moments=quiet)
def collections():
    return [each["collections"] for each in gc.get_stats()]
before = collections()
burst = [[] for _ in range(100_000 if quiet else 10_000)]
assert collections() == before, "a burst of requests is looked through"
assert gc.get_freeze_count() > 50_000, "what was loaded is looked through"
if quiet:
    running = [50]
    collector = Collector(lambda: running[0])
    collector()
    assert collections() == before, "while many are in progress"
    running[0] = 8
    collector()
    assert collections()[1] == before[1] + 1, "when few are"
    collector()
    assert collections()[1] == before[1] + 1, "again, for nothing"
    for _ in range(19):
        burst.append([[] for _ in range(25_000)])
        collector()
    assert collections()[2] == before[2] + 1, "old ones now and then"
    burst = None
for _ in range(2_000_000):
    cycle = []
    cycle.append(cycle)
assert len(gc.get_objects()) < 600_000, "cycles are kept"
"""


@pytest.mark.parametrize("when", ["quiet", "by themselves"])
def test_cycles_are_looked_for_seldom_and_not_never(when: str) -> None:
    """What is loaded is left alone, a burst is no reason, and what is thrown away goes."""
    run = subprocess.run([sys.executable, "-c", _COLLECT, when], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
