"""Under gevent, neither a slow disk nor a dear hash must stop every greenlet."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gateway.offload import apart

_SCRIPT = """
from gevent import monkey; monkey.patch_all()
import gevent, sqlite3, sys, threading, time
from gateway.store.reader import open_reader
from gateway.store.store import Pauses, Store
from tests.store.exchanges import difference, judged

path = sys.argv[1]
store = Store("sqlite:///" + path, pauses=Pauses(turn=0.01, retry=0.01, lock=1.0))
store.put(judged(at=time.time()))
store._turn()
other = sqlite3.connect(path, isolation_level=None)
other.execute("BEGIN EXCLUSIVE")
store.start()
store.put(judged(at=time.time(), differences=[difference()]))
longest = 0.0
last = time.monotonic()
while not store.failures:  # the writer waits a second for the lock
    gevent.sleep(0.01)
    now = time.monotonic()
    longest, last = max(longest, now - last), now
    assert last
other.execute("ROLLBACK")
other.close()
deadline = time.monotonic() + 10
while store.failures and time.monotonic() < deadline:
    gevent.sleep(0.01)
assert store.close(10), store
assert longest < 0.7, longest
with open_reader("sqlite:///" + path) as reader:
    assert reader.summary().counts.total == 2, reader.summary()
print("right")
"""


def test_greenlets_go_on_while_the_writer_waits(tmp_path: Path) -> None:
    """The hub is not held by a lock on a file."""
    pytest.importorskip("gevent")
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT, str(tmp_path / "gateway.db")],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout == "right\n", done.stderr


_PASSWORDS = """
from gevent import monkey; monkey.patch_all()
import gevent, time
from gateway.auth.hashing import hash_password
from gateway.auth.passwords import Passwords

passwords, stored = Passwords(), hash_password("right")
greenlets = [gevent.spawn(passwords.verify, stored, word) for word in ("wrong", "right", "other")]
longest, last = 0.0, time.thread_time()
while not all(greenlet.ready() for greenlet in greenlets):
    gevent.sleep(0.001)
    now = time.thread_time()
    longest, last = max(longest, now - last), now
assert [greenlet.get() for greenlet in greenlets] == [False, True, False]
assert longest < 0.015, longest
print("right")
"""


def test_greenlets_go_on_while_a_password_is_checked() -> None:
    """Whoever tries passwords holds up nobody: the hub's thread computes no hash."""
    pytest.importorskip("gevent")
    done = subprocess.run(
        [sys.executable, "-c", _PASSWORDS], capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "right\n", done.stderr


def test_without_gevent_it_is_done_here() -> None:
    """And what comes of it is returned."""
    assert apart(lambda: 7) == 7
