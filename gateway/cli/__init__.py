"""The ``gateway`` command: run, check and steer a gateway."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from gateway._version import __version__
from gateway.cli import check, export, keys, recheck, record, reload, replay, report, run, shadow

_EPILOG = """\
examples:
  gateway run --live http://127.0.0.1:9001 --shadow http://127.0.0.1:9002
  gateway run --config gateway.toml --percent 10
  gateway check --config gateway.toml --probe
  gateway reload --config gateway.toml
  gateway shadow
  gateway shadow rewrite --percent 5
  gateway shadow rewrite --off
  gateway report --since 7d --format html --output report.html
  gateway keys add billing-batch --file credentials
  gateway record --for 60s --percent 10 --out traffic.jsonl.gz
  gateway replay traffic.jsonl.gz --to http://localhost:3000 --compare
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status (2: the arguments or settings are wrong)."""
    options = _parser().parse_args(arguments)
    status: int = options.run(options)
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gateway",
        description="A gateway that answers from the live upstream and mirrors to shadows.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"gateway {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in (run, check, reload, shadow, keys, report, export, recheck, record, replay):
        command.add_parser(commands)
    return parser
