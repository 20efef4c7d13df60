"""Rules about the server and the transport: what is not installed or cannot be done."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from gateway.settings.authentication_rules import problems_of_credentials
from gateway.settings.findings import Finding, upstreams
from gateway.settings.model import Settings


def server_findings(settings: Settings) -> Iterator[Finding]:
    """gevent is an extra."""
    if settings.server.worker_class == "gevent" and find_spec("gevent") is None:
        message = "needs more packages: pip install 'gateway[gevent]'"
        yield Finding((("server", "worker_class"),), message)


def admin_findings(settings: Settings) -> Iterator[Finding]:
    """Whoever can reach the admin listener sees clients' data, and can switch shadows off."""
    admin, path = settings.server.admin, settings.server.admin_credentials
    here, credentials = ("server", "admin"), ("server", "admin_credentials")
    if path is not None:
        for problem in problems_of_credentials(Path(path)):
            yield Finding((credentials,), problem)
    elif not _stays_here(admin):
        message = (
            "others can reach that: say who may, in server.admin_credentials (make the file "
            "with: gateway keys add NAME), or listen on 127.0.0.1 or a unix: socket"
        )
        yield Finding((here, credentials), message)


def _stays_here(address: str) -> bool:
    """Whether only this machine can reach an address: loopback, or a Unix socket."""
    if address.startswith("unix:"):
        return True
    host = address.rpartition(":")[0].strip("[]")
    try:
        return host.lower() == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def transport_findings(settings: Settings) -> Iterator[Finding]:
    """urllib3 knows no Unix sockets."""
    if settings.transport != "urllib3":
        return
    for key, upstream in upstreams(settings):
        if upstream.url.startswith("http+unix:"):
            message = 'transport = "urllib3" has no Unix sockets'
            yield Finding(((*key, "url"), ("transport",)), message)
