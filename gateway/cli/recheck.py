"""``gateway recheck``: is a difference still there? Its examples go to the shadow once more."""

from __future__ import annotations

import argparse
import ipaddress
import sys
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from gateway.cli import quantities, stores
from gateway.cli.export import group_of
from gateway.compare.comparer import Comparer
from gateway.report.recheck import Rechecked, Result, passed, recheck
from gateway.report.redacted import in_field
from gateway.report.texts import safe
from gateway.settings import Settings, Shadow
from gateway.settings.comparison import Compare as Rules
from gateway.settings.store import Store
from gateway.store.errors import StoreError
from gateway.store.values import Example, Group
from gateway.tls import tls_arguments
from gateway.traffic.redacted import Compare, leniently
from gateway.traffic.sending import Changes, Sender
from gateway.transport import Http1Adapter, Origin, Timeouts, UpstreamSession

if TYPE_CHECKING:
    from gateway.store.reader import Reader

    _Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

# RFC 9110 section 9.2.1: they ask, and change nothing.
_SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_MARK = "recheck"

_EPILOG = """\
examples:
  gateway recheck 4f1c --config gateway.toml
  gateway recheck 4f1c --to http://localhost:3000
  gateway recheck 4f1c --header "Authorization: Bearer $TOKEN"

The examples go to the group's shadow, as the settings have it, with the field that marks a
copy. After a few clean passes in a row (store.close_after) the group is closed; it opens
again when the difference recurs.

exit status: 0 the difference is gone, 1 it is still there, 3 it cannot be told, 2 wrong
arguments, settings or store
"""


def add_parser(commands: _Subparsers) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "recheck",
        help="send the examples of a difference to the shadow again",
        description="Send the kept examples of a group of differences again, and compare the "
        "answers with what live answered then.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("group", metavar="GROUP", help="its id, or how that begins")
    parser.add_argument(
        "--to", metavar="URL", help="where they are sent (default: the group's shadow)"
    )
    parser.add_argument(
        "--header",
        metavar="'NAME: VALUE'",
        type=quantities.header,
        action="append",
        default=[],
        help="a header field, such as credentials in place of redacted ones",
    )
    parser.add_argument(
        "--timeout", metavar="TIME", type=quantities.duration, help="for one (default: 10s)"
    )
    parser.add_argument(
        "--unsafe",
        action="store_true",
        help="with --to another machine: also what may change something (POST, PUT, DELETE …)",
    )
    stores.add_arguments(parser)
    parser.set_defaults(run=stores.guarded(run))


def run(options: argparse.Namespace) -> int:
    """Send, compare, remember the result."""
    settings = stores.settings_of(options)
    with ExitStack() as stack:
        reader = stack.enter_context(stores.opened(options, settings))
        group = group_of(reader, options.group)
        shadow = _shadow(options, settings, group)
        examples = _chosen(_examples(reader, group), options, shadow)
        session = stack.enter_context(UpstreamSession(Http1Adapter()))
        sender = _sender(options, shadow, session, settings)
        given = [name for name, _ in options.header] + list(shadow.headers.set)
        results = recheck(examples, group, sender.send, _compare(settings), given)
        return _told(reader, group, results, settings)


def _shadow(options: argparse.Namespace, settings: Settings | None, group: Group) -> Shadow:
    """The group's shadow, maybe at another place. Raises ``Unusable``."""
    known = settings.shadows if settings is not None else ()
    found = next((each for each in known if each.name == group.shadow), None)
    if options.to:
        mark = found.mark if found is not None else Shadow(url=options.to).mark
        return Shadow(url=options.to, mark=mark, host="upstream")
    if found is None:
        raise stores.Unusable(
            f"nothing says where the shadow {safe(group.shadow)} is: "
            "name its settings with --config, or a place with --to"
        )
    return found


def _examples(reader: Reader, group: Group) -> list[Example]:
    found = []
    for head in reader.examples(group.id):
        try:
            example = reader.example(head.id)
        except StoreError as error:
            print(f"gateway: {error}", file=sys.stderr)
            continue
        if example is not None:
            found.append(example)
    return found


def _chosen(
    examples: Sequence[Example], options: argparse.Namespace, shadow: Shadow
) -> list[Example]:
    """What may be sent. Raises ``Unusable`` if that is nothing."""
    if not examples:
        raise stores.Unusable("no example of this group is kept any more")
    if not options.to or options.unsafe or _is_here(shadow.url):
        return list(examples)
    safely = [each for each in examples if each.judged.request.method in _SAFE]
    if not safely:
        raise stores.Unusable("these may change something there; if they may: --unsafe")
    return safely


def _is_here(url: str) -> bool:
    host = Origin.parse(url).host
    if host == "localhost" or url.startswith("http+unix:"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _sender(
    options: argparse.Namespace,
    shadow: Shadow,
    session: UpstreamSession,
    settings: Settings | None,
) -> Sender:
    fields = {**shadow.headers.set, **dict(options.header)}
    if shadow.mark:
        fields[shadow.mark] = _MARK
    if shadow.host not in ("keep", "upstream"):
        fields.setdefault("Host", shadow.host)
    seconds = options.timeout or shadow.timeout
    verify, cert = tls_arguments(shadow.tls)
    return Sender(
        Origin.parse(shadow.url),
        session,
        Timeouts(seconds, seconds, seconds),
        changes=Changes(fields, shadow.headers.remove, shadow.host == "keep", in_field),
        verify=verify,
        cert=cert,
        max_body=_rules(settings).max_body,
    )


def _rules(settings: Settings | None) -> Rules:
    return settings.compare if settings is not None else Rules()


def _compare(settings: Settings | None) -> Compare:
    routes = settings.routes if settings is not None else ()
    comparer = Comparer(_rules(settings), [(r.path, r.methods, r.compare) for r in routes])
    return leniently(comparer.compare)


def _told(
    reader: Reader, group: Group, results: Sequence[Rechecked], settings: Settings | None
) -> int:
    print(*_lines(results), sep="\n")
    clean = passed(results)
    if clean is None:
        print(f"group {group.id}: it cannot be told whether the difference is still there")
        return 3
    after = (settings.store if settings is not None else Store()).close_after
    now = reader.record_recheck(group.id, clean, close_after=after)
    if now is not None:
        passes = f", {now.passes} of {after} clean passes" if now.state == "open" and clean else ""
        print(f"group {group.id}: {'gone' if clean else 'still there'}; {now.state}{passes}")
    return 0 if clean else 1


_WORDS = {Result.FIXED: "fixed", Result.STILL: "still differs", Result.UNKNOWN: "cannot be told"}


def _lines(results: Iterable[Rechecked]) -> Iterable[str]:
    for each in results:
        why = f": {safe(each.why)}" if each.why else ""
        yield f"{_WORDS[each.result]:14}  {safe(each.method)} {safe(each.target)}{why}"
