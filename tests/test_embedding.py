"""``MirrorMiddleware``: one line in a wsgi.py, whatever process that line ends up in."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway import MirrorMiddleware, SettingsError, Shadow
from gateway.compare.verdict import Judged, Verdict
from gateway.control import Control
from gateway.shadow.copy import Copy
from gateway.shadow.outcome import Outcome
from gateway.shadow.switch import Switch
from tests.support.upstream import OK, Upstream, upstream
from tests.support.waiting import wait_for
from tests.support.wsgi import ask


@pytest.fixture
def shadow() -> Iterator[Upstream]:
    with upstream() as running:
        yield running


LIKE_THE_APPLICATION = OK.replace(b"\r\n", b"\r\nContent-Type: text/plain\r\n", 1)


def application(environ: Any, start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
    return [b"ok"]


def ours(before: set[threading.Thread]) -> list[threading.Thread]:
    return [t for t in set(threading.enumerate()) - before if t.name.startswith("gateway")]


def test_one_line_mirrors(shadow: Upstream) -> None:
    """The one in the documentation."""
    mirrored = MirrorMiddleware(application, shadow=shadow.url)
    try:
        assert ask(mirrored, RAW_URI="/a?b")[2] == b"ok"
        assert wait_for(shadow.taken, "the copy")[0].target == b"/a?b"
    finally:
        mirrored.close()


def test_making_one_starts_nothing_and_closing_leaves_nothing(shadow: Upstream) -> None:
    """Threads come with the first request, and go; the application goes on unmirrored."""
    before = set(threading.enumerate())
    mirrored = MirrorMiddleware(application, shadow=shadow.url)
    mirrored.close()
    assert set(threading.enumerate()) == before
    ask(mirrored)
    assert ours(before)
    mirrored.close()
    wait_for(lambda: not ours(before), "our threads to end")
    taken = len(shadow.taken())
    assert ask(mirrored)[2] == b"ok"
    assert len(shadow.taken()) == taken


@pytest.mark.parametrize("shadow", [None, "", ()], ids=["None", "empty", "no shadows"])
def test_without_a_shadow_the_application_is_called(shadow: Any) -> None:
    """So that one line fits the environments without one."""
    before = set(threading.enumerate())
    mirrored = MirrorMiddleware(application, shadow=shadow)
    assert ask(mirrored)[2] == b"ok"
    assert not ours(before)


def test_wrong_settings_stop_the_start() -> None:
    """Before the host serves anything."""
    with pytest.raises(SettingsError, match="no-such-scheme"):
        MirrorMiddleware(application, shadow="no-such-scheme://x")


def test_threads_that_come_first_together_share_one_mirror(shadow: Upstream) -> None:
    """However many."""
    mirrored = MirrorMiddleware(application, shadow=shadow.url)
    barrier = threading.Barrier(8)

    def one() -> None:
        barrier.wait(10)
        ask(mirrored)

    before = set(threading.enumerate())
    threads = [threading.Thread(target=one) for _ in range(8)]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        housekeepers = [t for t in ours(before) if t.name == "gateway-housekeeper"]
        assert len(housekeepers) == 1
        wait_for(lambda: len(shadow.taken()) == 8, "all copies")
    finally:
        mirrored.close()


def test_a_switch_changes_the_share_while_it_runs(shadow: Upstream) -> None:
    """As an operator's does in a gateway."""
    control = Control()
    mirrored = MirrorMiddleware(application, Shadow(url=shadow.url, name="s"), control=control)
    try:
        control.set("s", Switch(off=True))
        ask(mirrored)
        control.set("s", Switch(percent=100))
        ask(mirrored, PATH_INFO="/on")
        assert wait_for(shadow.taken, "the copy")[0].target == b"/on"
        side: Any = mirrored._mirror
        assert side.side.ledger.snapshot()["s"][Outcome.SKIPPED_SWITCHED_OFF] == 1
    finally:
        mirrored.close()


def test_hooks_of_the_host_are_asked_and_told(shadow: Upstream) -> None:
    """What is mirrored, as what, and what came of it."""
    told: list[Judged] = []
    shadow.script = lambda request: LIKE_THE_APPLICATION

    def rewrite(request: Copy) -> Copy:
        return request._replace(target=request.target + "?rewritten")

    mirrored = MirrorMiddleware(
        application,
        shadow=shadow.url,
        should_mirror=lambda request: request.target != "/not",
        rewrite=rewrite,
        on_verdict=told.append,
    )
    try:
        for path in ("/not", "/yes"):
            ask(mirrored, PATH_INFO=path)
        wait_for(lambda: told, "the verdict")
    finally:
        mirrored.close()
    assert [each.target for each in shadow.taken()] == [b"/yes?rewritten"]
    assert [each.comparison.verdict for each in told] == [Verdict.MATCH]


def test_hooks_that_raise_or_block_hurt_nobody(shadow: Upstream) -> None:
    """The host is answered as ever."""
    hold = threading.Event()

    def block(request: Copy) -> bool:
        hold.wait(30)
        raise ValueError("a hook of the host")

    mirrored = MirrorMiddleware(application, shadow=shadow.url, should_mirror=block)
    try:
        for _ in range(5):
            assert ask(mirrored)[2] == b"ok"
    finally:
        hold.set()
        mirrored.close()
    assert shadow.taken() == []


def test_a_process_in_which_it_cannot_start_serves_unmirrored(
    shadow: Upstream, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """No thread to be had, for instance. It says so once."""

    def no_thread(self: Any) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", no_thread)
    mirrored = MirrorMiddleware(application, shadow=shadow.url)
    for _ in range(3):
        assert ask(mirrored)[2] == b"ok"
    assert len(caplog.records) == 1


_FORKING = """
import os, sys, threading
from wsgiref.util import setup_testing_defaults
from gateway import MirrorMiddleware

def application(environ, start_response):
    start_response("200 OK", [])
    return [b"ok"]

def one(path):
    environ = {"PATH_INFO": path, "HTTP_X_REQUEST_ID": "asked"}
    setup_testing_defaults(environ)
    answer = mirrored(environ, lambda *said: None)
    list(answer)
    answer.close()

mirrored = MirrorMiddleware(application, shadow=sys.argv[1])
one("/parent-before")
children = []
for name in ("/one", "/two"):
    child = os.fork()
    if child == 0:
        one(name)
        sys.exit()  # copies are sent before the process is gone
    children.append(child)
for child in children:
    assert os.waitpid(child, 0)[1] == 0
one("/parent-after")
"""


def test_each_process_after_a_fork_has_its_own(shadow: Upstream) -> None:
    """Also if the parent had mirrored before; and what is under way at the exit is sent."""
    subprocess.run(
        [sys.executable, "-W", "error", "-c", _FORKING, shadow.url], check=True, timeout=60
    )
    targets = sorted(each.target for each in shadow.taken())
    assert targets == [b"/one", b"/parent-after", b"/parent-before", b"/two"]


def test_settings_come_from_a_file(shadow: Upstream, tmp_path: Path) -> None:
    """Relative to where the host was started, and without a live upstream."""
    file = tmp_path / "mirror.toml"
    file.write_text(
        f'[[shadows]]\nurl = "{shadow.url}"\nname = "next"\n[[routes]]\npath = "/x"\nmirror = false'
    )
    mirrored = MirrorMiddleware(application, config=os.path.relpath(file))
    try:
        for path in ("/x", "/y"):
            ask(mirrored, PATH_INFO=path)
        wait_for(shadow.taken, "the copy")
        side: Any = mirrored._mirror
        wait_for(lambda: side.side.pool.snapshot().done == 1, "its end")
        assert side.side.ledger.snapshot() == {
            "next": {Outcome.SKIPPED_ROUTE: 1, Outcome.ANSWERED: 1}
        }
    finally:
        mirrored.close()
