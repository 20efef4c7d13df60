"""``gateway shadow NAME``: change how much a shadow gets while the gateway runs."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import requests

from gateway.errors import SettingsError
from gateway.settings import load
from gateway.transport import Http1Adapter, Origin, OutboundRequest, Timeouts, UpstreamSession

if TYPE_CHECKING:
    _Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

_DEFAULT_ADMIN = "127.0.0.1:9900"
_SECONDS = 5.0


def add_parser(commands: _Subparsers) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "shadow",
        help="change a shadow's share, or switch it off, while running",
        description="Change how much of the traffic a shadow gets. All workers follow within a "
        "second; the change lasts until the gateway stops.",
        epilog="examples:\n  gateway shadow rewrite --percent 5\n  gateway shadow rewrite --off\n",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", metavar="NAME", help="the shadow's name in the settings")
    change = parser.add_mutually_exclusive_group(required=True)
    change.add_argument(
        "--percent", metavar="P", type=_percent, help="share of matching requests, 0 to 100"
    )
    change.add_argument("--off", action="store_true", help="mirror nothing to it")
    parser.add_argument(
        "--admin", metavar="HOST:PORT", help=f"the admin listener (default: {_DEFAULT_ADMIN})"
    )
    parser.add_argument("--config", metavar="FILE", type=Path, help="settings file that names it")
    parser.set_defaults(run=run)


def _percent(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 100:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 100")
    return value


def run(options: argparse.Namespace) -> int:
    """Tell the admin listener. Exit status 0 when it is done, 1 when not, 2 for bad settings."""
    try:
        admin = options.admin or _configured_admin(options.config)
    except SettingsError as error:
        print("gateway: the settings cannot be used:", *error.problems, sep="\n  ", file=sys.stderr)
        return 2
    wanted = {"off": True} if options.off else {"percent": options.percent}
    try:
        answer = _post(admin, options.name, wanted)
        document = answer.json()
    except (requests.RequestException, OSError, ValueError) as error:
        print(f"gateway: no answer from the admin listener at {admin}: {error}", file=sys.stderr)
        print("Is the gateway running? Name its listener with --admin.", file=sys.stderr)
        return 1
    if answer.status_code != 200:
        print(f"gateway: {document.get('detail', document)}", file=sys.stderr)
        return 1
    state = "is off" if document["off"] else f"gets {document['percent']:g} % of its requests"
    print(f"{document['name']} {state}")
    return 0


def _configured_admin(config: Path | None) -> str:
    if config is None and "GATEWAY_CONFIG" not in os.environ:
        return os.environ.get("GATEWAY_ADMIN", _DEFAULT_ADMIN)
    return load(config=config, environ=os.environ, flags={}).server.admin


def _post(admin: str, name: str, wanted: dict[str, Any]) -> requests.Response:
    body = json.dumps(wanted).encode()
    origin = Origin.parse(_url(admin))
    fields = [
        ("Host", "localhost"),
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(body))),
    ]
    request = OutboundRequest("POST", origin, f"/api/shadows/{quote(name)}", fields, body)
    with UpstreamSession(Http1Adapter()) as session:
        answer = session.forward(request, Timeouts(_SECONDS, _SECONDS, _SECONDS))
        _ = answer.content  # before its connection is closed
        return answer


def _url(admin: str) -> str:
    if admin.startswith("unix:"):
        return f"http+unix://{quote(admin.removeprefix('unix:'), safe='')}"
    return f"http://{admin}"
