"""A gateway that a host mounts: nobody starts it, nobody closes it, and processes fork."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from gateway import Gateway, SettingsError
from tests.support.upstream import Received, upstream
from tests.support.wsgi import ask

_HOST = """
import os, sys
from tests.support.wsgi import ask
from gateway import Gateway

billing = Gateway(live=sys.argv[1], shadows=[sys.argv[2]])
if sys.argv[3] == "warm":
    assert ask(billing, PATH_INFO="/parent")[2] == b"ok"
child = os.fork()
if child == 0:
    assert ask(billing, PATH_INFO="/child")[2] == b"ok"
    sys.exit()
assert os.waitpid(child, 0)[1] == 0
assert ask(billing, PATH_INFO="/after")[2] == b"ok"
"""


@pytest.mark.parametrize("when", ["cold", "warm"])
def test_each_process_after_a_fork_has_its_own(when: str) -> None:
    """Also where the parent had started it; what is under way at an exit is sent."""
    with upstream() as live, upstream() as shadow:
        command = [sys.executable, "-W", "error", "-c", _HOST, live.url, shadow.url, when]
        subprocess.run(command, check=True, timeout=60)
        expected = {b"/child", b"/after"} | ({b"/parent"} if when == "warm" else set())
        assert {each.target for each in live.taken()} == expected
        assert {each.target for each in shadow.taken()} == expected


def test_a_stalled_shadow_does_not_hold_up_the_hosts_exit() -> None:
    """Its copy is ended after the drain time-out, not after the shadow's."""
    hold = threading.Event()

    def stall(request: Received) -> object:
        return lambda connection: hold.wait(60)

    program = (
        "import sys\n"
        "from tests.support.wsgi import ask\n"
        "from gateway import Gateway, Live, Settings, Shadow\n"
        "from gateway.settings.model import Mirror\n"
        "settings = Settings(live=Live(url=sys.argv[1]), mirror=Mirror(drain_timeout=0.2),\n"
        "    shadows=(Shadow(url=sys.argv[2], timeout=60.0),))\n"
        "assert ask(Gateway(settings))[2] == b'ok'\n"
    )
    with upstream() as live, upstream(stall) as shadow:  # type: ignore[arg-type]
        try:
            subprocess.run(
                [sys.executable, "-c", program, live.url, shadow.url], check=True, timeout=30
            )
        finally:
            hold.set()


def test_it_is_made_of_urls_alone() -> None:
    """And says so when it is given none."""
    with upstream() as live:
        gateway = Gateway(live=live.url)
        try:
            assert ask(gateway)[2] == b"ok"
        finally:
            gateway.close()
            gateway.close()
    with pytest.raises(SettingsError, match="give live, settings or config"):
        Gateway()
