"""``gateway check``: are these settings usable, what do they mean, what is mirrored.

Prints the effective settings as TOML, with secrets masked, and what each shadow
will get as comments below, so that the whole output is a settings file again.
A configuration that mirrors nothing gets a warning: it must not look healthy. The register
of known differences is read too: a mistake in it is found here, not by the report that needs it.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from gateway.cli.probe import probe
from gateway.errors import SettingsError
from gateway.known.entry import State
from gateway.known.register import Register, RegisterError
from gateway.known.standing import today_of
from gateway.settings import Settings, load, summary, to_toml_text, warnings

if TYPE_CHECKING:
    _Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

_EPILOG = """\
examples:
  gateway check --config gateway.toml
  gateway check --config gateway.toml --probe
  GATEWAY_LIVE=http://127.0.0.1:9001 gateway check

exit status: 0 usable, 1 a probe failed, 2 not usable (every problem is printed)
"""


def add_parser(commands: _Subparsers) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "check",
        help="validate the settings and say what they mean",
        description="Validate the settings, print those in effect (secrets masked) and what each "
        "shadow will get; or every problem at once.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--config", metavar="FILE", type=Path, help="settings file (default: GATEWAY_CONFIG)"
    )
    parser.add_argument(
        "--probe",
        action="store_true",
        help="also send one marked request to every upstream and show what the shadow receives",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """0: usable. 2: not; the problems are on standard error. With a probe: its status."""
    try:
        settings = load(config=options.config, environ=os.environ, flags={})
        register = Register.load(settings.compare.known)
    except SettingsError as error:
        _print(["gateway: the settings cannot be used:", *_indented(error.problems)], sys.stderr)
        return 2
    except RegisterError as error:
        _print([f"gateway: the register of known differences cannot be used: {error}"], sys.stderr)
        return 2
    lines = [f"# {line}" for line in (*summary(settings), *_about(register, settings))]
    _print([to_toml_text(settings), *lines], sys.stdout)
    texts = (*warnings(settings), *_expired(register, settings))
    _print([f"warning: {text}" for text in texts], sys.stderr)
    if not options.probe:
        return 0
    _print([""], sys.stdout)
    return probe(settings)


def _about(register: Register, settings: Settings) -> Iterator[str]:
    if settings.compare.known is not None:
        yield f"known differences: {len(register) or 'none yet'}, in {settings.compare.known}"


def _expired(register: Register, settings: Settings) -> Iterator[str]:
    today = today_of(time.time())
    for entry in register.entries:
        if entry.state(today, hits=1) is State.EXPIRED:
            what = f"{settings.compare.known}: the known difference {entry.id!r}"
            yield f"{what} expired on {entry.expires}, and counts as a difference again"


def _indented(lines: tuple[str, ...]) -> Iterator[str]:
    return (f"  {line}" for line in lines)


def _print(lines: list[str], stream: TextIO) -> None:
    """A terminal that lacks a character gets its escape, not a traceback."""
    for line in lines:
        encoding = stream.encoding or "utf-8"
        stream.write(line.encode(encoding, "backslashreplace").decode(encoding) + "\n")
