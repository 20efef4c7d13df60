"""``gateway report``: can the shadow take over, and if not, why not; or what is missing.

Made for people, and as a gate in CI: the rule is in the settings, the exit status says
how it came out.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from gateway.cli import quantities, stores
from gateway.known.register import Register
from gateway.report.content import Report
from gateway.report.document import as_json
from gateway.report.gather import Question
from gateway.report.junit import as_junit
from gateway.report.making import make_report
from gateway.report.page import as_html
from gateway.report.suggestions import suggested
from gateway.report.text import as_text
from gateway.settings import Settings
from gateway.settings.comparison import Noise
from gateway.settings.report import Report as Rule
from gateway.store.values import Filter

if TYPE_CHECKING:
    _Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

_FORMATS: dict[str, Callable[[Report], str]] = {
    "text": as_text,
    "json": as_json,
    "html": as_html,
    "junit": as_junit,
}
_RULE = ("require_match", "require_exchanges", "max_latency_ratio", "max_failed")

_EPILOG = """\
examples:
  gateway report
  gateway report --since 2026-11-21T08:00Z --shadow rewrite
  gateway report --config gateway.toml --format html --output report.html
  gateway report --require-match 99.9 --require-exchanges 10000 --max-latency-ratio 1.2
  gateway report --suggest-rules --output rules.toml

exit status: 0 ready, 1 not ready, 3 too little evidence, 2 there is no report: wrong
arguments or settings, or no store
"""


def add_parser(commands: _Subparsers) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "report",
        help="say whether a shadow can take over, and why not",
        description="What the comparison of live and its shadows has come to, and a decision by "
        "the rule in the settings. Flags override the settings.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_choice(parser)
    _add_rule(parser)
    _add_output(parser)
    parser.set_defaults(run=stores.guarded(run))


def _add_choice(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what it is about")
    stores.add_arguments(group)  # type: ignore[arg-type]
    group.add_argument(
        "--since",
        metavar="7d|TIME",
        type=stores.moment,
        help="from then on: so long ago, or a time such as the last deployment's (default: 7d)",
    )
    group.add_argument("--until", metavar="1d|TIME", type=stores.moment, help="not after this")
    group.add_argument("--shadow", metavar="NAME", help="only this one (default: all)")
    group.add_argument("--route", metavar="NAME", help="only this one (default: all)")
    group.add_argument("--known", metavar="FILE", type=Path, help="register of known differences")


def _add_rule(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the rule (default: [report] in the settings)")
    group.add_argument(
        "--require-match", metavar="PERCENT", type=quantities.percent, help="that must match"
    )
    group.add_argument(
        "--require-exchanges", metavar="N", type=quantities.count, help="that must be compared"
    )
    group.add_argument(
        "--max-latency-ratio",
        metavar="X",
        type=_ratio,
        help="times live's latency, at the median and the 95th percentile",
    )
    group.add_argument(
        "--max-failed", metavar="PERCENT", type=quantities.percent, help="of copies that may fail"
    )


def _add_output(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("output")
    group.add_argument("--format", choices=tuple(_FORMATS), default="text", help="default: text")
    group.add_argument("--output", metavar="FILE", type=Path, help="write it there")
    group.add_argument(
        "--suggest-rules",
        action="store_true",
        help="instead: rules for what always differs, such as ids and times, as TOML to paste",
    )


def _ratio(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 1000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number over 0, such as 1.2")
    return value


def run(options: argparse.Namespace) -> int:
    """Write the report; the exit status is the decision's."""
    settings = stores.settings_of(options)
    with stores.opened(options, settings) as reader:
        _require_known(options.shadow, reader.shadows(), settings)
        question = _question(options, settings)
        if options.suggest_rules:
            where = msgspec.structs.replace(question.where, shadow=options.shadow)
            noise = settings.compare.noise if settings is not None else Noise()
            text = suggested(reader, where, noise)
            stores.write(text or _NOTHING, options.output)
            return 0
        report = make_report(reader, question, options.shadow)
    stores.write(_FORMATS[options.format](report), options.output)
    return report.exit_status


def _require_known(name: str | None, seen: list[str], settings: Settings | None) -> None:
    """A misspelt name would be a shadow that nothing is known of."""
    configured = [shadow.name for shadow in settings.shadows] if settings is not None else []
    known = sorted({*seen, *configured})
    if name is not None and name not in known:
        raise stores.Unusable(
            f"--shadow {name}: there is no such shadow; there is {', '.join(known) or 'none'}"
        )


_NOTHING = "# Nothing differs all the time: there is nothing to propose.\n"


def _question(options: argparse.Namespace, settings: Settings | None) -> Question:
    rule = settings.report if settings is not None else Rule()
    given: dict[str, Any] = {name: getattr(options, name) for name in _RULE}
    rule = msgspec.structs.replace(rule, **{k: v for k, v in given.items() if v is not None})
    now = time.time()
    since = options.since if options.since is not None else now - rule.since
    where = Filter(route=options.route, since=since, until=options.until)
    return Question(where, rule, Register.load(_register(options, settings)), now)


def _register(options: argparse.Namespace, settings: Settings | None) -> Path | None:
    known: Path | None = options.known
    if known is not None and not known.exists():
        raise stores.Unusable(f"--known {known}: there is no such file")
    if known is None and settings is not None and settings.compare.known is not None:
        return Path(settings.compare.known)
    return known
