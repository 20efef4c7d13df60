"""``gateway record``: live traffic of a running gateway into a file, for a while.

The gateway's workers record; this command asks them to, waits, and fetches what they
have. It works with recordings that are there already too: joined into one file, or
made into a HAR.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from gateway.cli import admin, quantities
from gateway.errors import SettingsError
from gateway.traffic.har import HarFile, entry
from gateway.traffic.har_reading import NotHar
from gateway.traffic.recorded import Recorded
from gateway.traffic.single import SingleFile
from gateway.traffic.source import exchanges_in, files_in

if TYPE_CHECKING:
    _Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

_PAUSE_SECONDS = 0.25
# For workers to notice the end and write what they have; they look every quarter second.
_SETTLE_SECONDS = 1.0
_MOST_SETTLE_SECONDS = 10.0

_EPILOG = """\
examples:
  gateway record --for 5m --percent 10 --out checkout.jsonl.gz
  gateway record --for 60s --out traffic.har
  gateway record --status
  gateway record --stop
  gateway record --from /var/lib/gateway/traffic --out monday.jsonl.gz
  gateway record --from traffic-*.jsonl.gz --out traffic.har

Ctrl-C ends a recording early, and keeps what there is. To record all the time, see
record.folder and record.percent in the settings. Credentials and what compare.redact
names are not in the files. Send them again with: gateway replay
"""


class _Wrong(Exception):
    """Why there is no recording."""


def add_parser(commands: _Subparsers) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "record",
        help="record live traffic of a running gateway, to replay it",
        description="Have a running gateway record a share of its live traffic for a while, and "
        "write it to a file; all its workers take part.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--for",
        dest="seconds",
        metavar="TIME",
        type=quantities.duration,
        default=60.0,
        help="how long (default: 60s)",
    )
    what.add_argument("--status", action="store_true", help="say what is being recorded")
    what.add_argument("--stop", action="store_true", help="end the recording that goes on")
    what.add_argument(
        "--from",
        dest="files",
        metavar="FILE",
        nargs="+",
        type=Path,
        help="work with these recordings, or folders of them, and ask no gateway",
    )
    parser.add_argument(
        "--percent",
        metavar="P",
        type=quantities.percent,
        default=100.0,
        help="share of the requests (default: 100)",
    )
    parser.add_argument(
        "--max-size",
        metavar="SIZE",
        type=quantities.size,
        default=100 * 1024 * 1024,
        help="end when the files have about this size, compressed (default: 100MiB)",
    )
    parser.add_argument(
        "--out",
        metavar="FILE",
        type=Path,
        help="a new file: .jsonl.gz, .jsonl.zst, .jsonl or .har (default: traffic-TIME.jsonl.gz)",
    )
    admin.add_arguments(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """0: done. 1: not, and why. 2: wrong settings."""
    try:
        return _run(options)
    except SettingsError as error:
        print("gateway: the settings cannot be used:", *error.problems, sep="\n  ", file=sys.stderr)
        return 2
    except (_Wrong, admin.NoAnswer, NotHar, OSError, LookupError) as error:
        print(f"gateway: {error}", file=sys.stderr)
        return 1


def _run(options: argparse.Namespace) -> int:
    if options.files:
        _write(files_in(options.files), _out(options.out))
        return 0
    address = admin.address_of(options)
    if options.status or options.stop:
        state = _asked(address, {"stop": True} if options.stop else None)
        print(_sentence(state))
        return 0
    out = _out(options.out)
    _record(address, options, out)
    return 0


def _record(address: str, options: argparse.Namespace, out: Path) -> None:
    wanted = {
        "percent": options.percent,
        "seconds": options.seconds,
        "max_bytes": options.max_size,
    }
    state = _asked(address, wanted)
    _say(f"recording {options.percent:g} % for {options.seconds:g} s; Ctrl-C ends it early")
    try:
        _wait(lambda: _is_over(_asked(address), state["id"], options.max_size), options.seconds)
    except KeyboardInterrupt:
        _say("")
    _end(address, state["id"])
    with tempfile.TemporaryDirectory(prefix="gateway-record-") as folder:
        _write(_fetched(address, Path(folder)), out)


def _is_over(state: Mapping[str, Any], run: str, max_size: int) -> bool:
    if state["id"] != run:
        raise _Wrong("another recording was begun in place of this one")
    full = sum(file["bytes"] for file in state["files"]) >= max_size
    return full or not state["recording"]


def _end(address: str, run: str) -> None:
    """Stop it, and wait until the workers have let go of its files."""
    if not _is_over(_asked(address), run, 2**62):
        _asked(address, {"stop": True})
    _wait(lambda: False, _SETTLE_SECONDS)
    _wait(lambda: not any(file["open"] for file in _asked(address)["files"]), _MOST_SETTLE_SECONDS)


def _wait(over: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not over() and (left := deadline - time.monotonic()) > 0:
        time.sleep(min(_PAUSE_SECONDS, left))


def _fetched(address: str, folder: Path) -> list[Path]:
    files = []
    for described in _asked(address)["files"]:
        name = Path(described["name"]).name
        with (folder / name).open("wb") as file:
            admin.download(address, f"/api/record/{quote(name)}", file)
        files.append(folder / name)
    return files


def _asked(address: str, wanted: Mapping[str, Any] | None = None) -> dict[str, Any]:
    method = "GET" if wanted is None else "POST"
    status, document = admin.ask(address, method, "/api/record", wanted)
    if status != 200:
        raise _Wrong(str(document.get("detail", document)))
    return document


def _sentence(state: Mapping[str, Any]) -> str:
    if state["id"] is None:
        return "nothing was asked to be recorded"
    size = sum(file["bytes"] for file in state["files"])
    number = len(state["files"])
    files = f"{number} file{'s' * (number != 1)} of {size} bytes in {state['folder']}"
    if not state["recording"]:
        return f"nothing is being recorded; of the last recording: {files}"
    left = max(0.0, state["until"] - time.time())
    return f"recording {state['percent']:g} % for {left:.0f} s more: {files}"


def _out(path: Path | None) -> Path:
    """Where to; nothing is overwritten."""
    out = path or Path(time.strftime("traffic-%Y%m%dT%H%M%SZ.jsonl.gz", time.gmtime()))
    if os.path.lexists(out):
        raise _Wrong(f"{out} is there already")
    if not out.absolute().parent.is_dir():
        raise _Wrong(f"there is no folder {out.parent}")
    return out


def _write(files: Iterable[Path], out: Path) -> None:
    """All exchanges of the files into one, in order."""
    exchanges = exchanges_in(files, _say)
    try:
        number = _as_har(exchanges, out) if out.suffix == ".har" else _as_lines(exchanges, out)
    except BaseException:
        with suppress(OSError):
            out.unlink()
        raise
    print(f"{number} exchanges in {out}")


def _as_har(exchanges: Iterable[Recorded], out: Path) -> int:
    with HarFile(out) as file:
        for recorded in exchanges:
            file.add(entry(recorded))
        return file.entries


def _as_lines(exchanges: Iterable[Recorded], out: Path) -> int:
    with SingleFile(out) as file:
        for recorded in exchanges:
            file.add(recorded)
        return file.exchanges


def _say(text: str) -> None:
    print(text, file=sys.stderr)
