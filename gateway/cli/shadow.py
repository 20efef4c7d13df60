"""``gateway shadow``: what each shadow gets, and changing that while the gateway runs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from gateway.cli import admin
from gateway.errors import SettingsError

if TYPE_CHECKING:
    _Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

_EPILOG = """\
examples:
  gateway shadow
  gateway shadow rewrite --percent 5
  gateway shadow rewrite --off
  gateway shadow rewrite --reset
"""


def add_parser(commands: _Subparsers) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "shadow",
        help="list the shadows; change a shadow's share, or switch it off, while running",
        description="Without a name: list the shadows and what each of them gets. With one: change "
        "how much of the traffic it gets. All workers follow within a second; the change lasts "
        "until the gateway stops.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", metavar="NAME", nargs="?", help="the shadow's name in the settings")
    change = parser.add_mutually_exclusive_group()
    change.add_argument(
        "--percent", metavar="P", type=_percent, help="share of matching requests, 0 to 100"
    )
    change.add_argument("--off", action="store_true", help="mirror nothing to it")
    change.add_argument(
        "--reset", action="store_true", help="go back to the percentage in the settings"
    )
    admin.add_arguments(parser)
    parser.set_defaults(run=lambda options: run(options, parser))


def _percent(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 100:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 100")
    return value


def run(options: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    """Ask the admin listener. Exit status 0 when it is done, 1 when not, 2 for what is wrong."""
    wanted = _wanted(options)
    if (options.name is None) is not (wanted is None):
        parser.error("give a NAME with one of --percent, --off and --reset; or neither, for a list")
    path = "/api/shadows" if wanted is None else f"/api/shadows/{quote(options.name)}"
    try:
        address = admin.address_of(options)
        status, document = admin.ask(address, "GET" if wanted is None else "POST", path, wanted)
    except SettingsError as error:
        print("gateway: the settings cannot be used:", *error.problems, sep="\n  ", file=sys.stderr)
        return 2
    except admin.NoAnswer as error:
        print(f"gateway: {error}", file=sys.stderr)
        return 1
    if status != 200:
        print(f"gateway: {document.get('detail', document)}", file=sys.stderr)
        return 1
    shadows = document["shadows"] if wanted is None else [document]
    print(*(_lines(shadows) if wanted is None else map(_sentence, shadows)), sep="\n")
    return 0


def _wanted(options: argparse.Namespace) -> dict[str, Any] | None:
    """What the admin listener is told; None where it is only asked."""
    if options.percent is not None:
        return {"percent": options.percent}
    return next(({name: True} for name in ("off", "reset") if getattr(options, name)), None)


def _sentence(shadow: Mapping[str, Any]) -> str:
    return f"{shadow['name']} {_share(shadow)}"


def _share(shadow: Mapping[str, Any]) -> str:
    return "is off" if shadow["off"] else f"gets {shadow['percent']:g} % of its requests"


def _lines(shadows: list[Mapping[str, Any]]) -> Iterator[str]:
    """One line for each: its name, what it gets, what is unusual about that, its URL."""
    if not shadows:
        yield "no shadow is configured: nothing is mirrored"
    width = max((len(shadow["name"]) for shadow in shadows), default=0)
    for shadow in shadows:
        notes = "".join(f"; {note}" for note in _notes(shadow))
        yield f"{shadow['name']:{width}}  {_share(shadow)}{notes} → {shadow['url']}"


def _notes(shadow: Mapping[str, Any]) -> Iterator[str]:
    if shadow["why"]:
        yield f"switched off by {shadow['why']}, see docs/isolation.md"
    if shadow["overridden"]:
        yield f"the settings say {shadow['configured_percent']:g} %"
    resting = shadow["resting_workers"]
    if resting:
        yield f"fails, and is given a rest by {resting} {'worker' if resting == 1 else 'workers'}"
