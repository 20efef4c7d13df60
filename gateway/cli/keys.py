"""``gateway keys``: the API keys and passwords of a credential file.

Works on the file alone: a running gateway notices the change by itself. A key is shown
once, when it is made; what the file has is its hash.
"""

from __future__ import annotations

import argparse
import getpass
import os
import re
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.auth.credential_file import CredentialFile
from gateway.auth.credentials import (
    Credential,
    Kind,
    Unusable,
    check_name,
    parse_scopes,
    parse_time,
)
from gateway.auth.hashing import hash_key, hash_password, new_key
from gateway.errors import SettingsError
from gateway.settings import load

if TYPE_CHECKING:
    _Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

_EPILOG = """\
examples:
  gateway keys add billing-batch --file credentials
  gateway keys add alice --password --scope read --expires 90d --file credentials
  gateway keys list --file credentials
  gateway keys revoke 19713e3dad52 --file credentials

The file is that of --file, or authentication.credentials in the settings file.
"""
_DAYS = re.compile(r"([1-9][0-9]{0,4})d")


class _Wrong(Exception):
    """What the person has to change; nothing was done."""


def add_parser(commands: _Subparsers) -> None:
    """Declare the command and its own commands."""
    parser = commands.add_parser(
        "keys",
        help="add, list and revoke API keys and passwords",
        description="Change a credential file. A running gateway follows within two seconds.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_add(actions)
    _add_file(actions.add_parser("list", help="show names, kinds, ids and dates"), _list)
    revoke = actions.add_parser("revoke", help="remove a key or password")
    revoke.add_argument("which", metavar="ID_OR_NAME", help="as shown by: gateway keys list")
    revoke.add_argument("--all", action="store_true", help="everything of this name")
    _add_file(revoke, _revoke)


def _add_add(actions: _Subparsers) -> None:
    add = actions.add_parser(
        "add",
        help="make an API key, or set a password",
        description="Make an API key and print it; or set a password. A name may have several "
        "keys: add the new one, let clients change over, revoke the old one.",
    )
    add.add_argument("name", metavar="NAME", help="the identity that it proves")
    add.add_argument("--password", action="store_true", help="a password for HTTP Basic")
    add.add_argument(
        "--stdin",
        action="store_true",
        help="take the key or password from the first line of the standard input",
    )
    add.add_argument(
        "--scope", metavar="SCOPE", action="append", default=[], help="may be given several times"
    )
    add.add_argument("--expires", metavar="WHEN", help="90d, 2027-01-01 or 2027-01-01T00:00:00Z")
    _add_file(add, _add)


def _add_file(parser: argparse.ArgumentParser, do: object) -> None:
    parser.add_argument("--file", metavar="FILE", type=Path, help="the credential file")
    parser.add_argument(
        "--config",
        metavar="FILE",
        type=Path,
        help="settings file that names it (default: GATEWAY_CONFIG)",
    )
    parser.set_defaults(run=run, do=do)


def run(options: argparse.Namespace) -> int:
    """0: done. 1: not; the reason is on standard error. 2: wrong settings."""
    try:
        options.do(CredentialFile(_path(options)), options)
    except SettingsError as error:
        print("gateway: the settings cannot be used:", *error.problems, sep="\n  ", file=sys.stderr)
        return 2
    except Unusable as error:
        print(
            "gateway: the credential file is broken:", *error.problems, sep="\n  ", file=sys.stderr
        )
        return 1
    except (_Wrong, OSError, ValueError) as error:
        print(f"gateway: {error}", file=sys.stderr)
        return 1
    return 0


def _path(options: argparse.Namespace) -> Path:
    if options.file is not None:
        path: Path = options.file
        return path
    if options.config is None and "GATEWAY_CONFIG" not in os.environ:
        raise _Wrong("which file? Give it with --file FILE")
    named = load(config=options.config, environ=os.environ, flags={}).authentication.credentials
    if named is None:
        raise _Wrong("the settings name no file (authentication.credentials); give --file FILE")
    return Path(named)


def _add(file: CredentialFile, options: argparse.Namespace) -> None:
    check_name(options.name)
    now = datetime.now(timezone.utc).replace(microsecond=0)
    expires = None if options.expires is None else _when(options.expires, now)
    scopes = parse_scopes(",".join(options.scope)) if options.scope else ()
    kind = Kind.PASSWORD if options.password else Kind.API_KEY
    secret = _secret(options)
    hashed = hash_password(secret) if options.password else hash_key(secret)
    file.add(Credential(options.name, kind, hashed, now, expires, scopes))
    if options.password or options.stdin:
        print(f"{options.name} has a new {kind.value}", file=sys.stderr)
    else:
        # Alone on the standard output, for scripts.
        print(secret)
        print("This is the only time that the key is shown.", file=sys.stderr)


def _secret(options: argparse.Namespace) -> str:
    if options.stdin or (options.password and not sys.stdin.isatty()):
        return sys.stdin.readline().rstrip("\r\n")
    if not options.password:
        return new_key()
    password = getpass.getpass(f"Password of {options.name}: ")
    if password != getpass.getpass("Again: "):
        raise _Wrong("these were two different passwords")
    return password


def _when(text: str, now: datetime) -> datetime:
    days = _DAYS.fullmatch(text)
    try:
        if days is not None:
            return now + timedelta(days=int(days[1]))
        when = parse_time(text if "T" in text else f"{text}T00:00:00Z")
    except (ValueError, OverflowError):
        raise _Wrong("--expires takes 90d, 2027-01-01 or 2027-01-01T00:00:00Z") from None
    if when <= now:
        raise _Wrong(f"--expires {text} is over already")
    return when


def _list(file: CredentialFile, options: argparse.Namespace) -> None:
    rows = [("NAME", "KIND", "ID", "CREATED", "EXPIRES", "SCOPES")]
    now = datetime.now(timezone.utc)
    for each in file.read():
        expires = _date(each.expires)
        if each.expires is not None and each.expires <= now:
            expires += " (over)"
        scopes = " ".join(each.scopes) or "-"
        rows.append((each.name, each.kind.value, each.id, _date(each.created), expires, scopes))
    for line in _columns(rows):
        print(line)


def _date(when: datetime | None) -> str:
    return "-" if when is None else when.strftime("%Y-%m-%d")


def _columns(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


def _revoke(file: CredentialFile, options: argparse.Namespace) -> None:
    known = file.read()
    which: str = options.which
    gone = [each for each in known if each.id == which] or [
        each for each in known if each.name == which
    ]
    if not gone:
        raise _Wrong(f"there is no {which}; see: gateway keys list")
    if len(gone) > 1 and not options.all:
        ids = ", ".join(each.id for each in gone)
        raise _Wrong(f"{which} has several ({ids}); name one of them, or give --all")
    file.remove(lambda each: each in gone)
    for each in gone:
        print(f"{each.name} has lost the {each.kind.value} {each.id}", file=sys.stderr)
