"""Recording with a whole gateway: on demand and all the time, with all workers, and replayed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.traffic.reading import read_archive
from gateway.traffic.recorded import Recorded
from gateway.traffic.source import exchanges_in, files_in
from tests.support.gateway import GatewayProcess, gateway
from tests.support.upstream import Received, upstream
from tests.support.waiting import wait_for


def echo(request: Received) -> bytes:
    """An answer in JSON that tells the path."""
    path = request.target.partition(b"?")[0]
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    body = json.dumps({"path": path.decode()}).encode()
    return head % len(body) + body


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("GATEWAY_")}
    run = [sys.executable, "-m", "gateway", *arguments]
    return subprocess.run(run, capture_output=True, text=True, timeout=60, env=clean)


def send(running: GatewayProcess, number: int, path: str = "/invoices") -> None:
    """So many requests, each on a connection of its own: any worker may have it."""
    for each in range(number):
        with running.client() as client:
            fields = ("Authorization: Bearer secret", "Content-Type: application/json")
            body = b'{"password": "secret"}' if each % 2 else None
            method = "POST" if body else "GET"
            assert client.request(method, f"{path}/{each}?token=secret", *fields, body=body)


def read(path: Path) -> list[Recorded]:
    return list(read_archive(path, pytest.fail))


def test_record_a_running_gateway_and_replay_it(tmp_path: Path) -> None:
    """Two workers, no shadow; the file is complete, without secrets, and matches."""
    out = tmp_path / "traffic.jsonl.gz"
    with upstream(echo) as live, gateway("--live", live.url, "--workers", "2") as running:
        admin = ("--admin", f"127.0.0.1:{running.admin}")
        run = [sys.executable, "-m", "gateway", "record", "--for", "60s", *admin]
        with subprocess.Popen([*run, "--out", str(out)], stderr=subprocess.PIPE) as recording:
            wait_for(lambda: json.loads(running.get("/api/record")[1])["recording"], "it")
            # Workers look four times a second; what comes before that is not recorded.
            wait_for(lambda: (send(running, 2, "/warm"), _recorded(running))[1], "the workers", 20)
            send(running, 40)
            assert command("record", "--status", *admin).stdout.startswith("recording 100 %")
            stopped = command("record", "--stop", *admin)
            assert stopped.returncode == 0, stopped.stderr
            _, errors = recording.communicate(timeout=30)
            assert recording.returncode == 0, errors
        found = [each for each in read(out) if each.request.target.startswith("/invoices")]
        assert len(found) == 40
        assert "secret" not in repr(found)
        assert {each.route for each in found} == {"default"}
        times = [each.at for each in found]
        assert times == sorted(times)
        running.stop()
    with upstream(echo) as rewrite:
        done = command(
            *("replay", str(out), "--to", rewrite.url, "--speed", "max", "--compare"),
            *("--format", "json"),
        )
        assert done.returncode == 0, done.stderr
        counts = json.loads(done.stdout)["counts"]
        assert counts["match"] == len(read(out))
        assert len(rewrite.taken()) == len(read(out))


def _recorded(running: GatewayProcess) -> bool:
    return running.metric("gateway_recorded_total") > 0


def test_record_all_the_time(tmp_path: Path) -> None:
    """By the settings, with a shadow beside it; the rest is written when it stops."""
    folder = tmp_path / "recordings"
    with upstream(echo) as live, upstream(echo) as shadow:
        config = f"""
            [live]
            url = "{live.url}"
            [[shadows]]
            url = "{shadow.url}"
            [record]
            folder = "{folder}"
            percent = 100
            methods = ["GET"]
            compression = "zstd"
        """
        with gateway("--workers", "2", config=config) as running:
            send(running, 20)
            running.settled(20)
            assert running.stop() == 0
    found = list(exchanges_in(files_in([folder]), pytest.fail))
    assert len(found) == 10
    assert all(each.live is not None and each.live.status == 200 for each in found)


def test_no_recording_without_a_gateway(tmp_path: Path) -> None:
    """Said in a sentence, and no file is left."""
    out = tmp_path / "out.jsonl.gz"
    done = command("record", "--admin", "127.0.0.1:9", "--out", str(out))
    assert done.returncode == 1
    assert "Is the gateway running?" in done.stderr
    assert not out.exists()


@pytest.mark.parametrize(
    ("document", "status"),
    [
        ({"percent": 101}, 422),
        ({"seconds": 0}, 422),
        ({"seconds": 10**6}, 422),
        ({"folder": "/etc"}, 422),
        ([], 422),
        ({"stop": True}, 200),
    ],
    ids=["percent", "no-time", "too-long", "folder", "list", "stop"],
)
def test_the_api_refuses_what_it_does_not_understand(
    document: object, status: int, running: GatewayProcess
) -> None:
    """Nobody chooses a folder through it."""
    assert running.post("/api/record", document)[0] == status


@pytest.mark.parametrize("name", ["nothing", "..%2fsettings.json", "%2e%2e"])
def test_the_api_hands_out_recordings_only(name: str, running: GatewayProcess) -> None:
    """By their names."""
    assert running.get(f"/api/record/{name}")[0] == 404
