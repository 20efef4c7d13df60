"""How commands find the store of a gateway and open it.

A URL that is given wins; else it is that of the settings the command sees; else the one
that ``gateway run`` uses by itself. Needs the extra ``gateway[store]``, and says so.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from collections.abc import Callable
from datetime import datetime, timezone
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.embedded.settings import THE_APPLICATION
from gateway.errors import GatewayError, SettingsError
from gateway.settings import Settings, load
from gateway.settings.formats import store_url_fault
from gateway.settings.overrides import CONFIG_VARIABLE
from gateway.settings.store import DEFAULT_URL, OFF
from gateway.settings.units import parse_duration
from gateway.store.errors import StoreError, StoreMissing
from gateway.store.url import is_sqlite, missing_packages, shown

if TYPE_CHECKING:
    from gateway.store.reader import Reader

# Of what the settings need at least; without it they are not looked at.
_LIVE, _STORE = "GATEWAY_LIVE", "GATEWAY_STORE_URL"
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:")


class Unusable(GatewayError):
    """What the person has to change. The text says it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments that say which store is meant."""
    parser.add_argument(
        "--store",
        metavar="URL",
        help=f"the store, or a SQLite file (default: that of the settings, or {DEFAULT_URL})",
    )
    parser.add_argument(
        "--config", metavar="FILE", type=Path, help="settings file (default: GATEWAY_CONFIG)"
    )


def settings_of(options: argparse.Namespace) -> Settings | None:
    """The settings there are; None where nothing names any. Raises ``SettingsError``.

    Those of an embedded mirror have no live upstream, and none is called here.
    """
    if options.config is None and not (os.environ.get(CONFIG_VARIABLE) or os.environ.get(_LIVE)):
        return None
    return load(config=options.config, environ=os.environ, flags={}, live=THE_APPLICATION.url)


def opened(options: argparse.Namespace, settings: Settings | None) -> Reader:
    """The store. Raises ``Unusable``."""
    url = _url(options.store, settings)
    missing = missing_packages(url)
    if missing is not None:
        raise Unusable(f"the store needs more packages: {missing}")
    reader = import_module("gateway.store.reader")
    try:
        found: Reader = reader.open_reader(url)
    except StoreMissing as error:
        where = " (name another one with --store or --config)" if is_sqlite(url) else ""
        raise Unusable(f"{error}{where}") from error
    except StoreError as error:
        raise Unusable(f"the store {shown(url)} cannot be read: {error}") from error
    return found


def _url(given: str | None, settings: Settings | None) -> str:
    if given:
        url = given if _SCHEME.match(given) else f"sqlite:///{given}"
        fault = store_url_fault(url)
        if fault is not None or url == OFF:
            raise Unusable(f"--store is no URL of a store, and no file: {fault or url}")
        return url
    if settings is None:
        return os.environ.get(_STORE) or DEFAULT_URL
    url = settings.store.url or DEFAULT_URL
    if url == OFF:
        raise Unusable('the settings say store.url = "off": nothing is kept')
    return url


def guarded(run: Callable[[argparse.Namespace], int]) -> Callable[[argparse.Namespace], int]:
    """``run`` with what is wrong told to the person; then the exit status is 2."""

    def told(options: argparse.Namespace) -> int:
        try:
            return run(options)
        except SettingsError as error:
            problems = ["gateway: the settings cannot be used:", *error.problems]
            print(*problems, sep="\n  ", file=sys.stderr)
        except (GatewayError, OSError) as error:
            print(f"gateway: {error}", file=sys.stderr)
        return 2

    return told


def write(text: str, output: Path | None) -> None:
    """To a file, or to the standard output. A terminal that lacks a character gets its escape."""
    if output is not None:
        output.write_text(text, encoding="utf-8")
        return
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))


def moment(text: str) -> float:
    """For ``argparse``: ``7d`` ago, or a time such as ``2026-11-21T08:00Z``; seconds since 1970."""
    seconds = parse_duration(text)
    if seconds is not None:
        return time.time() - seconds
    # Python 3.10 knows no Z.
    for form in (text, re.sub("[Zz]$", "+00:00", text)):
        try:
            found = datetime.fromisoformat(form)
        except ValueError:
            continue
        return (found if found.tzinfo else found.replace(tzinfo=timezone.utc)).timestamp()
    raise argparse.ArgumentTypeError(
        f"{text!r} is neither a duration such as 7d or 12h nor a time such as 2026-11-21T08:00Z"
    )
