"""How commands find a running gateway and speak to its admin listener.

An address that is given wins; else it is that of the settings the command sees.
Not done here: what is asked, and what the answers mean.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests

from gateway.settings import load
from gateway.transport import Http1Adapter, Origin, OutboundRequest, Timeouts, UpstreamSession

_DEFAULT = "127.0.0.1:9900"
_SECONDS = 5.0


class NoAnswer(Exception):
    """Nobody answered, or somebody who is no admin listener."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments that say which gateway is meant."""
    parser.add_argument(
        "--admin", metavar="HOST:PORT", help=f"the admin listener (default: {_DEFAULT})"
    )
    parser.add_argument("--config", metavar="FILE", type=Path, help="settings file that names it")


def address_of(options: argparse.Namespace) -> str:
    """The admin listener's address. Raises ``SettingsError`` where the settings do not say it."""
    if options.admin:
        return str(options.admin)
    if options.config is None and "GATEWAY_CONFIG" not in os.environ:
        return os.environ.get("GATEWAY_ADMIN", _DEFAULT)
    return load(config=options.config, environ=os.environ, flags={}).server.admin


def ask(
    admin: str, method: str, path: str, document: Mapping[str, Any] | None = None
) -> tuple[int, dict[str, Any]]:
    """One request: status and document of its answer. Raises ``NoAnswer``."""
    body = b"" if document is None else json.dumps(document).encode()
    fields = [("Host", "localhost")]
    if document is not None:
        fields += [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    try:
        request = OutboundRequest(method, Origin.parse(_url(admin)), path, fields, body)
        with UpstreamSession(Http1Adapter()) as session:
            answer = session.forward(request, Timeouts(_SECONDS, _SECONDS, _SECONDS))
            answered: dict[str, Any] = json.loads(answer.content)
    except (requests.RequestException, OSError, ValueError) as error:
        raise NoAnswer(
            f"no answer from the admin listener at {admin}: {error}\n"
            "Is the gateway running? Name its listener with --admin."
        ) from error
    return answer.status_code, answered


def _url(admin: str) -> str:
    if admin.startswith("unix:"):
        return f"http+unix://{quote(admin.removeprefix('unix:'), safe='')}"
    return f"http://{admin}"
