"""Threads of ours in a process that is somebody else's: no signal ends up in one."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from gateway import Live, MirrorMiddleware, Settings
from gateway.settings.store import Store
from gateway.signals import leave_signals_to_host
from tests.support.upstream import OK, upstream
from tests.support.waiting import wait_for
from tests.support.wsgi import ask

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="threads are looked at in /proc")


def blocked(thread: threading.Thread) -> set[int]:
    """The signals that it does not get."""
    status = Path(f"/proc/self/task/{thread.native_id}/status").read_text()
    (mask,) = (int(line.split()[1], 16) for line in status.splitlines() if "SigBlk" in line)
    return {number for number in range(1, 65) if mask >> (number - 1) & 1}


def application(environ: object, start_response: object) -> list[bytes]:
    start_response("200 OK", [("Content-Length", "2")])  # type: ignore[operator]
    return [b"ok"]


def test_no_thread_of_a_mirror_gets_the_hosts_signals(tmp_path: Path) -> None:
    """Ending, reloading, the host's own; those of a thread's own faults it keeps."""
    before = set(threading.enumerate())
    settings = Settings(
        live=Live(url="http://127.0.0.1:1"), store=Store(url=f"sqlite:///{tmp_path}/mirror.db")
    )
    told = threading.Event()
    with upstream(lambda request: OK) as shadow:
        mirror = MirrorMiddleware(
            application,
            shadow.url,
            settings=settings,
            should_mirror=lambda request: True,
            on_verdict=lambda judged: told.set(),
        )
        before |= set(threading.enumerate())
        ask(mirror)
        assert told.wait(20)
        ours = [
            each for each in set(threading.enumerate()) - before if each.name.startswith("gateway-")
        ]
        kinds = {each.name.rstrip("_0123456789") for each in ours}
        assert {"gateway-housekeeper", "gateway-shadow", "gateway-store"} <= kinds
        assert len(kinds) >= 5  # and those that compare, ask and tell
        hosts = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGALRM}
        for each in ours:
            wait_for(lambda each=each: hosts <= blocked(each), f"{each.name} to block them")  # type: ignore[misc]
            assert not blocked(each) & {signal.SIGSEGV, signal.SIGPROF}
        mirror.close()
    assert not signal.pthread_sigmask(signal.SIG_BLOCK, [])


def test_the_main_thread_keeps_them() -> None:
    """Whatever calls it there: gevent makes greenlets of threads."""
    leave_signals_to_host()
    assert not signal.pthread_sigmask(signal.SIG_BLOCK, [])


def test_under_gevent_the_process_can_still_be_told_to_end() -> None:
    """Its threads are greenlets on the main thread, by whatever name."""
    program = (
        "import gevent.monkey; gevent.monkey.patch_all()\n"
        "import signal, threading\n"
        "from gateway.signals import leave_signals_to_host\n"
        "thread = threading.Thread(target=leave_signals_to_host); thread.start(); thread.join()\n"
        "print(signal.pthread_sigmask(signal.SIG_BLOCK, []))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=30)
    assert done.stdout == b"set()\n", done.stderr
