"""``gateway export``: the smallest example of a group as a test, a HAR or a curl command."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.cli import stores
from gateway.report.example import exported, smallest
from gateway.settings import Settings, Shadow
from gateway.store.values import Group

if TYPE_CHECKING:
    from gateway.store.reader import Reader

    _Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

_EPILOG = """\
examples:
  gateway export 4f1c --format pytest --output tests/test_rounding.py
  gateway export 4f1c --format curl --base-url http://localhost:3000
  gateway export 4f1c --format har --output rounding.har

`gateway report` lists the groups. What was redacted stays so: it says what to put in by hand.

exit status: 0 done, 2 not: wrong arguments, settings or store, or no example of such a group
"""


def add_parser(commands: _Subparsers) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "export",
        help="make a test, a HAR or a curl command of a difference",
        description="Write the smallest kept example of a group of differences as something to "
        "run against any base URL.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("group", metavar="GROUP", help="its id, or how that begins")
    parser.add_argument(
        "--format", choices=("pytest", "har", "curl"), default="pytest", help="default: pytest"
    )
    parser.add_argument(
        "--base-url",
        metavar="URL",
        default="http://127.0.0.1:8000",
        help="where it is sent; a test asks BASE_URL first (default: %(default)s)",
    )
    parser.add_argument("--output", metavar="FILE", type=Path, help="write it there")
    stores.add_arguments(parser)
    parser.set_defaults(run=stores.guarded(run))


def run(options: argparse.Namespace) -> int:
    """Write it."""
    settings = stores.settings_of(options)
    with stores.opened(options, settings) as reader:
        group = group_of(reader, options.group)
        example, timeout = smallest(reader, group), _timeout(group, settings)
        text = exported(example, group, options.format, options.base_url, timeout)
    stores.write(text, options.output)
    return 0


def _timeout(group: Group, settings: Settings | None) -> float:
    """Seconds that the group's shadow has for an answer."""
    shadows = settings.shadows if settings is not None else ()
    default = Shadow(url="http://shadow").timeout
    return next((each.timeout for each in shadows if each.name == group.shadow), default)


def group_of(reader: Reader, wanted: str) -> Group:
    """Raises ``Unusable`` where there is not exactly one."""
    group = reader.group(wanted)
    if group is None:
        raise stores.Unusable(
            f"there is no group {wanted!r}, or several begin so; `gateway report` lists them"
        )
    return group
