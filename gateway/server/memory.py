"""Memory that goes back to the system when it is no longer used.

glibc keeps what was freed for the next time: each thread in an arena of its own, and
after one large block was freed, all blocks up to that size too (mallopt(3), the
dynamic mmap threshold). A worker that once held a hundred megabytes of bodies would
hold them for good. So: large blocks are mappings of their own, always; there are few
arenas; and after a time of large bodies the rest is trimmed.

Nothing is done where the C library is another one.

And memory that is not looked through again and again: Python's cycle collector stops
every thread for as long as it takes to visit all objects there are. That was 60 ms, and
two or three times as long with the other threads waiting, for an application that makes
no cycles to speak of.
"""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable

# malloc.h. What is larger is a mapping of its own, and unmapped when it is freed.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
_MMAP_BYTES = 256 * 1024
_ARENAS = 2

# New objects, less those freed again, before young ones are looked at; how often that, and
# how often the next, before those who stayed are (gc.set_threshold).
_COLLECT = (20_000, 20, 20)
# The same where somebody looks at them at quiet moments: a thousand requests in progress are
# a quarter of a million objects, and visiting those of a burst took 20 to 90 ms.
_COLLECT_LATE = (400_000, 5, 5)
# Fewer requests in progress are no burst; old objects are looked at every so many times.
_FEW = 8
_OLD_EVERY = 20

# So much held at once is worth a trim, once it is gone: below, there is little to get.
_WORTH_BYTES = 4 * 1024 * 1024


def give_back_large_blocks() -> bool:
    """Set this process up. Before threads are started; whether it could be done."""
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "gnu_get_libc_version"):
        return False
    done = [
        libc.mallopt(option, value)
        for option, value in (
            (_M_MMAP_THRESHOLD, _MMAP_BYTES),
            (_M_TRIM_THRESHOLD, _MMAP_BYTES),
            (_M_ARENA_MAX, _ARENAS),
        )
    ]
    return all(done)


def collect_seldom(*, at_quiet_moments: bool = False) -> None:
    """Leave alone what was loaded until now, which stays; look for cycles less often.

    After the application is loaded. Connections that end leave a few cycles, so it is
    less often and not never. ``at_quiet_moments``: a ``Collector`` does most of it.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*(_COLLECT_LATE if at_quiet_moments else _COLLECT))


class Collector:
    """A housekeeping task: looks for cycles while that holds up next to nobody.

    ``in_progress``: how many requests are. Threads: one calls it.
    """

    def __init__(self, in_progress: Callable[[], int]) -> None:
        self._in_progress = in_progress
        self._times = 0

    def __call__(self) -> None:
        if gc.get_count()[0] < _COLLECT[0] or self._in_progress() > _FEW:
            return
        self._times += 1
        gc.collect(2 if self._times % _OLD_EVERY == 0 else 1)

    def __repr__(self) -> str:
        return f"<Collector, {self._times} times>"


class Trimmer:
    """A housekeeping task: trims once much was held and no longer is.

    ``held``: bytes of bodies held now. Threads: one calls it; while the C library trims,
    an allocation of another may wait for some milliseconds.
    """

    def __init__(self, held: Callable[[], int], trim: Callable[[], object] | None = None) -> None:
        self._held = held
        self._trim = trim or _malloc_trim
        self._most = 0

    def __call__(self) -> None:
        held = self._held()
        self._most = max(self._most, held)
        if self._most >= _WORTH_BYTES and held < self._most // 4:
            self._most = held
            self._trim()

    def __repr__(self) -> str:
        return f"<Trimmer, {self._most} bytes since the last time>"


def _malloc_trim() -> None:
    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):
        libc.malloc_trim(0)
