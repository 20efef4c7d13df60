"""``make run``'s demo, started for real on free ports."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.support.gateway import fetch
from tests.support.waiting import wait_for

ROOT = Path(__file__).resolve().parent.parent
FREE_PORTS = [f"--{name}-port=0" for name in ("live", "shadow", "gateway", "admin")]
ORDER = {
    "customer": "c-1001",
    "reference": "test",
    # VAT on 7.50 is 1.425: where live and shadow part.
    "lines": [{"text": "Inner tube", "quantity": 3, "unit_price": 2.50, "vat_rate": 19}],
}


@dataclass
class Demo:
    """A demo that runs, and what it told about itself."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def output(self) -> str:
        return self.log.read_text()

    def up(self) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(f"the demo ended with {self.process.returncode}:\n{self.output}")
        return "More traffic" in self.output

    def commands(self) -> list[str]:
        """The curl commands, in the order they are shown."""
        return re.findall(r"^  (curl .*)$", self.output, re.MULTILINE)

    def urls(self) -> dict[str, str]:
        """Base URLs of the four listeners, taken from those commands."""
        found = [re.findall(r"http://[0-9.:]+", command)[0] for command in self.commands()]
        return dict(zip(("gateway", "gateway", "live", "shadow", "admin"), found, strict=True))

    def tree(self) -> list[psutil.Process]:
        """Every process it has started, directly or not."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def child(self, text: str) -> psutil.Process:
        """The direct child with this text in its command line."""
        children = psutil.Process(self.process.pid).children()
        return next(child for child in children if text in " ".join(child.cmdline()))


@contextmanager
def start_demo(folder: Path) -> Iterator[Demo]:
    """A demo of our own; kills what it left behind should a test fail."""
    log = folder / "output"
    command = [sys.executable, "scripts/demo/run.py", *FREE_PORTS, "--", "--workers", "1"]
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output)
    demo = Demo(process, log)
    started: list[psutil.Process] = []
    try:
        wait_for(demo.up, "the demo to be up", 30)
        started = demo.tree()
        yield demo
    finally:
        process.terminate()
        process.wait(30)
        for child in filter(psutil.Process.is_running, started):
            child.kill()
        # Of one that was killed outright.
        for left in re.findall(r"--config (/\S+)/gateway.toml", demo.output):
            shutil.rmtree(left, ignore_errors=True)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """One for all tests that do not end it."""
    with start_demo(tmp_path_factory.mktemp("demo")) as running:
        yield running


def counters(url: str) -> dict[str, int]:
    document: dict[str, int] = json.loads(fetch(f"{url}/-/counters")[1])
    return document


def gone(processes: list[psutil.Process]) -> None:
    """Wait until none of these is left."""
    _, alive = psutil.wait_procs(processes, timeout=15)
    assert alive == []


def test_live_answers_and_the_shadow_gets_a_copy(demo: Demo) -> None:
    """A request through the gateway is answered by live, and the shadow has it too."""
    url = demo.urls()
    before = counters(url["shadow"]).get("copies", 0)

    # Three, since one in a hundred is held out.
    for number in range(3):
        order = ORDER | {"reference": f"test-{number}"}
        status, text = fetch(f"{url['gateway']}/invoices", json.dumps(order).encode())
        assert (status, json.loads(text)["vat"]) == (201, "1.43")

    wait_for(lambda: counters(url["shadow"]).get("copies", 0) > before, "a copy")
    assert "copies" not in counters(url["live"])


def test_the_rewrite_is_wrong_by_a_cent_and_nothing_else(demo: Demo) -> None:
    """The bug is what it is said to be: half a cent of VAT goes to the even neighbour."""
    url = demo.urls()
    order = ORDER | {"reference": "cent"}
    answers = {
        role: json.loads(fetch(f"{url[role]}/invoices", json.dumps(order).encode())[1])
        for role in ("live", "shadow")
    }
    differing = {
        key: (answers["live"][key], answers["shadow"][key])
        for key in answers["live"]
        if answers["live"][key] != answers["shadow"][key]
    }
    assert differing == {
        "vat": ("1.43", "1.42"),
        "total": ("8.93", "8.92"),
        "open": ("8.93", "8.92"),
    }


def test_without_half_cents_both_services_agree(demo: Demo) -> None:
    """Ids and totals do not depend on the process, so that only the bug shows."""
    url = demo.urls()
    line = {"text": "Gift card", "quantity": 1, "unit_price": "25.00", "vat_rate": 0}
    order = {"customer": "c-1005", "reference": "agree", "lines": [line]}
    live, shadow = (
        fetch(f"{url[role]}/invoices", json.dumps(order).encode()) for role in ("live", "shadow")
    )
    assert live == shadow


@pytest.mark.skipif(shutil.which("curl") is None, reason="the commands shown are for curl")
def test_the_commands_shown_can_be_pasted(demo: Demo) -> None:
    """Each curl command works as printed, and the two at the services show the cent."""
    printed = []
    for command in demo.commands():
        done = subprocess.run(
            ["sh", "-c", command.replace("curl ", "curl --silent --fail --noproxy '*' ", 1)],
            capture_output=True,
            timeout=20,
            check=True,
        )
        printed.append(done.stdout.decode())
        if "-d" in shlex.split(command):
            copied = json.loads(printed[-1])["id"]
            shadow = demo.urls()["shadow"]
            wait_for(lambda: fetch(f"{shadow}/invoices/{copied}")[0] == 200, "the copy")  # noqa: B023
    assert ("1.43" in printed[2], "1.42" in printed[3]) == (True, True)
    assert 'outcome="answered"' in printed[4]


def test_traffic_is_answered_and_its_copies_are_accounted_for(demo: Demo) -> None:
    """``make demo-traffic``: every request has an answer, and the figures show the shadow."""
    url = demo.urls()
    command = [sys.executable, "scripts/demo/traffic.py", "--url", url["gateway"]]
    command += ["--admin", url["admin"], "--seconds", "1.5", "--rate", "60", "--seed", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=30, check=True)
    text = done.stdout.decode()
    assert re.search(r"^\d+ requests in .* s, 0 without an answer\.$", text, re.MULTILINE)
    assert "order: 201" in text
    assert "pay: 201" in text
    assert 'outcome="answered"' in text


def test_the_report_points_at_the_wrong_field(demo: Demo) -> None:
    """Half a cent of VAT: the command that the demo shows says so, with both values."""
    url = demo.urls()
    for number in range(5):
        order = ORDER | {"reference": f"report-{number}"}
        fetch(f"{url['gateway']}/invoices", json.dumps(order).encode())
    (shown,) = re.findall(r"^  (\S+ report --config \S+)$", demo.output, re.MULTILINE)
    command = [sys.executable, "-m", "gateway", *shlex.split(shown)[1:]]

    def report() -> str:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=30, check=False)
        text = done.stdout.decode()
        return text if "order /vat: value" in text else ""

    text = wait_for(report, "the report to have the difference", 20)
    first = text.split("Differences\n", 1)[1]
    assert first.lstrip().startswith("1. order /vat: value")
    assert re.search(r'live +"1.43"\n +shadow +"1.42"\n +and with it .*/total', first)
    assert re.search(r"-0\.\d+ EUR in all", text)


def test_ctrl_c_ends_everything(tmp_path: Path) -> None:
    """SIGINT: exit status 0 and no process left."""
    with start_demo(tmp_path) as demo:
        processes = demo.tree()
        demo.process.send_signal(signal.SIGINT)
        assert demo.process.wait(15) == 0
        gone(processes)


def test_killed_outright_it_leaves_nothing(tmp_path: Path) -> None:
    """SIGKILL cannot be caught; the kernel tells the children."""
    with start_demo(tmp_path) as demo:
        processes = demo.tree()
        demo.process.kill()
        gone(processes)


@pytest.mark.parametrize(
    "name", ["billing:live()", "gateway.wsgi:application"], ids=["live", "gateway"]
)
def test_what_it_cannot_do_without_is_named_and_ends_everything(tmp_path: Path, name: str) -> None:
    """The end of live or of the gateway is an error that says which, and takes the others along."""
    with start_demo(tmp_path) as demo:
        processes = demo.tree()
        demo.child(name).kill()
        assert demo.process.wait(15) == 1
        assert re.search(r"'(live|gateway)' ended \(signal 9\)", demo.output)
        gone(processes)


def test_the_shadow_may_die_and_come_back(tmp_path: Path) -> None:
    """Clients do not notice, the dashboard does, and the command that is shown starts it."""
    with start_demo(tmp_path) as demo:
        url = demo.urls()
        (pid,) = re.findall(r"^  kill (\d+)$", demo.output, re.MULTILINE)
        shadow = demo.child("billing:shadow()")
        assert shadow.pid == int(pid)
        lost = [shadow, *shadow.children()]
        shadow.kill()
        wait_for(lambda: "'shadow' ended (signal 9)" in demo.output, "the news")
        gone(lost)
        for _ in range(6):
            assert fetch(f"{url['gateway']}/customers/c-1001/statement")[0] == 200
        trouble = "Shadow rewrite cannot be reached"
        wait_for(lambda: trouble in fetch(f"{url['admin']}/")[1], "the dashboard to say so")
        (command,) = re.findall(r"^  (\(cd .*billing:shadow.*)$", demo.output, re.MULTILINE)
        again = subprocess.Popen(["sh", "-c", command], cwd=ROOT, start_new_session=True)
        try:
            wait_for(lambda: _answers(f"{url['shadow']}/-/counters"), "it to be back")
            wait_for(lambda: trouble not in fetch(f"{url['admin']}/")[1], "the dashboard to see it")
        finally:
            os.killpg(again.pid, signal.SIGTERM)
            again.wait(15)


def _answers(url: str) -> bool:
    try:
        return fetch(url)[0] == 200
    except OSError:
        return False


def test_traffic_for_nobody_is_said_at_once() -> None:
    """With what to do first; not after a minute of refused connections."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    command = [sys.executable, "scripts/demo/traffic.py", "--url", url]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=15, check=False)
    assert done.returncode == 2
    assert f"{url} cannot be connected to (Connection refused)" in done.stderr.decode()
    assert "make run" in done.stderr.decode()


def test_a_port_in_use_is_said_before_anything_starts() -> None:
    """The sentence names the port, what wants it, and what to do."""
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        command = [sys.executable, "scripts/demo/run.py", *FREE_PORTS, f"--admin-port={port}"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=30, check=False)
    assert done.returncode == 2
    assert f"port {port} on 127.0.0.1, meant for admin: Address already in use" in (
        done.stderr.decode()
    )
    assert "--admin-port 0" in done.stderr.decode()
