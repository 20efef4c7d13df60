"""The files of docs/deploy/: their own programs take them, and what they name exists."""

from __future__ import annotations

import argparse
import configparser
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from ipaddress import IPv4Network, ip_address
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.admin import app as admin_app
from gateway.cli import main
from gateway.settings import Settings, load
from gateway.settings.overrides import CONFIG_VARIABLE, variable_names
from tests.support.certificates import Certificates
from tests.support.fronts import (
    DEPLOY,
    HAPROXY,
    NGINX,
    changed,
    needs_haproxy,
    needs_nginx,
    nginx_main,
)

ROOT = DEPLOY.parents[1]
FILES = {
    path.relative_to(DEPLOY).as_posix(): path.read_text()
    for path in sorted(DEPLOY.rglob("*"))
    if path.is_file()
}
MANIFESTS = [
    document
    for name, text in FILES.items()
    if name.startswith("kubernetes/")
    for document in yaml.safe_load_all(text)
]
COMPOSE = yaml.safe_load(FILES["compose.yaml"])
ENVIRONMENT = {
    "GATEWAY_LIVE": "http://live",
    "GATEWAY_SHADOW": "http://shadow",
    "GATEWAY_RATE_LIMIT_REDIS": "redis://redis/0",
    "GATEWAY_STORE_URL": "postgresql://gateway:secret@postgresql/gateway",
}
DEFAULTS = load(config=None, environ={"GATEWAY_LIVE": "http://live"}, flags={})
PROGRAM = "/opt/gateway/bin/gateway"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Those of the shipped file, with the variables that belong to it."""
    (tmp_path / "gateway.toml").write_text(FILES["gateway.toml"])
    (tmp_path / "admin-credentials").write_text("# nobody\n")
    return load(config=tmp_path / "gateway.toml", environ=ENVIRONMENT, flags={})


@pytest.fixture
def pem(tmp_path: Path) -> str:
    """A certificate and its key in one file."""
    certificate, key = Certificates.issued_in(tmp_path).server
    both = tmp_path / "gateway.pem"
    both.write_text(Path(certificate).read_text() + Path(key).read_text())
    return str(both)


def manifest(kind: str) -> dict[str, Any]:
    (found,) = (document for document in MANIFESTS if document["kind"] == kind)
    return dict(found)


def container() -> dict[str, Any]:
    (only,) = manifest("Deployment")["spec"]["template"]["spec"]["containers"]
    return dict(only)


def unit() -> configparser.SectionProxy:
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(FILES["gateway.service"])
    return parser["Service"]


def seconds(text: str) -> float:
    """``40`` or ``40s``."""
    return float(re.fullmatch(r"(\d+)s?", text)[1])  # type: ignore[index]


def run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, timeout=30, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    # systemd-analyze only warns of a key that it does not know.
    assert not re.search(r"unknown|ignoring", done.stderr, re.IGNORECASE), done.stderr


# ---- what each program says of its file --------------------------------------


@needs_haproxy
def test_haproxy_takes_its_file(tmp_path: Path, pem: str) -> None:
    """With TLS and names, which the test with real traffic leaves out."""
    text = changed(FILES["haproxy.cfg"], ("/etc/haproxy/gateway.pem", pem))
    # There may be no name server where tests run.
    text = changed(text, ("parse-resolv-conf", "nameserver only 127.0.0.1:53"))
    (tmp_path / "haproxy.cfg").write_text(text)
    run(str(HAPROXY), "-c", "-f", str(tmp_path / "haproxy.cfg"))


@needs_nginx
def test_nginx_takes_its_file(tmp_path: Path, pem: str) -> None:
    """With TLS; names would have to be known."""
    text = changed(
        FILES["nginx.conf"],
        ("/etc/nginx/gateway.pem", pem),
        (r"gateway-[12]:8000", "127.0.0.1:8000"),
    )
    (tmp_path / "nginx.conf").write_text(nginx_main(tmp_path, text))
    folder = ("-p", str(tmp_path), "-e", "stderr")
    run(str(NGINX), "-t", *folder, "-c", str(tmp_path / "nginx.conf"))


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_takes_its_unit(tmp_path: Path) -> None:
    """Every key is known and every value fits."""
    program = shutil.which("true")
    text = changed(FILES["gateway.service"], (PROGRAM, str(program)))
    (tmp_path / "gateway.service").write_text(text)
    run("systemd-analyze", "verify", "--man=no", str(tmp_path / "gateway.service"))


def test_the_image_has_all_that_building_takes(tmp_path: Path) -> None:
    """What the Dockerfile copies is sent, and is enough to build the package."""
    sent = re.findall(r"^!(\S+)$", FILES["Dockerfile.dockerignore"], re.MULTILINE)
    lines = re.findall(r"^COPY (?!--from)(.+) \S+$", FILES["Dockerfile"], re.MULTILINE)
    copied = " ".join(lines).split()
    assert sorted(sent) == sorted(copied)
    for name in copied:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    command = "from setuptools import setup; setup()"
    done = subprocess.run(
        [sys.executable, "-c", command, "--quiet", "build", "--build-lib", "built"],
        cwd=tmp_path,
        capture_output=True,
        timeout=60,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "built" / "gateway" / "cli" / "run.py").exists()
    assert list((tmp_path / "built" / "gateway" / "admin" / "dashboard").glob("templates/*.html"))


# ---- what they name ------------------------------------------------------------


def test_the_settings_file_is_one_for_several_gateways(settings: Settings) -> None:
    """It loads, counts and keeps in common places, and believes the load balancer."""
    assert settings.rate_limit is not None
    assert settings.rate_limit.store == "redis"
    addresses = COMPOSE["services"]["haproxy"]["networks"]["default"]["ipv4_address"]
    assert settings.request.trusted_proxies == (addresses,)
    # Nobody else is ever given that address.
    (pool,) = COMPOSE["networks"]["default"]["ipam"]["config"]
    assert ip_address(addresses) in IPv4Network(pool["subnet"])
    assert ip_address(addresses) not in IPv4Network(pool["ip_range"])
    assert IPv4Network(pool["ip_range"]).subnet_of(IPv4Network(pool["subnet"]))


@pytest.mark.parametrize("name", FILES)
def test_variables_named_exist(name: str) -> None:
    """A misspelt one would stop the start."""
    known = {*variable_names(), CONFIG_VARIABLE, "GATEWAY_SHADOW", "GATEWAY_PERCENT"}
    assert set(re.findall(r"\bGATEWAY_[A-Z_]+", FILES[name])) - known == set()


def commands() -> Iterator[tuple[str, list[str]]]:
    """Where it stands, and the arguments that ``gateway`` is given."""
    for key in ("ExecStart", "ExecReload"):
        program, *arguments = unit()[key].split()
        assert program == PROGRAM
        yield f"unit-{key}", arguments
    (command,) = re.findall(r"^CMD (\[.*\])$", FILES["Dockerfile"], re.MULTILINE)
    yield "image", json.loads(command)
    yield "compose", COMPOSE["x-gateway"]["command"]
    yield "kubernetes", container()["args"]


@pytest.mark.parametrize(
    "arguments", [each for _, each in commands()], ids=[where for where, _ in commands()]
)
def test_commands_are_understood(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command and flag is one of ours."""
    understood = []
    parse = argparse.ArgumentParser.parse_args

    def parsed(parser: argparse.ArgumentParser, args: Any = None, namespace: Any = None) -> Any:
        understood.append(parse(parser, args, namespace))
        raise SystemExit(0)

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parsed)
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 0
    assert understood


def test_the_program_is_found_by_name_in_the_image() -> None:
    """For ``docker exec CONTAINER gateway shadow``."""
    folder = PROGRAM.rpartition("/")[0]
    assert re.search(rf"^ENV PATH={folder}:\$PATH\b", FILES["Dockerfile"], re.MULTILINE)
    assert json.loads(re.findall(r"^ENTRYPOINT (.*)$", FILES["Dockerfile"], re.MULTILINE)[0]) == [
        PROGRAM
    ]


def test_what_is_asked_of_the_admin_listener_is_answered_without_a_password() -> None:
    """Probes, checks and Prometheus ask for what is there and open."""
    spec = manifest("Deployment")["spec"]["template"]
    asked = {
        *re.findall(r"option httpchk GET (\S+)", FILES["haproxy.cfg"]),
        *re.findall(r"request\('GET', '(\S+)'\)", FILES["Dockerfile"]),
        *(container()[f"{probe}Probe"]["httpGet"]["path"] for probe in ("readiness", "liveness")),
        spec["metadata"]["annotations"]["prometheus.io/path"],
    }
    assert asked == {"/readyz", "/healthz", "/metrics"}
    assert asked <= {rule.rule for rule in admin_app._ROUTES.iter_rules()}
    assert container()["livenessProbe"]["httpGet"]["path"] == "/healthz"


def test_ports_are_those_of_the_settings(settings: Settings) -> None:
    """Public and admin, everywhere the same two."""
    public = settings.server.bind.rpartition(":")[2]
    admin = settings.server.admin.rpartition(":")[2]
    assert settings.server.admin_open_metrics
    assert {str(p["containerPort"]) for p in container()["ports"]} == {public, admin}
    annotations = manifest("Deployment")["spec"]["template"]["metadata"]["annotations"]
    assert annotations["prometheus.io/port"] == admin
    assert re.findall(r"check port (\d+)", FILES["haproxy.cfg"]) == [admin]
    assert re.findall(r"HTTPConnection.*'127\.0\.0\.1', (\d+)", FILES["Dockerfile"]) == [admin]
    for name in ("haproxy.cfg", "nginx.conf"):
        assert set(re.findall(r"gateway-\d:(\d+)", FILES[name])) == {public}
        services = set(re.findall(r"(gateway-\d):", FILES[name]))
        assert services <= set(COMPOSE["services"])


def test_nobody_is_killed_while_it_drains() -> None:
    """Each manager of processes waits longer than the gateway's own time."""
    graceful = DEFAULTS.server.graceful_timeout
    spec = manifest("Deployment")["spec"]["template"]["spec"]
    command, pause = container()["lifecycle"]["preStop"]["exec"]["command"]
    assert command == "sleep"
    assert spec["terminationGracePeriodSeconds"] >= graceful + float(pause) + 5
    assert seconds(unit()["TimeoutStopSec"]) >= graceful + 5
    assert seconds(COMPOSE["x-gateway"]["stop_grace_period"]) >= graceful + 5
    (flag,) = re.findall(r"--stop-timeout (\d+)", FILES["Dockerfile"])
    assert float(flag) >= graceful + 5


def test_load_balancers_wait_longer_than_the_gateway_and_hang_up_sooner() -> None:
    """So it is the gateway that answers 504, and never the one that closes an idle connection."""
    live = DEFAULTS.live
    longest = live.read_timeout + live.connect_timeout + DEFAULTS.admission.longest_wait
    haproxy, nginx = FILES["haproxy.cfg"], FILES["nginx.conf"]
    waits = re.findall(r"timeout server (\S+)|proxy_read_timeout (\S+);", haproxy + nginx)
    assert len(waits) == 2
    assert min(seconds("".join(each)) for each in waits) > longest
    kept = re.findall(r"pool-purge-delay (\S+)| keepalive_timeout (\S+);", haproxy + nginx)
    assert len(kept) == 2
    assert max(seconds("".join(each)) for each in kept) < DEFAULTS.server.keepalive


def test_the_user_and_the_folders_are_the_same_everywhere(settings: Settings) -> None:
    """A folder that somebody else owns could not be written."""
    (user,) = re.findall(r"^USER (\d+):\1$", FILES["Dockerfile"], re.MULTILINE)
    spec = manifest("Deployment")["spec"]["template"]["spec"]
    ids = {spec["securityContext"][name] for name in ("runAsUser", "runAsGroup", "fsGroup")}
    assert ids == {int(user)}
    folder = str(settings.runtime_dir)
    assert f"GATEWAY_RUNTIME_DIR={folder}" in FILES["Dockerfile"]
    assert f"install -d -m 0700 -o gateway -g gateway {folder} " in FILES["Dockerfile"]
    assert f"{folder}:uid={user},gid={user},mode=0700" in COMPOSE["x-gateway"]["tmpfs"]
    assert folder in {each["mountPath"] for each in container()["volumeMounts"]}
    assert unit()["Environment"] == f"GATEWAY_RUNTIME_DIR={folder}"
    assert folder == f"/run/{unit()['RuntimeDirectory']}"


def test_the_image_has_the_extras_that_the_settings_need() -> None:
    """And none that does not exist."""
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    (named,) = re.findall(r"'\.\[(.*)\]'", FILES["Dockerfile"])
    extras = set(named.split(","))
    assert extras - set(parser["options.extras_require"]) == set()
    assert {"server", "redis", "postgresql"} <= extras


def test_manifests_belong_together() -> None:
    """Volumes are declared, labels select, the named port is there."""
    deployment = manifest("Deployment")["spec"]
    labels = deployment["template"]["metadata"]["labels"]
    for selector in (
        deployment["selector"]["matchLabels"],
        manifest("Service")["spec"]["selector"],
        manifest("PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
    ):
        assert selector == labels
    volumes = {volume["name"] for volume in deployment["template"]["spec"]["volumes"]}
    assert {mount["name"] for mount in container()["volumeMounts"]} == volumes
    ports = {port["name"] for port in container()["ports"]}
    assert {port["targetPort"] for port in manifest("Service")["spec"]["ports"]} <= ports


def test_secrets_named_are_those_that_the_page_makes() -> None:
    """Every key of the Secret and the ConfigMap is in the commands of the README."""
    spec = manifest("Deployment")["spec"]["template"]["spec"]
    refs = [
        variable["valueFrom"]["secretKeyRef"]
        for variable in container()["env"]
        if "valueFrom" in variable
    ]
    (settings_volume,) = (v for v in spec["volumes"] if v["name"] == "settings")
    of_map, of_secret = settings_volume["projected"]["sources"]
    used = {ref["key"] for ref in refs} | {each["key"] for each in of_secret["secret"]["items"]}
    names = {ref["name"] for ref in refs} | {of_map["configMap"]["name"]}
    assert names == {"gateway"}
    made = re.findall(r"--from-(?:literal|file)=([\w.-]+)", FILES["README.md"])
    assert {name for name in made if name != "docs"} == used
    assert "configmap gateway --from-file=docs/deploy/gateway.toml" in FILES["README.md"]
