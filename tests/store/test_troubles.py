"""Whatever happens to the database: nobody waits, nobody fails, and the counts are right after."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from gateway.store import store as store_module
from gateway.store.reader import Reader
from gateway.store.store import Plan, Store
from tests.store.conftest import MakeStore
from tests.store.exchanges import NOON, difference, judged
from tests.support.postgresql import PostgresqlServer, needs_postgresql
from tests.support.waiting import wait_for

Read = Callable[[str], Reader]


def put_many(store: Store, number: int = 100) -> None:
    """Exchanges that differ; it takes no time and raises nothing, whatever the database does."""
    began = time.thread_time()
    for _ in range(number):
        store.put(judged(differences=[difference()]))
    assert time.thread_time() - began < 1


def fails(store: Store) -> None:
    wait_for(lambda: store.failures >= 2, "the store to fail twice")


def recovers(store: Store) -> None:
    """Both the batch that waited and what came meanwhile."""
    written = store.written
    wait_for(lambda: store.written > written + 1 and not store.failures, "the store to recover")


def total(reader: Reader) -> int:
    return reader.summary().counts.total


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "gateway.db"


def test_a_locked_file_is_tried_again(
    make_store: MakeStore, read: Read, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Somebody has it open in a tool, or makes a backup. It is said once, with the reason."""
    url = f"sqlite:///{file}"
    failures: list[None] = []
    store = make_store(url, failed=lambda: failures.append(None))
    put_many(store)
    store._turn()
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        store.start()
        put_many(store)
        fails(store)
        put_many(store)
        assert len(failures) >= 2
        other.execute("ROLLBACK")
    recovers(store)
    assert store.close(10)
    assert total(read(url)) == 300
    warnings = [record.getMessage() for record in caplog.records]
    assert len(warnings) == 1
    assert "database is locked" in warnings[0]


def test_a_corrupt_file_is_left_alone_until_somebody_moves_it(
    make_store: MakeStore, read: Read, file: Path
) -> None:
    """It may be all there is to rescue. What was counted meanwhile goes into the new one."""
    file.write_bytes(b"no database at all " * 1000)
    store = make_store(f"sqlite:///{file}")
    store.start()
    put_many(store)
    fails(store)
    put_many(store)
    assert file.read_bytes().startswith(b"no database")
    file.rename(file.with_suffix(".broken"))
    recovers(store)
    assert store.close(10)
    assert total(read(f"sqlite:///{file}")) == 200


def test_a_file_that_breaks_while_it_is_used_is_a_failure(
    make_store: MakeStore, file: Path
) -> None:
    """Counted, and nothing else."""
    store = make_store(f"sqlite:///{file}")
    put_many(store)
    store._turn()
    store._writer.close()  # folds its log into the file
    size = file.stat().st_size
    with file.open("r+b") as broken:
        broken.seek(4096)
        broken.write(os.urandom(size - 4096))
    store.start()
    put_many(store)
    fails(store)
    assert not store.close(0) or store.failures


def test_a_file_that_is_removed_is_made_again(
    make_store: MakeStore, read: Read, file: Path
) -> None:
    """Writing on into a file without a name would look like success."""
    url = f"sqlite:///{file}"
    store = make_store(url)
    put_many(store)
    store._turn()
    for leftover in file.parent.glob("gateway.db*"):
        leftover.unlink()
    put_many(store)
    store._turn()
    assert total(read(url)) == 100


def test_a_folder_that_is_not_there_yet(make_store: MakeStore, read: Read, tmp_path: Path) -> None:
    """A volume that is mounted later: the gateway starts without it."""
    url = f"sqlite:///{tmp_path}/later/gateway.db"
    store = make_store(url)
    store.start()
    put_many(store)
    fails(store)
    put_many(store)
    (tmp_path / "later").mkdir()
    recovers(store)
    assert store.close(10)
    assert total(read(url)) == 200


def test_only_its_owner_may_read_the_file(make_store: MakeStore, file: Path) -> None:
    """Billing data is personal data; the write-ahead log has it as well."""
    store = make_store(f"sqlite:///{file}")
    before = os.umask(0)
    try:
        put_many(store, 1)
        store._turn()
    finally:
        os.umask(before)
    files = list(file.parent.glob("gateway.db*"))
    assert len(files) == 3
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}


_FULL = """
import resource, sys
from gateway.store.reader import open_reader
from gateway.store.store import Plan, Store
from tests.store.conftest import QUICK
from tests.store.exchanges import NOON, difference, judged
from tests.store.test_troubles import fails, recovers, total

url = sys.argv[1]
store = Store(url, clock=lambda: NOON, pauses=QUICK)
store.put(judged())
store._turn()
# Any write beyond this size fails, as on a disk that is full (setrlimit(2), EFBIG).
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
for number in range(200):
    body = bytes(str(number), "ascii") * 500
    store.put(judged(body=body, differences=[difference(f"/k{number}")]))
store.start()
fails(store)
for _ in range(100):
    store.put(judged())
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
recovers(store)
assert store.close(10)
with open_reader(url, clock=lambda: NOON) as reader:
    assert total(reader) == 301, reader.summary()
print("right")
"""


def test_a_full_disk(file: Path) -> None:
    """Nothing is written by halves; when there is room again, everything is there."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", _FULL, f"sqlite:///{file}"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout == "right\n", done.stderr


def _mounted(folder: Path) -> bool:
    """A disk of 4 MB, where one may be made."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    try:
        return subprocess.run(command, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


def test_a_disk_that_really_is_full(make_store: MakeStore, read: Read, tmp_path: Path) -> None:
    """Somebody else has filled it, and makes room later."""
    disk = tmp_path / "disk"
    if not _mounted(disk):
        pytest.skip("mounting a small disk needs root")
    try:
        url = f"sqlite:///{disk}/gateway.db"
        store = make_store(url)
        put_many(store)
        store._turn()
        with suppress_full(), (disk / "filler").open("wb", buffering=0) as filler:
            while filler.write(b"x" * 4096):
                pass
        store.start()
        for number in range(50):
            store.put(judged(differences=[difference(f"/k{number}")], body=os.urandom(2000)))
        fails(store)
        put_many(store)
        (disk / "filler").unlink()
        recovers(store)
        assert store.close(10)
        assert total(read(url)) == 250
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


class suppress_full:
    """Until the disk is full."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: object, trace: object) -> bool:
        return isinstance(error, OSError) and error.errno == 28


@needs_postgresql
def test_a_server_that_goes_and_comes_back(
    make_store: MakeStore, read: Read, postgresql: PostgresqlServer
) -> None:
    """A restart, a failover: no count is lost, none is there twice."""
    url = postgresql.database()
    store = make_store(url)
    store.start()
    put_many(store)
    wait_for(lambda: store.written, "a first batch")
    postgresql.stop()
    try:
        put_many(store)
        fails(store)
        put_many(store)
    finally:
        postgresql.start()
    recovers(store)
    assert store.close(10)
    assert total(read(url)) == 300


@needs_postgresql
def test_a_server_that_hangs_holds_up_nobody(
    make_store: MakeStore, read: Read, postgresql: PostgresqlServer
) -> None:
    """Not those who put, and not the end of the process."""
    url = postgresql.database()
    store = make_store(url)
    store.start()
    put_many(store)
    wait_for(lambda: store.written, "a first batch")
    postgresql.hold()
    try:
        put_many(store, 5000)
        began = time.monotonic()
        assert not store.close(0.1)
        assert time.monotonic() - began < 5
    finally:
        postgresql.go_on()
    assert store.close(30)
    assert total(read(url)) == 5100


@needs_postgresql
def test_a_connection_that_is_cut_is_made_anew(
    make_store: MakeStore, read: Read, postgresql: PostgresqlServer
) -> None:
    """By a firewall, or an administrator."""
    url = postgresql.database()
    store = make_store(url)
    for _ in range(3):
        put_many(store)
        store._turn()
        postgresql.execute(
            url.rpartition("/")[2],
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'gateway' AND datname = current_database()",
        )
    store._turn()
    assert not store.failures
    assert total(read(url)) == 300


def test_a_batch_whose_commit_was_in_doubt_is_written_once(
    make_store: MakeStore, url: str, read: Read
) -> None:
    """The connection broke before the answer: it may have been written, or not."""
    store = make_store(url)
    put_many(store)
    gathered = store._gathered()
    assert gathered is not None
    batch, _ = gathered
    for _ in range(2):
        store._writer.close()
        assert store._writer.write(batch)
    assert total(read(url)) == 100


def test_what_finds_no_room_in_memory_is_counted(
    make_store: MakeStore, read: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Days without a database must not become gigabytes."""
    monkeypatch.setattr(store_module, "_MOST_KEYS", 10)
    lost: Counter[str] = Counter()
    url = f"sqlite:///{tmp_path}/gateway.db"
    store = make_store(url, lost=lambda what, number: lost.update({what: number}))
    for minute in range(15):
        store.put(judged(at=NOON - 60 * minute))
    store._turn()
    assert total(read(url)) == 10
    assert lost["figures"] == 5 + 2 * 15 - 10
    assert read(url).health().lost == {"figures": lost["figures"]}


def test_there_is_room_again_for_examples_that_were_written(
    make_store: MakeStore, read: Read, tmp_path: Path
) -> None:
    """The bound is on what waits, not on all there ever was."""
    one = judged(differences=[difference()], body=b"x" * 1000)
    url = f"sqlite:///{tmp_path}/gateway.db"
    store = make_store(url, Plan(max_waiting=3000))
    for number in range(10):
        store.put(one._replace(route=f"/{number}"))
        store._turn()
    assert {group.examples for group in read(url).groups().groups} == {1}
    assert read(url).health().lost == {}


def test_a_batch_that_the_database_will_never_take_is_given_up(
    make_store: MakeStore, url: str, read: Read, caplog: pytest.LogCaptureFixture
) -> None:
    """A mistake of ours must not stop everything after it."""
    store = make_store(url)
    put_many(store, 1)
    store._turn()
    with store._lock:
        store._sheet.verdicts.add((None, None, "/a", "match", "match", ""), 7)
    for _ in range(4):
        store._turn()
    put_many(store, 2)
    for _ in range(2):
        store._turn()
    reader = read(url)
    assert total(reader) == 3
    assert reader.health().lost == {"exchanges": 7}


@pytest.mark.parametrize("odd", [None, judged()._replace(request=None), judged()._replace(at="x")])
def test_what_cannot_be_counted_is_logged(
    make_store: MakeStore, tmp_path: Path, odd: object, caplog: pytest.LogCaptureFixture
) -> None:
    """And nobody suffers."""
    store = make_store(f"sqlite:///{tmp_path}/gateway.db")
    store.put(odd)  # type: ignore[arg-type]
    assert "An exchange was not counted" in caplog.text


def test_a_store_without_its_packages_is_one_that_is_down(
    make_store: MakeStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says what to install, and counts on."""
    monkeypatch.setattr(
        "gateway.store.database.missing_packages", lambda url: "pip install 'gateway[x]'"
    )
    store = make_store(f"sqlite:///{tmp_path}/gateway.db")
    put_many(store)
    store._turn()
    assert store.failures == 1
    assert "1 failures in a row" in repr(store)
