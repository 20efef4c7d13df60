"""Load balancers before several gateways, run with the files of docs/deploy/."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.gateway import free_port
from tests.support.waiting import wait_for

DEPLOY = Path(__file__).parents[2] / "docs" / "deploy"
# Debian has both where only root looks.
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
HAPROXY = shutil.which("haproxy", path=_PATH)
NGINX = shutil.which("nginx", path=_PATH)

needs_haproxy = pytest.mark.skipif(
    HAPROXY is None, reason="haproxy is missing (Debian and Ubuntu: apt-get install haproxy)"
)
needs_nginx = pytest.mark.skipif(
    NGINX is None, reason="nginx is missing (Debian and Ubuntu: apt-get install nginx-light)"
)


class Behind(NamedTuple):
    """A gateway's two ports on this machine."""

    port: int
    admin: int


def changed(text: str, *changes: tuple[str, str]) -> str:
    """Each pattern replaced wherever it is; one that is nowhere is an error."""
    for pattern, replacement in changes:
        text, number = re.subn(pattern, replacement, text, flags=re.MULTILINE)
        assert number, f"{pattern} is nowhere in the file any more"
    return text


def haproxy_settings(listen: int, gateways: Sequence[Behind]) -> str:
    """``haproxy.cfg`` without TLS, names and another user; the rest as it is."""
    servers = [
        (rf"gateway-{n} gateway-{n}:8000$", f"gateway-{n} 127.0.0.1:{each.port} port {each.admin}")
        for n, each in enumerate(gateways, 1)
    ]
    return changed(
        (DEPLOY / "haproxy.cfg").read_text(),
        (r"^    bind :443 .*", f"    bind 127.0.0.1:{listen}"),
        (r"^    (user|group) haproxy\n", ""),
        (r"^    maxconn \d+$", "    maxconn 200"),
        # There may be no name server where tests run.
        (r"^resolvers system\n    parse-.*\n.*\n", ""),
        (r" resolvers system", ""),
        *servers,
    )


def nginx_settings(listen: int, gateways: Sequence[Behind], folder: Path) -> str:
    """``nginx.conf`` without TLS and names, in a main file of its own."""
    servers = [
        (rf"gateway-{n}:8000", f"127.0.0.1:{each.port}") for n, each in enumerate(gateways, 1)
    ]
    site = changed(
        (DEPLOY / "nginx.conf").read_text(),
        (r"listen 443 ssl;", f"listen 127.0.0.1:{listen};"),
        (r"^    ssl_.*\n", ""),
        *servers,
    )
    return nginx_main(folder, site)


def nginx_main(folder: Path, site: str) -> str:
    """What a distribution has around a site's file, with all of its folders in ours."""
    temporary = "".join(
        f"{name}_temp_path {folder}/{name};\n"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return (
        f"daemon off; pid {folder}/pid; error_log stderr;\n"
        f"events {{}}\nhttp {{\naccess_log off;\n{temporary}{site}}}\n"
    )


@contextmanager
def _running(command: list[str], port: int, log: Path) -> Iterator[int]:
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        wait_for(lambda: _accepts(port) or process.poll() is not None, command[0])
        assert process.poll() is None, log.read_text()
        yield port
    finally:
        process.terminate()
        process.wait(10)


def _accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


@contextmanager
def haproxy(gateways: Sequence[Behind]) -> Iterator[int]:
    """HAProxy before these gateways; the port clients connect to."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="gateway-haproxy-") as folder:
        file = Path(folder, "haproxy.cfg")
        file.write_text(haproxy_settings(port, gateways))
        with _running([str(HAPROXY), "-db", "-f", str(file)], port, Path(folder, "log")):
            yield port


@contextmanager
def nginx(gateways: Sequence[Behind]) -> Iterator[int]:
    """nginx before these gateways; the port clients connect to."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="gateway-nginx-") as name:
        folder = Path(name)
        (folder / "nginx.conf").write_text(nginx_settings(port, gateways, folder))
        command = [str(NGINX), "-p", name, "-e", "stderr", "-c", str(folder / "nginx.conf")]
        with _running(command, port, folder / "log"):
            yield port
