"""The shared table: found by all, never larger, and forgetful in the right places."""

from __future__ import annotations

import sys
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ratelimit.rate import Rate
from gateway.ratelimit.table import LEAST_BYTES, STRIPES, WAYS, Table, _size, mark_of, size_code
from tests.ratelimit.processes import programs

ENTRIES = STRIPES * WAYS  # of the smallest table
TEN = Rate(10, 60, 10)
MARK = mark_of(str(TEN), TEN.tolerance)


def put(table: Table, key: bytes, debt: int, now: int = 1, mark: int = MARK) -> bool:
    """Write a debt; whether another one was forgotten for it."""
    place = table.place(key)
    entry = table.find(place, mark)
    if entry:
        table.moments[entry] = now + debt
        return False
    return table.add(place, mark, now + debt, now)


def get(table: Table, key: bytes, mark: int = MARK) -> int:
    entry = table.find(table.place(key), mark)
    return table.moments[entry] if entry else 0


def test_what_one_writes_the_other_reads(tmp_path: Path) -> None:
    """Whoever opens the file second finds it made."""
    one, other = (Table(tmp_path / "t", LEAST_BYTES) for _ in range(2))
    put(one, b"key", 5)
    assert get(other, b"key") == 6
    put(other, b"key", 7)
    assert get(one, b"key") == 8
    del one
    assert get(other, b"key") == 8


def test_keys_and_limits_are_apart() -> None:
    """Also where they share a bucket."""
    table = Table(None, LEAST_BYTES)
    marks = [mark_of(name, TEN.tolerance) for name in "abc"]
    for number in range(20):
        for index, mark in enumerate(marks):
            put(table, b"%d" % number, 10 * number + index, mark=mark)
    for number in range(20):
        found = [get(table, b"%d" % number, mark) for mark in marks]
        assert found == [10 * number + index + 1 for index in range(3)]
    assert get(table, b"another") == 0


def test_all_who_open_a_new_file_at_once_have_the_same(tmp_path: Path) -> None:
    """One makes it, the others wait for that."""
    text = """
import sys
from pathlib import Path
from gateway.ratelimit.table import Table
print("ready", flush=True)
sys.stdin.readline()
table = Table(Path(sys.argv[1]), 0)
print(table.place(b"key"), flush=True)
sys.stdin.readline()
"""
    with programs(4, text, tmp_path / "t") as opening:
        assert [program.line() for program in opening] == ["ready"] * 4
        for program in opening:
            program.tell("go")
        places = [program.line() for program in opening]
    assert len(set(places)) == 1
    assert "Place" in places[0]


def test_a_file_that_was_half_made_is_made_anew(tmp_path: Path) -> None:
    """By the next after one that was killed while it made it."""
    file = tmp_path / "t"
    file.write_bytes(bytes(1000))
    table = Table(file, LEAST_BYTES)
    put(table, b"key", 5)
    assert get(table, b"key") == 6
    assert file.stat().st_size == table.size == LEAST_BYTES


def test_a_table_that_is_there_keeps_its_size(tmp_path: Path) -> None:
    """A reload with another size must not lose the counts."""
    one = Table(tmp_path / "t", LEAST_BYTES)
    put(one, b"key", 5)
    other = Table(tmp_path / "t", 10 * LEAST_BYTES)
    assert other.size == LEAST_BYTES
    assert get(other, b"key") == 6


def test_all_of_its_room_is_taken_at_the_start(tmp_path: Path) -> None:
    """A disk that fills up later would end a worker; and only the owner may read it."""
    Table(tmp_path / "t", 2**20)
    status = (tmp_path / "t").stat()
    assert status.st_blocks * 512 >= 2**20
    assert status.st_mode & 0o077 == 0


def test_without_room_there_is_no_table(tmp_path: Path) -> None:
    """And no descriptor of it."""
    before = psutil.Process().num_fds()
    with pytest.raises(IsADirectoryError):
        Table(tmp_path, LEAST_BYTES)
    with pytest.raises(OSError, match=r"(File too large|No space left)"):
        Table(tmp_path / "t", 2**60)
    assert psutil.Process().num_fds() == before


def test_the_memory_goes_with_the_last_who_has_it(tmp_path: Path) -> None:
    """And descriptors with it."""
    before = psutil.Process().num_fds()
    for path in (None, tmp_path / "t"):
        table = Table(path, LEAST_BYTES)
        put(table, b"key", 5)
        del table
    assert psutil.Process().num_fds() == before
    assert "t" not in [Path(m.path).name for m in psutil.Process().memory_maps()]


def test_paid_off_debts_make_room() -> None:
    """Ten times as many keys as there are entries, and nothing owed is forgotten."""
    table = Table(None, LEAST_BYTES)
    for number in range(10 * ENTRIES):
        now = 1 + number * 100
        # At any moment a twentieth of the entries is owed something.
        assert not put(table, b"%d" % number, ENTRIES // 20 * 100, now)


def test_at_half_its_entries_hardly_anything_is_forgotten() -> None:
    """A million addresses under one rate fill 32 MiB to 48 %."""
    table = Table(None, 2**20)
    entries = (table.size // (WAYS * 16)) * WAYS
    forgotten = sum(put(table, b"%d" % number, 10) for number in range(int(entries * 0.48)))
    assert forgotten < entries // 1000


def test_a_key_at_its_limit_outlives_a_flood() -> None:
    """Of ten times as many keys as there are entries, each with one request."""
    table = Table(None, LEAST_BYTES)
    hot = [b"hot %d" % number for number in range(20)]
    for key in hot:
        put(table, key, TEN.tolerance)
    for number in range(10 * ENTRIES):
        put(table, b"%d" % number, TEN.interval)
    assert [get(table, key) for key in hot] == [1 + TEN.tolerance] * len(hot)


@pytest.mark.parametrize(
    ("hot", "flood", "part"),
    [
        (Rate(5, 3600, 5), Rate(100, 60, 100), 2),
        (Rate(10, 1, 10), Rate(100, 3600, 100), 50),
    ],
    ids=["few-requests", "short-time"],
)
def test_what_is_near_a_limit_is_measured_by_that_limit(hot: Rate, flood: Rate, part: int) -> None:
    """Five of five requests weigh more than fifty of a hundred; a second more than minutes."""
    table = Table(None, LEAST_BYTES)
    hot_mark = mark_of(str(hot), hot.tolerance)
    flood_mark = mark_of(str(flood), flood.tolerance)
    put(table, b"login", hot.tolerance, mark=hot_mark)
    for number in range(10 * ENTRIES):
        put(table, b"%d" % number, flood.tolerance // part, mark=flood_mark)
    assert get(table, b"login", hot_mark) == 1 + hot.tolerance


def test_nobody_can_tell_which_keys_meet(tmp_path: Path) -> None:
    """Two tables put the same keys into different buckets."""
    one, other = (Table(tmp_path / name, LEAST_BYTES) for name in "ab")
    keys = [b"%d" % number for number in range(100)]
    assert [one.place(key).bucket for key in keys] != [other.place(key).bucket for key in keys]


@given(st.integers(1000, 2**53))
def test_the_size_in_a_mark_is_right_within_a_fifth(tolerance: int) -> None:
    """It takes eight bits."""
    code = size_code(tolerance)
    assert 0 < code < 256
    assert tolerance * 0.8 <= _size(code) <= tolerance


def test_fingerprints_are_found_where_they_are_only() -> None:
    """Not in the bytes of two that are neighbours."""
    table = Table(None, LEAST_BYTES)
    place = table.place(b"key")
    wanted = (place.hashed & ~0xFF ^ MARK).to_bytes(8, sys.byteorder)
    neighbours = bytes(4) + wanted + bytes(4)
    start = LEAST_BYTES - STRIPES * WAYS * 16 + place.bucket * WAYS * 16
    table._memory[start : start + 16] = neighbours
    assert table.find(place, MARK) == 0
    table._memory[start + 16 : start + 24] = wanted
    assert table.find(place, MARK) == start // 8 + 2 + WAYS
