"""``gateway check``: are these settings usable, what do they mean, what is mirrored.

Prints the effective settings as TOML, with secrets masked, and what each shadow
will get as comments below, so that the whole output is a settings file again.
A configuration that mirrors nothing gets a warning: it must not look healthy.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from gateway.cli.probe import probe
from gateway.errors import SettingsError
from gateway.settings import load, summary, to_toml_text, warnings

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
    except SettingsError as error:
        _print(["gateway: the settings cannot be used:", *_indented(error.problems)], sys.stderr)
        return 2
    lines = [f"# {line}" for line in summary(settings)]
    _print([to_toml_text(settings), *lines], sys.stdout)
    _print([f"warning: {text}" for text in warnings(settings)], sys.stderr)
    if not options.probe:
        return 0
    _print([""], sys.stdout)
    return probe(settings)


def _indented(lines: tuple[str, ...]) -> Iterator[str]:
    return (f"  {line}" for line in lines)


def _print(lines: list[str], stream: TextIO) -> None:
    """A terminal that lacks a character gets its escape, not a traceback."""
    for line in lines:
        encoding = stream.encoding or "utf-8"
        stream.write(line.encode(encoding, "backslashreplace").decode(encoding) + "\n")
