"""The pool of gthread: every task runs once, and no thread keeps the process."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from gateway.server.daemon_pool import DaemonPool


def test_tasks_run_on_its_threads_and_answer_by_their_futures() -> None:
    """Results and exceptions alike; not more at once than there are threads."""
    pool, running, most = DaemonPool(3), [0], [0]
    lock = threading.Lock()

    def task(number: int) -> int:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        if number == 7:
            raise KeyError(number)
        with lock:
            running[0] -= 1
        return number * 2

    futures = [pool.submit(task, number) for number in range(50)]
    with pytest.raises(KeyError):
        futures[7].result(5)
    assert [f.result(5) for n, f in enumerate(futures) if n != 7] == [
        n * 2 for n in range(50) if n != 7
    ]
    assert most[0] <= 3 + 1  # the one that raised was never taken off
    pool.shutdown()
    assert repr(pool) == "<DaemonPool [3 threads, 0 waiting]>"


def test_shutdown_lets_what_is_queued_finish() -> None:
    """And ends every thread."""
    before, pool = threading.active_count(), DaemonPool(2)
    futures = [pool.submit(pow, 2, n) for n in range(20)]
    pool.shutdown()
    assert [future.result(0) for future in futures] == [2**n for n in range(20)]
    assert threading.active_count() == before


def test_a_task_that_never_ends_does_not_keep_the_process() -> None:
    """concurrent.futures would wait for it for ever."""
    code = """
import threading
from gateway.server.daemon_pool import DaemonPool
pool, began = DaemonPool(1), threading.Event()
pool.submit(lambda: (began.set(), threading.Event().wait()))
began.wait(5)
"""
    assert subprocess.run([sys.executable, "-c", code], timeout=20).returncode == 0
