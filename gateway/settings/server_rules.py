"""Rules about the server and the transport: what is not installed or cannot be done."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

from gateway.settings.findings import Finding, upstreams
from gateway.settings.model import Settings


def server_findings(settings: Settings) -> Iterator[Finding]:
    """gevent is an extra."""
    if settings.server.worker_class == "gevent" and find_spec("gevent") is None:
        message = "needs more packages: pip install 'gateway[gevent]'"
        yield Finding((("server", "worker_class"),), message)


def transport_findings(settings: Settings) -> Iterator[Finding]:
    """urllib3 knows no Unix sockets."""
    if settings.transport != "urllib3":
        return
    for key, upstream in upstreams(settings):
        if upstream.url.startswith("http+unix:"):
            message = 'transport = "urllib3" has no Unix sockets'
            yield Finding(((*key, "url"), ("transport",)), message)
