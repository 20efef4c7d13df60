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
from typing import Any, BinaryIO
from urllib.parse import quote

import requests

from gateway.settings import load
from gateway.transport import Http1Adapter, Origin, OutboundRequest, Timeouts, UpstreamSession

_DEFAULT = "127.0.0.1:9900"
_SECONDS = 5.0


class NoAnswer(Exception):
    """Nobody answered, or somebody who is no admin listener, or does not know us."""


class Listener(str):
    """An admin listener's address. ``key``: the API key to show there, "" for none."""

    key = ""

    @classmethod
    def of(cls, address: str, options: argparse.Namespace) -> Listener:
        """With the key of ``--admin-key``. Raises ``NoAnswer`` for a file that has none."""
        listener = cls(address)
        if options.admin_key is not None:
            try:
                listener.key = options.admin_key.read_text().strip()
            except (OSError, UnicodeDecodeError) as error:
                raise NoAnswer(f"--admin-key {options.admin_key}: {error}") from error
        return listener


def _fields(admin: str) -> list[tuple[str, str]]:
    """What every request there begins with."""
    key = admin.key if isinstance(admin, Listener) else ""
    return [("Host", "localhost"), *([("X-Api-Key", key)] if key else [])]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments that say which gateway is meant."""
    parser.add_argument(
        "--admin", metavar="HOST:PORT", help=f"the admin listener (default: {_DEFAULT})"
    )
    parser.add_argument("--config", metavar="FILE", type=Path, help="settings file that names it")
    parser.add_argument(
        "--admin-key",
        metavar="FILE",
        type=Path,
        help="file with an API key for it, where it asks for one",
    )


def address_of(options: argparse.Namespace) -> Listener:
    """The admin listener's address. Raises ``SettingsError`` where the settings do not say it."""
    return Listener.of(_address(options), options)


def _address(options: argparse.Namespace) -> str:
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
    fields = _fields(admin)
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
    _require_known(answer.status_code, admin)
    return answer.status_code, answered


def _require_known(status: int, admin: str) -> None:
    if status == 401:
        what = "does not know that key" if len(_fields(admin)) > 1 else "asks who we are"
        raise NoAnswer(f"the admin listener at {admin} {what}: give a key with --admin-key FILE")


def download(admin: str, path: str, file: BinaryIO) -> None:
    """The answer's body into a file. Raises ``NoAnswer``."""
    try:
        request = OutboundRequest("GET", Origin.parse(_url(admin)), path, _fields(admin), b"")
        with UpstreamSession(Http1Adapter()) as session:
            answer = session.forward(request, Timeouts(_SECONDS, _SECONDS))
            _require_known(answer.status_code, admin)
            if answer.status_code != 200:
                raise NoAnswer(f"{path}: the admin listener answers {answer.status_code}")
            for part in answer.raw.stream(decode_content=False):
                file.write(part)
    except (requests.RequestException, ValueError) as error:
        raise NoAnswer(f"{path}: {error}") from error


def _url(admin: str) -> str:
    if admin.startswith("unix:"):
        return f"http+unix://{quote(admin.removeprefix('unix:'), safe='')}"
    return f"http://{admin}"
