"""The command line and the admin listener of a running gateway."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import psutil
import pytest

from gateway.metrics import METRICS
from tests.support.gateway import GatewayProcess, free_port, gateway
from tests.support.upstream import Upstream, upstream
from tests.support.waiting import wait_for


def command(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run ``gateway`` and return what it said."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("GATEWAY_")}
    return subprocess.run(
        [sys.executable, "-m", "gateway", *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        env={**clean, **env},
    )


def steer(running: GatewayProcess, *arguments: str) -> subprocess.CompletedProcess[str]:
    return command("shadow", *arguments, "--admin", f"127.0.0.1:{running.admin}")


def send(running: GatewayProcess, requests: int) -> None:
    for _ in range(requests):
        with running.client() as client:
            assert client.request("GET", "/").status == 200


def test_a_shadow_is_switched_while_running_and_all_workers_follow() -> None:
    """Off, a share, and back; visible in the gauge; each change within a second."""
    with upstream() as live, upstream() as shadow:
        with gateway("--live", live.url, "--shadow", shadow.url, "--workers", "3") as running:
            gauge = "gateway_shadow_percent"
            wait_for(lambda: running.metric(gauge) == 100, "the configured share")
            assert steer(running, "shadow", "--off").stdout == "shadow is off\n"
            wait_for(lambda: running.metric(gauge) == 0, "off", timeout=1)
            _a_second_later()
            send(running, 30)
            assert running.settled(30) == {"skipped switched_off": 30}
            done = steer(running, "shadow", "--percent", "100")
            assert done.stdout == "shadow gets 100 % of its requests\n"
            wait_for(lambda: running.metric(gauge) == 100, "the new share", timeout=1)
            _a_second_later()
            send(running, 30)
            assert running.settled(60) == {"skipped switched_off": 30, "answered": 30}


def test_shadows_are_listed_with_what_they_get_and_go_back_to_their_settings() -> None:
    """What is unusual is said: a share that was changed, one that fails, one that is off."""
    with upstream() as live, upstream() as good, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        down = f"http://127.0.0.1:{closed.getsockname()[1]}"
        config = f"""
            [server]
            workers = 1
            [live]
            url = "{live.url}"
            [[shadows]]
            name = "rewrite"
            url = "{good.url}"
            percent = 40
            [[shadows]]
            name = "down"
            url = "{down}"
            breaker_failures = 1
            breaker_cooldown = "1h"
        """
        with gateway(config=config) as running:
            assert steer(running).stdout.splitlines() == [
                f"rewrite  gets 40 % of its requests → {good.url}",
                f"down     gets 100 % of its requests → {down}",
            ]
            send(running, 1)
            steer(running, "rewrite", "--percent", "5")
            resting = "gets 100 % of its requests; fails, and is given a rest by 1 worker"
            listed = wait_for(
                lambda: resting in (said := steer(running).stdout) and said, "the rest", 5
            )
            changed = f"rewrite  gets 5 % of its requests; the settings say 40 % → {good.url}"
            assert listed.splitlines() == [changed, f"down     {resting} → {down}"]
            steer(running, "rewrite", "--off")
            said = steer(running).stdout.splitlines()[0]
            assert said == f"rewrite  is off; the settings say 40 % → {good.url}"
            done = steer(running, "rewrite", "--reset")
            assert done.stdout == "rewrite gets 40 % of its requests\n"
            assert steer(running).stdout.splitlines()[0] == (
                f"rewrite  gets 40 % of its requests → {good.url}"
            )


def test_a_gateway_that_mirrors_nothing_says_so() -> None:
    """An empty list would look like an error."""
    with upstream() as live, gateway("--live", live.url, "--workers", "1") as running:
        assert steer(running).stdout == "no shadow is configured: nothing is mirrored\n"


def _a_second_later() -> None:
    """The claim is about a second, so a second it is."""
    end = time.monotonic() + 1
    wait_for(lambda: time.monotonic() > end, "a second")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nobody", "--off"], "There is no shadow 'nobody'; known: shadow"),
        (["shadow", "--percent", "101"], "'101' is not a number from 0 to 100"),
        (["shadow"], "give a NAME with one of --percent, --off and --reset"),
        (["--off"], "give a NAME with one of --percent, --off and --reset"),
        (["shadow", "--off", "--reset"], "not allowed with argument"),
    ],
    ids=["unknown", "percent", "neither", "nobody", "both"],
)
def test_a_wrong_switch_says_what_is_wrong(
    arguments: list[str], said: str, running: GatewayProcess
) -> None:
    """And exits with an error."""
    done = steer(running, *arguments)
    assert done.returncode != 0
    assert said in done.stderr


def test_without_a_gateway_the_command_says_what_to_do() -> None:
    """Nobody listens on the admin address."""
    done = command("shadow", "s", "--off", "--admin", f"127.0.0.1:{free_port()}")
    assert done.returncode == 1
    assert "Is the gateway running?" in done.stderr


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"Content-Type": "text/plain"}, b'{"off": true}', 415),
        ({"Content-Type": "application/json"}, b"off", 422),
        ({"Content-Type": "application/json"}, b'{"percent": 101}', 422),
        ({"Content-Type": "application/json"}, b'{"percent": true}', 422),
        ({"Content-Type": "application/json"}, b'{"percent": 1, "x": 1}', 422),
        ({"Content-Type": "application/json"}, b"[]", 422),
        ({"Content-Type": "application/json"}, b"[" * 4000, 422),
        ({"Content-Type": "application/json"}, b'{"percent": 1, "off": true}', 422),
        ({"Content-Type": "application/json"}, b'{"reset": true, "off": true}', 422),
        ({"Content-Type": "application/json"}, b'{"reset": false}', 422),
        ({"Content-Type": "application/json"}, b"{}", 422),
        ({"Content-Type": "application/json"}, b" " * 5000, 413),
    ],
    ids=[
        "form",
        "not-json",
        "range",
        "bool",
        "unknown-key",
        "list",
        "deep",
        "both",
        "reset-and-off",
        "no-reset",
        "neither",
        "long",
    ],
)
def test_the_api_refuses_what_it_does_not_understand(
    headers: dict[str, str], body: bytes, status: int, running: GatewayProcess
) -> None:
    """A form that another site makes a browser post included."""
    url = f"http://127.0.0.1:{running.admin}/api/shadows/shadow"
    request = urllib.request.Request(url, body, headers)
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=5)
    with caught.value as error:
        assert error.code == status
        assert error.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "http://{address}"}, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "http://evil.example", "Host": "evil.example"}, 403),
        ({"Sec-Fetch-Site": "same-origin", "Host": "evil.example:9900"}, 403),
        ({"Host": "gateway.monitoring.svc:9900"}, 403),
    ],
    ids=["command", "typed", "own", "other", "origin", "rebound", "rebound-get", "name"],
)
def test_pages_of_other_sites_get_nothing(
    fields: dict[str, str], status: int, running: GatewayProcess
) -> None:
    """Also when their name was made to resolve to our address, whatever the browser tells."""
    address = f"127.0.0.1:{running.admin}"
    request = urllib.request.Request(f"http://{address}/api/shadows")
    for name, value in fields.items():
        request.add_header(name, value.format(address=address))
    try:
        answer = urllib.request.urlopen(request, timeout=5)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        assert answer.status == status


def test_probes_and_scrapers_use_any_name(running: GatewayProcess) -> None:
    """A name alone makes no page."""
    for path in ("/healthz", "/readyz", "/metrics"):
        request = urllib.request.Request(f"http://127.0.0.1:{running.admin}{path}")
        request.add_header("Host", "gateway.monitoring.svc:9900")
        with urllib.request.urlopen(request, timeout=5) as answer:
            assert answer.status == 200


def test_an_admin_listener_on_a_unix_socket(tmp_path: Path) -> None:
    """Out of reach of everything but this machine's files."""
    with upstream() as live, upstream() as shadow:
        admin = f"unix:{tmp_path}/admin.sock"
        env = {"GATEWAY_LIVE": live.url, "GATEWAY_SHADOW": shadow.url, "GATEWAY_ADMIN": admin}
        clean = {k: v for k, v in os.environ.items() if not k.startswith("GATEWAY_")}
        run = [sys.executable, "-m", "gateway", "run", "--bind", "127.0.0.1:0"]
        process = subprocess.Popen(run, env={**clean, **env})
        try:
            wait_for(
                lambda: command("shadow", "shadow", "--off", "--admin", admin).returncode == 0,
                "the switch",
                20,
            )
        finally:
            process.terminate()
            assert process.wait(30) == 0


def test_a_gateway_replaces_another_on_sigusr2(tmp_path: Path) -> None:
    """gunicorn's upgrade on the fly: public and admin listeners go over to the new one."""
    with upstream() as live, gateway("--live", live.url) as running:
        old = psutil.Process(running.process.pid)
        before = set(running.workers())
        running.process.send_signal(signal.SIGUSR2)
        (new,) = wait_for(
            lambda: [c for c in old.children() if len(c.children()) >= 3], "the new gateway", 20
        )
        assert running.stop() == 0
        try:
            wait_for(lambda: _ready(running) and not before & set(running.workers()), "it alone")
            send(running, 5)
        finally:
            family = [new, *new.children(recursive=True)]
            new.terminate()
            assert psutil.wait_procs(family, timeout=20)[1] == []


def test_health_and_readiness(running: GatewayProcess) -> None:
    """Machine-readable, not cached."""
    assert json.loads(running.get("/healthz")[1]) == {"status": "ok", "workers": 1}
    status, text = running.get("/readyz")
    assert status == 200
    assert json.loads(text) == {
        "status": "ready",
        "workers": {"serving": 1, "draining": 0},
        "live": "reachable",
    }
    assert running.get("/nothing")[0] == 404
    assert running.post("/healthz", {})[0] == 405


def test_every_declared_metric_is_exported(running: GatewayProcess, live: Upstream) -> None:
    """Under its name, with its labels, and its help."""
    send(running, 1)
    running.settled(1)
    text = wait_for(
        lambda: "gateway_shadow_percent" in (t := running.get("/metrics")[1]) and t, "gauges"
    )
    for name, (kind, labels, *_) in METRICS.items():
        family = name.removesuffix("_total") if kind == "counter" else name
        assert f"# TYPE {name} {kind}" in text or f"# TYPE {family} {kind}" in text, name
        samples = [line for line in text.splitlines() if line.startswith(name)]
        for label in labels:
            assert all(f'{label}="' in line for line in samples), name


def test_the_admin_pages_are_not_reachable_through_the_public_listener(
    running: GatewayProcess, live: Upstream, shadow: Upstream
) -> None:
    """There they are targets like any other: live's business."""
    for target in ("/metrics", "/healthz", "/readyz", "/api/shadows"):
        with running.client() as client:
            assert client.request("GET", target).body == b"ok"
    assert [r.target for r in live.taken()] == [
        b"/metrics",
        b"/healthz",
        b"/readyz",
        b"/api/shadows",
    ]


def test_metrics_are_right_across_workers() -> None:
    """And stay right when a worker is replaced; shadow calls count in no live figure."""
    with upstream() as live, upstream() as shadow:
        with gateway("--live", live.url, "--shadow", shadow.url, "--workers", "3") as running:
            send(running, 60)
            running.settled(60)
            os.kill(running.workers()[0], 9)
            wait_for(lambda: len(running.workers()) == 3, "a new worker")
            send(running, 60)
            running.settled(120)
            assert running.metric("gateway_requests_total", method="GET", status="200") == 120
            for histogram in ("request", "upstream"):
                name = f"gateway_{histogram}_duration_seconds_count"
                assert running.metric(name) == 120
            assert running.metric("gateway_inflight_requests") == 0


def test_gunicorn_by_hand_is_equal_to_gateway_run() -> None:
    """The same settings from the environment, the same gateway."""
    root = Path(__file__).parents[2]
    with upstream() as live, upstream() as shadow:
        port, admin = free_port(), free_port()
        env = {
            **{k: v for k, v in os.environ.items() if not k.startswith("GATEWAY_")},
            "GATEWAY_LIVE": live.url,
            "GATEWAY_SHADOW": shadow.url,
            "GATEWAY_BIND": f"127.0.0.1:{port}",
            "GATEWAY_ADMIN": f"127.0.0.1:{admin}",
            "GATEWAY_ISOLATION_HOLDOUT": "0",
        }
        command = [sys.executable, "-m", "gunicorn", "-c", str(root / "gunicorn.conf.py")]
        process = subprocess.Popen([*command, "gateway.wsgi:application"], env=env, cwd=root)
        running = GatewayProcess(process, port, admin, Path(os.devnull))
        try:
            wait_for(lambda: _ready(running), "the gateway", 20)
            send(running, 10)
            assert running.settled(10) == {"answered": 10}
        finally:
            assert running.stop() == 0


def _ready(running: GatewayProcess) -> bool:
    try:
        return running.get("/readyz")[0] == 200
    except OSError:
        return False


def test_settings_that_cannot_be_used_stop_the_start_with_every_problem() -> None:
    """Not the first request."""
    done = command("run", "--live", "ftp://x", "--workers", "many")
    assert done.returncode == 2
    assert "--live" in done.stderr
    assert "--workers" in done.stderr


@pytest.mark.parametrize("flag", ["--admin", "--bind"])
def test_a_taken_address_is_a_sentence(flag: str) -> None:
    """Not a traceback, and not after five attempts."""
    with upstream() as live, upstream() as other:
        addresses = {"--bind": "127.0.0.1:0", "--admin": "127.0.0.1:0"}
        addresses[flag] = f"127.0.0.1:{other.port}"
        flags = [part for pair in addresses.items() for part in pair]
        done = command("run", "--live", live.url, *flags)
    assert done.returncode == 2
    assert f"choose another with {flag}" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_log_says_what_is_mirrored_where() -> None:
    """At start, and when a shadow that fails gets a rest."""
    with upstream() as live, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        config = f"""
            [live]
            url = "{live.url}"
            [[shadows]]
            name = "rewrite"
            url = "http://127.0.0.1:{closed.getsockname()[1]}"
            breaker_failures = 3
        """
        with gateway(config=config) as running:
            assert f"live {live.url}, admin at 127.0.0.1:{running.admin}" in running.output
            assert "rewrite: 100 % of all requests" in running.output
            send(running, 10)
            wait_for(lambda: "rewrite fails again and again (connect)" in running.output, "it")


def test_help_shows_examples_and_the_version_is_told() -> None:
    """For whoever sees it for the first time."""
    assert "examples:" in command("--help").stdout
    for name in ("run", "check", "shadow"):
        assert "gateway" in command(name, "--help").stdout
    assert command("--version").stdout.startswith("gateway 0.")


def test_a_reload_with_a_broken_file_keeps_the_settings_in_force(tmp_path: Path) -> None:
    """And says so; a good one takes effect."""
    with upstream() as live, upstream() as shadow:
        file = tmp_path / "gateway.toml"
        good = f'[live]\nurl = "{live.url}"\n[[shadows]]\nname = "n"\nurl = "{shadow.url}"\n'
        file.write_text(good + "percent = 40\n")
        with gateway(env={"GATEWAY_CONFIG": str(file)}) as running:
            gauge = "gateway_shadow_percent"
            wait_for(lambda: running.metric(gauge) == 40, "the configured share")
            file.write_text(good + "percent = 4000\n")
            running.process.send_signal(signal.SIGHUP)
            wait_for(lambda: "settings in force are kept" in running.output, "the complaint")
            file.write_text(good + "percent = 60\n")
            running.process.send_signal(signal.SIGHUP)
            wait_for(lambda: running.metric(gauge) == 60, "the new share", 30)
            send(running, 3)


class TestProbe:
    """``gateway check --probe``."""

    def test_it_shows_exactly_what_the_shadow_receives(self) -> None:
        """One marked request to each upstream."""
        with upstream() as live, upstream() as shadow:
            env = {"GATEWAY_LIVE": live.url, "GATEWAY_SHADOW": shadow.url}
            done = command("check", "--probe", **env)
            (received,) = shadow.taken()
        assert done.returncode == 0, done.stderr
        assert len(live.taken()) == 1
        for line in received.head.decode().splitlines():
            assert line in done.stdout
        assert received.values("X-Shadow-Request")[0].startswith("probe-")

    def test_every_live_upstream_is_asked_as_a_client_would_be_forwarded(
        self, tmp_path: Path
    ) -> None:
        """With its own Host rule, and a route's own live too."""
        with upstream() as live, upstream() as reports, upstream() as shadow:
            file = tmp_path / "gateway.toml"
            file.write_text(
                f'[live]\nurl = "{live.url}"\nhost = "billing.internal"\n'
                f'[[shadows]]\nurl = "{shadow.url}"\n'
                f'[[routes]]\npath = "/reports"\nlive = {{ url = "{reports.url}/v2" }}\n'
            )
            done = command("check", "--probe", "--config", str(file))
            assert done.returncode == 0, done.stderr
            assert live.taken()[0].values("Host") == ["billing.internal"]
            assert reports.taken()[0].target == b"/v2/"

    def test_a_configuration_that_mirrors_nothing_does_not_look_healthy(self) -> None:
        """No shadow, or none of the traffic."""
        with upstream() as live, upstream() as shadow:
            env = {"GATEWAY_LIVE": live.url}
            assert command("check", "--probe", **env).returncode == 1
            env |= {"GATEWAY_SHADOW": shadow.url, "GATEWAY_PERCENT": "0"}
            assert command("check", "--probe", **env).returncode == 1

    def test_an_upstream_that_does_not_answer_is_told(self) -> None:
        """And the exit status says so."""
        with upstream() as live:
            env = {
                "GATEWAY_LIVE": live.url,
                "GATEWAY_SHADOW": f"http://127.0.0.1:{free_port()}",
            }
            done = command("check", "--probe", **env)
        assert done.returncode == 1
        assert "no answer" in done.stdout
