"""Numbers in the files that prometheus-client reads."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector

from gateway.slot_values import SlotFiles, value_class


def numbers(folder: Path) -> dict[str, float]:
    """What the library reads, in a process of its own for all it knows."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=str(folder))
    return {sample.name: sample.value for family in registry.collect() for sample in family.samples}


@pytest.fixture
def files(tmp_path: Path) -> Iterator[Callable[[int], SlotFiles]]:
    """Makes the files of workers, and closes them."""
    with ExitStack() as stack:

        def made(slot: int) -> SlotFiles:
            files = SlotFiles(slot, str(tmp_path))
            stack.callback(files.close)
            return files

        yield made


def value(files: SlotFiles, name: str, typ: str = "counter", **more: Any) -> Any:
    return value_class(files)(typ, name, name, (), (), "help", **more)


def test_a_number_is_in_the_file_as_soon_as_it_is_counted(
    tmp_path: Path, files: Callable[[int], SlotFiles]
) -> None:
    """Nothing is kept back that a killed worker would take with it."""
    counted = value(files(0), "n_total")
    for expected in (0.25, 0.5, 0.75):
        counted.inc(0.25)
        assert numbers(tmp_path) == {"n_total": expected}
        assert counted.get() == expected


def test_who_comes_into_a_slot_goes_on_with_its_numbers(
    tmp_path: Path, files: Callable[[int], SlotFiles]
) -> None:
    """And another slot has a file of its own."""
    value(files(0), "n_total").inc(1)
    value(files(0), "n_total").inc(1)
    value(files(1), "n_total").inc(1)
    assert numbers(tmp_path) == {"n_total": 3}
    assert sorted(file.name for file in tmp_path.iterdir()) == ["counter_0.db", "counter_1.db"]


def test_gauges_go_to_the_file_of_their_mode_with_their_time(
    tmp_path: Path, files: Callable[[int], SlotFiles]
) -> None:
    """The most recent of several workers counts."""
    for slot, seconds in ((0, 20.0), (1, 10.0)):
        gauge = value(files(slot), "g", "gauge", multiprocess_mode="livemostrecent")
        gauge.set(slot + 1, seconds)
    (stored,) = MmapedDict.read_all_values_from_file(tmp_path / "gauge_livemostrecent_0.db")
    assert stored[1:3] == (1.0, 20.0)


def test_numbers_made_before_a_file_grew_are_still_in_it(
    tmp_path: Path, files: Callable[[int], SlotFiles]
) -> None:
    """It is mapped anew then; what was made earlier writes through its old mapping."""
    slot = files(0)
    first = value(slot, "first_total")
    many = [value(slot, f"n{number}_" + "x" * 200 + "_total") for number in range(2000)]
    first.inc(1)
    many[-1].inc(2)
    first.inc(1)
    assert (tmp_path / "counter_0.db").stat().st_size > 2**16
    found = numbers(tmp_path)
    assert (found["first_total"], found[f"n1999_{'x' * 200}_total"]) == (2, 2)


def test_no_count_is_lost_between_threads(
    tmp_path: Path, files: Callable[[int], SlotFiles]
) -> None:
    """Accepted equals counted, whoever counts at once."""
    counted = value(files(0), "n_total")

    def count() -> None:
        for _ in range(20_000):
            counted.inc(1)

    threads = [Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert numbers(tmp_path) == {"n_total": 80_000}


_WATCHED = """
import os, sys
sizes = []
def watch(event, args):
    if event == "open" and str(args[0]).endswith(".db"):
        sizes.append(os.path.getsize(args[0]) if os.path.exists(args[0]) else 0)
sys.addaudithook(watch)
from gateway.slot_values import SlotFiles, value_class
made = value_class(SlotFiles(0, sys.argv[1]))
made("counter", "n_total", "n_total", (), (), "help").inc(1)
again = value_class(SlotFiles(0, sys.argv[1]))("counter", "n_total", "n_total", (), (), "help")
assert again.get() == 1, again.get()
print(min(sizes), sorted(os.listdir(sys.argv[1])))
"""


def test_a_file_is_whole_from_its_first_moment(tmp_path: Path) -> None:
    """Who reads all files for /metrics would fail at one that is empty yet."""
    run = [sys.executable, "-c", _WATCHED, str(tmp_path)]
    told = subprocess.run(run, capture_output=True, text=True, check=True).stdout
    assert told == "65536 ['counter_0.db']\n"
