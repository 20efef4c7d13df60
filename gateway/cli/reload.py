"""``gateway reload``: a running gateway takes its changed settings, and you see that it did.

What SIGHUP does, with an answer: the command waits until every worker runs the
new settings, or says why they were not taken; those in force then stay.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.cli import admin
from gateway.errors import SettingsError

if TYPE_CHECKING:
    _Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

_PAUSE_SECONDS = 0.1
_ATTEMPTS = 3

_EPILOG = """\
examples:
  gateway reload --config /etc/gateway/gateway.toml
  gateway reload --admin 127.0.0.1:9900
  gateway reload --runtime /run/gateway
"""


class NotReloaded(Exception):
    """Says why."""


def add_parser(commands: _Subparsers) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "reload",
        help="have a running gateway take its changed settings",
        description="Have a running gateway read its settings again, and wait until all its "
        "workers run them. No request is lost. Settings that cannot be used are refused, "
        "and those in force stay.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    admin.add_arguments(parser)
    parser.add_argument(
        "--runtime",
        metavar="FOLDER",
        type=Path,
        help="find it by its runtime folder, or the one that is in (runtime_dir)",
    )
    parser.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=float,
        default=60.0,
        help="how long to wait (default: 60)",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Exit status 0 when all workers run the new settings, else 1."""
    try:
        address = (
            admin.Listener.of(_in_runtime(options.runtime), options)
            if options.runtime
            else admin.address_of(options)
        )
        workers = reload(address, options.timeout)
    except SettingsError as error:
        print(f"gateway: {_problems(error.problems)}", file=sys.stderr)
        print("If it gets others elsewhere, name its listener with --admin.", file=sys.stderr)
        return 1
    except (admin.NoAnswer, NotReloaded) as error:
        print(f"gateway: {error}", file=sys.stderr)
        return 1
    print(
        f"reloaded: {workers} {'worker runs' if workers == 1 else 'workers run'} the new settings"
    )
    return 0


def _in_runtime(folder: Path) -> str:
    """The address that a gateway's master noted in its folder."""
    notes = [folder / "admin.pid", *folder.glob("gateway-*/admin.pid")]
    found = [note.read_text().partition(" ")[2] for note in notes if note.exists()]
    if len(found) != 1:
        listeners = f"several, at {', '.join(found)}" if found else "none"
        raise NotReloaded(
            f"of the gateways in {folder} one can be meant, and there are {listeners}"
        )
    return found[0]


def reload(
    address: str,
    timeout: float,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> int:
    """Ask for it and wait for its end; the number of workers.

    Raises ``NotReloaded``, and ``NoAnswer`` where there is nobody to ask.
    """
    deadline = clock() + timeout
    status, asked = _asked(address, pause)
    if status != 202:
        raise NotReloaded(str(asked.get("detail", asked)))
    state: dict[str, Any] = {}
    while clock() < deadline:
        state = _state(address) or state
        if state.get("generation", 0) >= asked["generation"]:
            if state["problems"]:
                raise NotReloaded(_problems(state["problems"]))
            if state["complete"]:
                return int(state["workers"]["new"])
        pause(_PAUSE_SECONDS)
    raise NotReloaded(f"not reloaded in {timeout:g} s; {_progress(state, asked['generation'])}")


def _asked(address: str, pause: Callable[[float], None]) -> tuple[int, dict[str, Any]]:
    """The request for it. Twice is no harm, and a reload before this one may just be
    replacing the admin listener too."""
    for _ in range(_ATTEMPTS - 1):
        with suppress(admin.NoAnswer):
            return admin.ask(address, "POST", "/api/reload", {})
        pause(_PAUSE_SECONDS)
    return admin.ask(address, "POST", "/api/reload", {})


def _state(address: str) -> dict[str, Any] | None:
    """How far it has come; None where the admin listener is just being replaced itself."""
    try:
        return admin.ask(address, "GET", "/api/reload")[1]
    except admin.NoAnswer:
        return None


def _problems(problems: Sequence[str]) -> str:
    said = "the settings in force stay; the new ones cannot be used:"
    return "\n  ".join([said, *problems])


def _progress(state: Mapping[str, Any], asked: int) -> str:
    if not state:
        return "its admin listener says nothing"
    if state["generation"] < asked:
        return "it has not begun"
    workers = state["workers"]
    return (
        f"of {workers['wanted']} workers {workers['new']} run the new settings, "
        f"and {workers['old']} old ones still finish their requests"
    )
