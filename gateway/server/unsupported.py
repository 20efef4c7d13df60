"""gunicorn settings that the epoll worker does not follow: refused, rather than ignored."""

from __future__ import annotations

from typing import Any

from gateway.errors import SettingsError


class UnsupportedByWorker(SettingsError, RuntimeError):
    """The settings ask for what this worker does not do (gunicorn prints RuntimeErrors)."""


def refuse_unsupported(cfg: Any) -> None:
    """Raise for settings that would silently do nothing."""
    unsupported = {
        "TLS (certfile, keyfile)": cfg.is_ssl,
        "proxy_protocol": cfg.proxy_protocol != "off",
        "HTTP/2 (http_protocols)": "h2" in cfg.http_protocols,
        'protocol other than "http"': cfg.protocol != "http",
    }
    problems = [
        f"{what} needs worker_class = 'gateway.server.worker.GatewayThreadWorker'"
        for what, asked in unsupported.items()
        if asked
    ]
    if problems:
        raise UnsupportedByWorker(problems)
