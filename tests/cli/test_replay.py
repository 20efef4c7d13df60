"""`gateway replay`: from files to a real upstream, and what it says and exits with."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import NamedTuple

import pytest

from gateway.cli import main
from gateway.compare.answer import Answer
from gateway.settings.comparison import Compare
from gateway.shadow.copy import Copy
from gateway.traffic.har import document, entry
from gateway.traffic.har_reading import read_har
from gateway.traffic.recorded import Recorded
from gateway.traffic.redacted import redacting
from gateway.traffic.single import SingleFile
from tests.support.upstream import Received, Upstream, upstream
from tests.support.waiting import wait_for
from tests.traffic.exchanges import AT, answer, copy, recorded


class Done(NamedTuple):
    status: int
    out: str
    err: str


Run = Callable[..., Done]


def echo(request: Received) -> bytes:
    """An answer in JSON with the target and the body's length."""
    body = json.dumps({"target": request.target.decode(), "size": len(request.body)}).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


def right(request: Copy) -> Answer:
    """What ``echo`` answers."""
    document = {"target": request.target, "size": len(request.body)}
    return answer(json.dumps(document).encode())


def exchange(number: int, method: str = "GET", body: bytes = b"", **more: float) -> Recorded:
    request = copy(method, f"/{number}", body=body)
    return Recorded(request, right(request), more.get("at", AT + number / 1000))


@pytest.fixture
def target() -> Iterator[Upstream]:
    with upstream(echo) as running:
        yield running


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the command."""
    monkeypatch.delenv("GATEWAY_CONFIG", raising=False)

    def replay(*arguments: object) -> Done:
        try:
            status = main(["replay", *map(str, arguments)])
        except SystemExit as error:
            status = int(error.code or 0)
        printed = capsys.readouterr()
        return Done(status, printed.out, printed.err)

    return replay


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes a recording."""

    def written(*exchanges: Recorded, name: str = "traffic-1.jsonl.gz") -> Path:
        with SingleFile(tmp_path / name) as file:
            for each in exchanges:
                file.add(each)
        return tmp_path / name

    return written


Write = Callable[..., Path]


def test_a_recording_that_matches(run: Run, write: Write, target: Upstream) -> None:
    """Everything is sent, in order, and the exit status is good for CI."""
    file = write(*(exchange(n) for n in range(20)))
    done = run(file, "--to", target.url, "--compare", "--concurrency", 1)
    assert done.status == 0, done
    assert [r.target for r in target.taken()] == [f"/{n}".encode() for n in range(20)]
    assert "100.00 % match (20 match)" in done.out


def test_a_difference_is_found_and_fails(run: Run, write: Write, target: Upstream) -> None:
    """With its place, and both values."""
    wrong = exchange(1)._replace(live=answer(b'{"target": "/1", "size": 3}'))
    file = write(exchange(0), wrong)
    done = run(file, "--to", target.url, "--compare")
    assert done.status == 1
    assert "body value /size" in done.out
    assert "live 3, here 0, as in /1" in done.out
    assert run(file, "--to", target.url, "--compare", "--require-match", 50).status == 0
    assert run(file, "--to", target.url).status == 0


def test_the_rules_of_the_settings_apply(
    run: Run, write: Write, target: Upstream, tmp_path: Path
) -> None:
    """The same as for shadows, a route's included."""
    config = tmp_path / "gateway.toml"
    config.write_text(
        '[live]\nurl = "http://127.0.0.1:1"\n'
        '[[routes]]\npath = "/1"\ncompare = { ignore_paths = ["$.size"] }\n'
    )
    wrong = exchange(1)._replace(live=answer(b'{"target": "/1", "size": 3}'))
    done = run(write(wrong), "--to", target.url, "--compare", "--config", config)
    assert done.status == 0
    assert "1 match after ignoring" in done.out


def test_a_target_that_fails(run: Run, write: Write, target: Upstream) -> None:
    """Is no match, and no success without comparing either."""
    target.script = lambda request: None
    file = write(exchange(0))
    assert "reset: 1" in run(file, "--to", target.url).out
    assert run(file, "--to", target.url).status == 1
    assert run(file, "--to", target.url, "--compare").status == 1


def test_nothing_to_send_is_no_success(run: Run, write: Write, target: Upstream) -> None:
    """A check that checked nothing must not be green."""
    file = write()
    assert run(file, "--to", target.url).status == 3
    silent = write(exchange(0)._replace(live=None), name="b.jsonl")
    assert run(silent, "--to", target.url).status == 0
    assert run(silent, "--to", target.url, "--compare").status == 3


class TestUnsafe:
    """Requests that may change something."""

    @pytest.fixture
    def file(self, write: Write) -> Path:
        return write(exchange(0), exchange(1, "POST", b"x"), exchange(2, "DELETE"))

    def test_to_this_machine_they_are_sent(self, run: Run, file: Path, target: Upstream) -> None:
        """That is what the command is for."""
        for url in (target.url, target.url.replace("127.0.0.1", "localhost")):
            target.forget()
            assert run(file, "--to", url).status == 0
            assert {r.method for r in target.taken()} == {"GET", "POST", "DELETE"}

    def test_to_others_only_if_it_is_said(
        self, run: Run, file: Path, target: Upstream, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """And what was not sent is told."""
        monkeypatch.setattr("gateway.cli.replay._is_here", lambda origin: False)
        done = run(file, "--to", target.url)
        assert [r.method for r in target.taken()] == ["GET"]
        assert "DELETE: 1, POST: 1 (--unsafe sends them)" in done.err
        run(file, "--to", target.url, "--unsafe")
        assert len(target.taken()) == 4

    @pytest.mark.parametrize(
        ("url", "here"),
        [
            ("http://localhost:1", True),
            ("http://127.0.0.2", True),
            ("http://[::1]:1", True),
            ("http+unix:///run/app.sock", True),
            ("http://10.0.0.1", False),
            ("https://staging.example.com", False),
            ("http://localhost.example.com", False),
            ("http://127.0.0.1.example.com", False),
        ],
    )
    def test_what_this_machine_is(self, url: str, here: bool) -> None:
        """By the URL; a name that leads here is not looked up."""
        from gateway.cli.replay import _is_here
        from gateway.transport import Origin

        assert _is_here(Origin.parse(url)) is here


def test_what_was_redacted_is_not_sent(run: Run, write: Write, target: Upstream) -> None:
    """Credentials are given anew; a body of which nothing is left is told of."""
    redact = redacting(Compare())
    secret = copy("GET", "/0", ("Authorization", "Bearer abc"), ("Cookie", "sid=1"))
    binary = copy("POST", "/1", ("Content-Encoding", "br"), body=b"\x00")
    file = write(*(redact(recorded(each)) for each in (secret, binary)))
    done = run(file, "--to", target.url, "--header", "authorization: Bearer new")
    (received,) = target.taken()
    assert received.values("authorization") == ["Bearer new"]
    assert received.values("cookie") == []
    assert "bodies were redacted: POST: 1" in done.err


def test_pace_and_number(run: Run, write: Write, target: Upstream) -> None:
    """Each way to say it; a day's pause is not waited for."""
    file = write(exchange(0), exchange(1, at=AT + 86400), exchange(2, at=AT + 86400.05))
    for pace in (
        ("--max-pause", "50ms"),
        ("--speed", "max"),
        ("--rate", "100/s"),
        ("--speed", "1000000x"),
    ):
        target.forget()
        assert run(file, "--to", target.url, *pace, "--limit", 2).status == 0
        assert sorted(r.target for r in target.taken()) == [b"/0", b"/1"]
    done = run(file, "--to", target.url, "--max-pause", "50ms")
    assert "1 pauses were made 0.05 s long" in done.err


def test_folders_and_several_files_are_one_stream(
    run: Run, write: Write, target: Upstream, tmp_path: Path
) -> None:
    """In the order of the requests, whichever worker wrote them when."""
    write(exchange(3), exchange(1), exchange(5))
    write(exchange(2), exchange(4), name="traffic-2.jsonl.zst")
    (tmp_path / "notes.txt").write_text("no recording")
    done = run(tmp_path, "--to", target.url, "--concurrency", 1, "--format", "json")
    assert [r.target for r in target.taken()] == [b"/1", b"/2", b"/3", b"/4", b"/5"]
    assert json.loads(done.out)["sent"] == 5


class TestHar:
    """What browsers have captured."""

    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        hosts = ["shop.example.com", "shop.example.com", "cdn.example.com"]
        made = []
        for number, host in enumerate(hosts):
            request = copy("GET", f"/{number}", ("Host", host))
            made.append(entry(Recorded(request, right(request), AT + number / 1000)))
        path = tmp_path / "browser.har"
        path.write_bytes(document(made))
        return path

    def test_it_has_to_be_said_which_host_is_meant(
        self, run: Run, file: Path, target: Upstream
    ) -> None:
        """Others' requests, with their cookies, are not for this target."""
        done = run(file, "--to", target.url)
        assert done.status == 2
        assert "--host" in done.err
        assert "1  cdn.example.com" in done.err
        assert target.taken() == []
        assert run(file, "--to", target.url, "--host", "Shop.example.com", "--compare").status == 0
        assert sorted(r.target for r in target.taken()) == [b"/0", b"/1"]

    def test_answers_are_saved_as_one(
        self, run: Run, file: Path, target: Upstream, tmp_path: Path
    ) -> None:
        """With what was sent, and what failed."""
        out = tmp_path / "answers.har"
        target.script = lambda request: echo(request) if request.target == b"/0" else None
        run(file, "--to", target.url, "--host", "shop.example.com", "--save-har", out)
        got = {each.request.target: each.live for each in read_har(out, pytest.fail)}
        assert got.keys() == {"/0", "/1"}
        assert got["/0"] is not None
        assert got["/0"].body == right(copy("GET", "/0")).body
        assert got["/1"] is None

    def test_a_file_that_is_none(self, run: Run, target: Upstream, tmp_path: Path) -> None:
        """Is told, before anything is sent."""
        path = tmp_path / "a.har"
        path.write_text('{"log": {"entries": 1}}')
        done = run(path, "--to", target.url)
        assert (done.status, "no log.entries" in done.err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--to", "ftp://x"], "--to"),
        (["--to", "http://x/?a=b"], "--to"),
        (["--to", "http://127.0.0.1:1", "--speed", "fast"], "2x"),
        (["--to", "http://127.0.0.1:1", "--speed", "0x"], "2x"),
        (["--to", "http://127.0.0.1:1", "--rate", "0/s"], "100/s"),
        (["--to", "http://127.0.0.1:1", "--speed", "2x", "--rate", "1/s"], "not allowed"),
        (["--to", "http://127.0.0.1:1", "--limit", "0"], "from 1 on"),
        (["--to", "http://127.0.0.1:1", "--timeout", "soon"], "30s"),
        (["--to", "http://127.0.0.1:1", "--header", "no colon"], "header field"),
        (["--to", "http://127.0.0.1:1", "--header", "A: b\nC: d"], "header field"),
        (["--to", "http://127.0.0.1:1", "--require-match", "101"], "0 to 100"),
        (["--to", "http://127.0.0.1:1", "--compare", "--config", "/nowhere.toml"], "nowhere"),
        ([], "--to"),
    ],
)
def test_wrong_arguments_are_told(arguments: list[str], said: str, run: Run, write: Write) -> None:
    """With what is right."""
    done = run(write(exchange(0)), *arguments)
    assert done.status == 2
    assert said in done.err


def test_files_that_are_not_there(run: Run, tmp_path: Path, target: Upstream) -> None:
    """Are told by name."""
    done = run(tmp_path / "nowhere.jsonl.gz", "--to", target.url)
    assert (done.status, "nowhere.jsonl.gz" in done.err) == (2, True)
    assert run(tmp_path, "--to", target.url).status == 2


def test_a_damaged_file_is_sent_as_far_as_it_goes(run: Run, write: Write, target: Upstream) -> None:
    """And it is told."""
    file = write(*(exchange(n) for n in range(3000)))
    file.write_bytes(file.read_bytes()[:-300])
    done = run(file, "--to", target.url, "--speed", "max")
    assert "damaged" in done.err
    assert 0 < len(target.taken()) < 3000


def test_ctrl_c_ends_it_with_what_there_is(write: Write, tmp_path: Path) -> None:
    """A summary of what was sent, a HAR that is one, and the status of the signal."""
    hold = Event()
    with upstream(lambda r: echo(r) if r.target == b"/0" else lambda s: hold.wait(20)) as target:
        file, out = write(exchange(0), exchange(1), exchange(2, at=AT + 50)), tmp_path / "o.har"
        command = [sys.executable, "-m", "gateway", "replay", str(file), "--to", target.url]
        clean = {k: v for k, v in os.environ.items() if not k.startswith("GATEWAY_")}
        with subprocess.Popen(
            [*command, "--save-har", str(out)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=clean,
        ) as child:
            wait_for(lambda: len(target.taken()) == 2, "two requests")
            child.send_signal(signal.SIGINT)
            told, errors = child.communicate(timeout=15)
        hold.set()
    assert child.returncode == 130, errors
    assert "sent 1 to" in told
    assert "Traceback" not in errors
    assert len(read_har(out, pytest.fail)) == 1
