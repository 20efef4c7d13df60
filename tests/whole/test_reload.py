"""``gateway reload``: new settings while it runs, and what became of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import chain, repeat
from pathlib import Path
from threading import Event

import pytest

from gateway.cli.reload import NotReloaded, reload
from tests.support.gateway import GatewayProcess, free_port, gateway
from tests.support.upstream import OK, Received, Upstream, upstream
from tests.support.waiting import wait_for
from tests.whole.test_lifetime import Traffic
from tests.whole.test_steering import command


class Configured:
    """A gateway with a settings file that can be changed."""

    def __init__(self, running: GatewayProcess, file: Path, live: Upstream) -> None:
        self.running = running
        self.file = file
        self.live = live

    def write(self, more: str = "", workers: int = 2) -> None:
        self.file.write_text(
            f'[live]\nurl = "{self.live.url}"\n[server]\nworkers = {workers}\n'
            f'[admission]\nmode = "off"\n{more}\n'
        )

    def reload(self, *arguments: str) -> tuple[int, str, str]:
        """Exit status, what was said, and what was complained of."""
        where = arguments or ("--admin", f"127.0.0.1:{self.running.admin}")
        done = command("reload", *where)
        return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def configured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Configured]:
    folder = tmp_path_factory.mktemp("reload")
    file = folder / "gateway.toml"
    env = {"GATEWAY_CONFIG": str(file), "GATEWAY_RUNTIME_DIR": str(folder / "runtime")}
    with upstream() as live:
        Configured(None, file, live).write()  # type: ignore[arg-type]
        with gateway(env=env) as running:
            yield Configured(running, file, live)


@pytest.mark.parametrize(("workers", "by"), [(1, "--admin"), (2, "--runtime")])
def test_when_it_says_so_all_workers_run_the_new_settings(
    configured: Configured, workers: int, by: str
) -> None:
    """Old ones have gone: whatever is asked next is asked of a new one.

    It is found by its admin address, or by the folder of settings.runtime_dir.
    """
    folder = str(configured.file.parent / "runtime")
    old = set(configured.running.workers())
    configured.write('[security_headers]\nreferrer_policy = "no-referrer"', workers)
    status, said, _ = configured.reload(*([by, folder] if by == "--runtime" else []))
    run = "worker runs" if workers == 1 else "workers run"
    assert (status, said) == (0, f"reloaded: {workers} {run} the new settings\n")
    new = configured.running.workers()
    assert len(new) == workers
    assert not old & set(new)
    with configured.running.client() as client:
        assert client.request("GET", "/").values("Referrer-Policy") == ["no-referrer"]
    assert configured.running.metric("gateway_reload_successful") == 1


def test_settings_that_cannot_be_used_are_refused_and_it_says_why(configured: Configured) -> None:
    """Those in force stay, the log and a metric say so, and mending the file mends it."""
    configured.write("[cors]\nallow = 1\n[compression]\nmin_size = -1")
    status, said, complaint = configured.reload()
    assert (status, said) == (1, "")
    assert "the settings in force stay" in complaint
    for problem in ("cors.allow", "compression.min_size", "gateway.toml:"):
        assert problem in complaint
    assert "The settings in force are kept" in configured.running.output
    assert configured.running.metric("gateway_reload_successful") == 0
    with configured.running.client() as client:
        assert client.request("GET", "/").body == b"ok"
    configured.write()
    assert configured.reload()[0] == 0
    assert configured.running.metric("gateway_reload_successful") == 1


def test_it_says_when_there_is_nobody_to_ask(configured: Configured, tmp_path: Path) -> None:
    """Each way of naming it has its own sentence."""
    status, _, complaint = configured.reload("--admin", f"127.0.0.1:{free_port()}")
    assert (status, "Is the gateway running?" in complaint) == (1, True)
    status, _, complaint = configured.reload("--runtime", str(tmp_path))
    assert (status, "there are none" in complaint) == (1, True)
    (tmp_path / "broken.toml").write_text("[live]\n")
    status, _, complaint = configured.reload("--config", str(tmp_path / "broken.toml"))
    assert (status, "live.url" in complaint, "--admin" in complaint) == (1, True, True)


def test_it_waits_no_longer_than_it_is_told(configured: Configured) -> None:
    """And says how far it has come; a request under way is finished all the same."""
    hold = Event()

    def slow(request: Received) -> Iterator[bytes]:
        hold.wait(30)
        yield OK

    def new_workers() -> bool:
        workers = json.loads(configured.running.get("/api/reload")[1])["workers"]
        return workers["new"] == 2 and workers["old"] == 1

    configured.write()
    configured.live.script = slow
    configured.live.forget()
    times = chain([0, 1, 2], repeat(61))
    with configured.running.client(30) as client:
        client.send(b"GET / HTTP/1.1\r\nHost: g\r\n\r\n")
        wait_for(configured.live.taken, "the request")
        with pytest.raises(NotReloaded) as caught:
            reload(
                f"127.0.0.1:{configured.running.admin}",
                60,
                clock=lambda: next(times),
                pause=lambda seconds: wait_for(new_workers, "new workers") and None,
            )
        hold.set()
        assert client.answer().body == b"ok"
    said = str(caught.value)
    assert "not reloaded in 60 s" in said
    assert "of 2 workers 2 run the new settings, and 1 old ones" in said
    configured.live.script = lambda request: OK


def test_no_request_is_lost_over_it(configured: Configured) -> None:
    """Settings that change the chain, while clients go on asking."""
    with Traffic(configured.running, 2, 20) as traffic:
        configured.write("[cors]\norigins = ['*']")
        assert configured.reload()[0] == 0
    assert set(traffic.outcomes) == {"200"}
    assert traffic.outcomes["200"] > 20


def test_a_page_elsewhere_cannot_make_it_reload(configured: Configured) -> None:
    """It takes JSON that was meant for it."""
    port = configured.running.admin
    with GatewayProcess(configured.running.process, port, port, Path()).client() as client:
        head = f"POST /api/reload HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        client.send(f"{head}Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{{}}".encode())
        assert client.answer().status == 415
        foreign = "Origin: https://evil.example"
        document = "Content-Type: application/json"
        assert client.request("POST", "/api/reload", foreign, document, body=b"{}").status == 403
