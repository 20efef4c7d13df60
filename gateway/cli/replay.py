"""``gateway replay``: recorded traffic once more, to a place of your choice, and compared.

A regression suite made of production traffic. Requests go to the URL that is given and
nowhere else; those that may change something there only if that is this machine, or if
it was said that they may.
"""

from __future__ import annotations

import argparse
import ipaddress
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.cli import quantities
from gateway.cli.comparing import comparing
from gateway.compare.answer import Answer
from gateway.errors import SettingsError
from gateway.traffic.har import HarFile, entry
from gateway.traffic.har_reading import NotHar
from gateway.traffic.pacing import Pace
from gateway.traffic.recorded import Recorded
from gateway.traffic.redacted import has_hidden_body, is_redacted
from gateway.traffic.replay import Replay, Replayed
from gateway.traffic.results import Results, skipping
from gateway.traffic.sending import Changes, Sender
from gateway.traffic.source import exchanges_in, files_in, host_of, hosts_in
from gateway.traffic.summary import document_of, text_of
from gateway.transport import Http1Adapter, Origin, Timeouts, UpstreamSession

if TYPE_CHECKING:
    _Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

# RFC 9110 section 9.2.1: they ask, and change nothing.
_SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
# After Ctrl-C: for answers that are on their way.
_LAST_SECONDS = 1.0

_EPILOG = """\
examples:
  gateway replay recordings/ --to http://localhost:3000 --compare
  gateway replay traffic-*.jsonl.gz --to http://localhost:3000 --speed 10x --limit 1000
  gateway replay traffic.jsonl.gz --to http://localhost:3000 --rate 100/s
  gateway replay browser.har --to http://localhost:3000 --host shop.example.com --compare
  gateway replay recordings/ --to https://staging.example.com --unsafe \\
      --header "Authorization: Bearer $TOKEN" --compare --config gateway.toml
  gateway replay recordings/ --to http://localhost:3000 --save-har answers.har

FILE is a recording, a folder of them, or a HAR file (also compressed). What was redacted
in a recording is not sent; give credentials with --header.

exit status: 0 every request was answered (and, with --compare, enough of them matched),
1 not so, 2 nothing was sent: wrong arguments or files, 3 there was nothing to send or to
compare, 130 interrupted
"""


class _Wrong(Exception):
    """What the person has to change; nothing was sent."""


def add_parser(commands: _Subparsers) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "replay",
        help="send recorded traffic again, and compare the answers",
        description="Send recorded requests again, with the recorded spacing, and compare what "
        "is answered with what live had answered.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("files", metavar="FILE", nargs="+", type=Path, help="recording or HAR")
    parser.add_argument(
        "--to", metavar="URL", required=True, help="where all requests are sent, whoever they name"
    )
    _add_pace(parser)
    _add_choice(parser)
    _add_changes(parser)
    _add_results(parser)
    parser.set_defaults(run=run)


def _add_pace(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("pace")
    pace = group.add_mutually_exclusive_group()
    pace.add_argument(
        "--speed",
        metavar="2x|max",
        type=quantities.speed,
        default=1.0,
        help="a multiple of the recorded speed, or as fast as may be (default: 1x)",
    )
    pace.add_argument(
        "--rate",
        metavar="100/s",
        type=quantities.rate,
        help="evenly so many a second (/s) or minute (/m)",
    )
    group.add_argument(
        "--max-pause",
        metavar="TIME",
        type=quantities.duration,
        default=60.0,
        help="longer recorded pauses are made this long (default: 1m)",
    )
    group.add_argument(
        "--concurrency",
        metavar="N",
        type=quantities.count,
        default=64,
        help="requests in progress at most; 1 sends one after the other (default: 64)",
    )
    group.add_argument(
        "--timeout",
        metavar="TIME",
        type=quantities.duration,
        default=30.0,
        help="for one request, to the end of its answer (default: 30s)",
    )


def _add_choice(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("which requests")
    group.add_argument(
        "--limit", metavar="N", type=quantities.count, help="no more than the first N"
    )
    group.add_argument(
        "--unsafe",
        action="store_true",
        help="also those that may change something (POST, PUT, DELETE …), which else are sent "
        "to this machine only",
    )
    group.add_argument(
        "--host",
        metavar="HOST",
        action="append",
        default=[],
        help="only those that were sent to this host; may be given several times",
    )


def _add_changes(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what is sent")
    group.add_argument(
        "--header",
        metavar="'NAME: VALUE'",
        type=quantities.header,
        action="append",
        default=[],
        help="a header field, in place of any recorded one of this name",
    )
    group.add_argument(
        "--remove-header", metavar="NAME", action="append", default=[], help="a field not to send"
    )
    group.add_argument(
        "--keep-host", action="store_true", help="send the recorded Host, not that of the URL"
    )
    group.add_argument("--ca", metavar="FILE", help="PEM file of trusted authorities for https")
    group.add_argument(
        "--insecure", action="store_true", help="do not verify the certificate of https"
    )


def _add_results(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("results")
    group.add_argument(
        "--compare", action="store_true", help="compare the answers with those of live"
    )
    group.add_argument(
        "--config",
        metavar="FILE",
        type=Path,
        help="settings file with the rules of the comparison (default: GATEWAY_CONFIG)",
    )
    group.add_argument(
        "--require-match",
        metavar="PERCENT",
        type=quantities.percent,
        default=100.0,
        help="how many must match for exit status 0 (default: 100)",
    )
    group.add_argument(
        "--save-har", metavar="FILE", type=Path, help="write requests and answers to a HAR file"
    )
    group.add_argument("--format", choices=("text", "json"), default="text", help="of the summary")


def run(options: argparse.Namespace) -> int:
    """Send; the summary goes to the standard output, and what was left out to the error one."""
    try:
        origin = _origin(options.to)
        files = _files(options.files)
        _require_host(options, files)
        compare = comparing(options.config) if options.compare else None
        return _replay(options, origin, files, Results(compare))
    except SettingsError as error:
        print("gateway: the settings cannot be used:", *error.problems, sep="\n  ", file=sys.stderr)
    except (_Wrong, NotHar, OSError) as error:
        print(f"gateway: {error}", file=sys.stderr)
    return 2


def _replay(
    options: argparse.Namespace, origin: Origin, files: Sequence[Path], results: Results
) -> int:
    skipped: Counter[str] = Counter()
    hidden: Counter[str] = Counter()
    pace = Pace(speed=options.speed, rate=options.rate, max_pause=options.max_pause)
    unsafe = options.unsafe or _is_here(origin)
    exchanges = _of_hosts(exchanges_in(files, _complain), options.host)
    exchanges = skipping(exchanges, lambda r: unsafe or r.request.method in _SAFE, skipped)
    exchanges = skipping(exchanges, lambda r: not has_hidden_body(r.request), hidden)
    began = time.monotonic()
    with ExitStack() as stack:
        session = stack.enter_context(UpstreamSession(_adapter(options)))
        har = stack.enter_context(HarFile(options.save_har)) if options.save_har else None
        sender = _sender(options, origin, session)
        replay = Replay(
            islice(exchanges, options.limit), sender.send, pace, concurrency=options.concurrency
        )
        interrupted = _collect(replay, results, har)
        seconds = time.monotonic() - began
    _tell(options, origin, results, seconds)
    _tell_left_out(skipped, hidden, pace, options)
    return 130 if interrupted else _status(results, options.require_match)


def _collect(replay: Replay, results: Results, har: HarFile | None) -> bool:
    """Add up everything that is sent. Whether it was interrupted."""

    def took(replayed: Replayed) -> None:
        results.add(replayed)
        if har is not None:
            har.add(_har_entry(replayed))

    try:
        for replayed in replay:
            took(replayed)
    except KeyboardInterrupt:
        for replayed in replay.stop(_LAST_SECONDS):
            took(replayed)
        return True
    return False


def _har_entry(replayed: Replayed) -> dict[str, object]:
    got = replayed.got if isinstance(replayed.got, Answer) else None
    recorded = replayed.recorded._replace(live=got, at=replayed.at)
    return entry(recorded, "" if got is not None else f"no answer: {replayed.got}")


def _status(results: Results, require_match: float) -> int:
    if not results.sent or (results.compared and not results.comparable):
        return 3
    if results.compared:
        return 0 if results.match_percent >= require_match else 1
    return 1 if results.failed else 0


def _tell(options: argparse.Namespace, origin: Origin, results: Results, seconds: float) -> None:
    if options.format == "json":
        print(document_of(results, origin.url, seconds))
    else:
        print(*text_of(results, origin.url, seconds), sep="\n")


def _tell_left_out(
    skipped: Counter[str], hidden: Counter[str], pace: Pace, options: argparse.Namespace
) -> None:
    if pace.shortened:
        _complain(f"{pace.shortened} pauses were made {options.max_pause:g} s long (--max-pause)")
    if skipped:
        _complain(
            f"not sent, as they may change something there: {_told(skipped)} (--unsafe sends them)"
        )
    if hidden:
        _complain(f"not sent, as their bodies were redacted: {_told(hidden)}")


def _told(counts: Counter[str]) -> str:
    return ", ".join(f"{method}: {number}" for method, number in sorted(counts.items()))


def _complain(text: str) -> None:
    print(f"gateway: {text}", file=sys.stderr)


def _adapter(options: argparse.Namespace) -> Http1Adapter:
    # Nothing is sent twice: what the target did with it is not known.
    return Http1Adapter(pool_size=options.concurrency, retry_stale=False)


def _sender(options: argparse.Namespace, origin: Origin, session: UpstreamSession) -> Sender:
    changes = Changes(
        dict(options.header), options.remove_header, keep_host=options.keep_host, drop=is_redacted
    )
    seconds = options.timeout
    return Sender(
        origin,
        session,
        Timeouts(seconds, seconds, seconds),
        changes=changes,
        verify=not options.insecure and (options.ca or True),
    )


def _origin(url: str) -> Origin:
    try:
        return Origin.parse(url)
    except ValueError as error:
        raise _Wrong(f"--to: {error}") from error


def _is_here(origin: Origin) -> bool:
    """Whether it is this machine that is asked."""
    if origin.socket_path is not None or origin.host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(origin.host).is_loopback
    except ValueError:
        return False


def _files(paths: Iterable[Path]) -> list[Path]:
    files = files_in(paths)
    if not files:
        raise _Wrong("there are no recordings in there")
    for file in files:
        if not os.access(file, os.R_OK):
            raise _Wrong(f"cannot read {file}")
    return files


def _require_host(options: argparse.Namespace, files: Iterable[Path]) -> None:
    """A browser's capture has what a page asked of others too: it says which is meant."""
    hosts = {} if options.host else hosts_in(files, lambda text: None)
    if len(hosts) > 1:
        told = "\n".join(f"  {n:>6}  {host}" for host, n in sorted(hosts.items()))
        raise _Wrong(f"requests to several hosts; choose some with --host HOST:\n{told}")


def _of_hosts(exchanges: Iterable[Recorded], hosts: Sequence[str]) -> Iterator[Recorded]:
    wanted = {host.lower() for host in hosts}
    return (each for each in exchanges if not wanted or host_of(each) in wanted)
