"""Exchanges from files of any kind and number, in the order in which they happened.

Archives of several workers are merged; each has its exchanges in the order in which
they ended, which is sorted here within a window.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path

from gateway.traffic.archive import archives_in
from gateway.traffic.har_reading import read_har
from gateway.traffic.packing import DAMAGE, unpacked
from gateway.traffic.reading import Problem, read_archive
from gateway.traffic.recorded import Recorded

# Of one file, while its exchanges are put in order.
_WINDOW, _WINDOW_BYTES = 512, 32 * 1024 * 1024
_HAR = re.compile(rb'(?:\xef\xbb\xbf)?\s*\{\s*"log"\s*:')
_PREFIX = 4096


def files_in(paths: Iterable[Path]) -> list[Path]:
    """The files; of a folder its archives."""
    return [file for path in paths for file in (archives_in(path) if path.is_dir() else [path])]


def is_har(path: Path) -> bool:
    """Whether a file is a HAR rather than an archive, by how it begins."""
    begins = b""
    with suppress(*DAMAGE):  # told of when it is read
        for piece in unpacked(path):
            begins += piece
            if len(begins) >= _PREFIX:
                break
    return _HAR.match(begins) is not None


def exchanges_in(files: Iterable[Path], problem: Problem) -> Iterator[Recorded]:
    """Those of all files. Raises ``OSError``, ``NotHar``."""
    streams = [
        iter(read_har(file, problem)) if is_har(file) else _ordered(read_archive(file, problem))
        for file in files
    ]
    return heapq.merge(*streams, key=_at)


def _ordered(stream: Iterable[Recorded]) -> Iterator[Recorded]:
    window: list[tuple[float, int, Recorded]] = []
    held, number = 0, count()
    for recorded in stream:
        heapq.heappush(window, (recorded.at, next(number), recorded))
        held += recorded.size
        while len(window) > _WINDOW or held > _WINDOW_BYTES:
            first = heapq.heappop(window)[2]
            held -= first.size
            yield first
    while window:
        yield heapq.heappop(window)[2]


def _at(recorded: Recorded) -> float:
    return recorded.at


def host_of(recorded: Recorded) -> str:
    """The host that a request was sent to, in lower case, without its port."""
    authority = (recorded.request.field("host") or "").strip().lower()
    return re.sub(r":\d*$", "", authority)


def hosts_in(files: Iterable[Path], problem: Callable[[str], None]) -> dict[str, int]:
    """How many requests each host got, in HAR files: those have what a page asked of anybody."""
    hosts: dict[str, int] = {}
    for file in files:
        for recorded in read_har(file, problem) if is_har(file) else ():
            hosts[host_of(recorded)] = hosts.get(host_of(recorded), 0) + 1
    return hosts
