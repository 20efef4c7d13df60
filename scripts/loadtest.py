"""Holds Gateway against its budgets, B1 to B9, and says which hold.

    python scripts/loadtest.py                        all scenarios
    python scripts/loadtest.py --short                the same within a minute or so each
    python scripts/loadtest.py --scenario b1,b5 --baseline --repeat 3
    python scripts/loadtest.py --rate 500 --body 65536 --delay 0.2 --shadow stalled
    python scripts/loadtest.py --against http://127.0.0.1:8080 --live-port 9001 --shadow-port 9002

Starts real upstreams and a real gateway, sends real requests, all on this
machine. Exit status: 0, every must is met; 1, one is missed; 2, it could not be
told, because the client itself was too slow on a machine busy with other things.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

from load import bodies, capacity, cost, leaks, overload, shadows, slow_clients, steady
from load.bench import Bench
from load.children import Failed
from load.document import document, facts
from load.job import Load
from load.limits import raise_descriptor_limit
from load.overload import closed_loop
from load.page import page
from load.targets import GatewaySettings, Target, external, naive_gateway, upstream
from load.upstream import BEHAVIOURS
from load.verdicts import Row, Verdict, combined

SCENARIOS: dict[str, Callable[[Bench], list[Row]]] = {
    "b1": steady.b1,
    "b2": steady.b2,
    "b3": capacity.b3,
    "b4": cost.b4,
    "b5": shadows.b5,
    "b6": overload.b6,
    "b7": bodies.b7,
    "b8": slow_clients.b8,
    "b9": leaks.b9,
}
# What --short runs when nothing is named: what says most for a minute.
IN_SHORT = ("b1", "b4", "b8")
LEAST_CLIENT_RATE = 8000.0


def main() -> int:
    options = arguments()
    signal.signal(signal.SIGTERM, _interrupt)
    raise_descriptor_limit()
    bench = Bench(
        say, short=options.short, baseline=options.baseline, worker_class=options.worker_class
    )
    try:
        told = facts(client_rate(bench))
        for name, text in told:
            say(f"{name:9} {text}")
        rows = measured(bench, options)
    except Failed as error:
        say(f"The load test could not be carried out: {error}")
        return 2
    except KeyboardInterrupt:
        say("Stopped.")
        return 130
    write(options.output, told, rows, bench)
    return status(rows)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").partition("\n")[0],
        epilog=(__doc__ or "").partition("\n\n")[2],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--scenario", help=f"{', '.join(SCENARIOS)}, or load; default: all")
    parser.add_argument("--short", action="store_true", help="shorter runs, and fewer")
    parser.add_argument(
        "--repeat", type=bounded(int, 1, 20), default=1, help="runs of each; medians count"
    )
    parser.add_argument("--baseline", action="store_true", help="the obvious glue beside it")
    parser.add_argument(
        "--worker-class",
        choices=["gateway", "gthread", "gevent"],
        default="gateway",
        help="what the gateway waits for clients with",
    )
    parser.add_argument(
        "--output", type=Path, default=Path("build/loadtest"), help="folder for reports"
    )
    load = parser.add_argument_group("the scenario load: any load, no budget")
    load.add_argument(
        "--rate", type=bounded(float, 0, 20_000), help="requests a second; 0: closed loop"
    )
    load.add_argument("--seconds", type=bounded(float, 0.5, 600), help="how long it is measured")
    load.add_argument("--connections", type=bounded(int, 1, 10_000), help="kept-alive connections")
    load.add_argument("--body", type=bounded(int, 0, 64 << 20), help="bytes in a request's body")
    load.add_argument("--delay", type=bounded(float, 0, 30), help="seconds the live upstream takes")
    load.add_argument("--shadow", choices=["off", *BEHAVIOURS], help="what the shadow does")
    load.add_argument(
        "--threads", type=bounded(int, 1, 4096), default=64, help="of each gateway worker"
    )
    other = parser.add_argument_group("another proxy")
    other.add_argument("--against", metavar="URL", help="measure what listens there")
    other.add_argument("--pid", type=int, action="append", default=[], help="whose CPU to count")
    other.add_argument("--live-port", type=int, default=0, help="where it expects live")
    other.add_argument("--shadow-port", type=int, default=0, help="where it expects the shadow")
    return checked(parser, parser.parse_args())


def bounded(kind: Callable[[str], float], low: float, high: float) -> Callable[[str], float]:
    """A number for argparse that is neither a slip of the keyboard nor a danger."""

    def parse(text: str) -> float:
        value = kind(text)
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text}: must be {low:g} to {high:g}")
        return value

    parse.__name__ = kind.__name__  # argparse shows it
    return parse


def checked(parser: argparse.ArgumentParser, options: argparse.Namespace) -> argparse.Namespace:
    """Names and combinations; what is left out is filled in."""
    given = [options.rate, options.seconds, options.connections, options.body, options.delay]
    own_load = any(value is not None for value in (*given, options.shadow, options.against))
    default = ["load"] if own_load else list(IN_SHORT if options.short else SCENARIOS)
    options.names = options.scenario.lower().split(",") if options.scenario else default
    unknown = set(options.names) - {*SCENARIOS, "load"}
    if unknown:
        parser.error(f"no such scenario: {', '.join(sorted(unknown))}")
    if options.against and options.names != ["load"]:
        parser.error("--against goes with the scenario load only: the others start a gateway")
    return options


def measured(bench: Bench, options: argparse.Namespace) -> list[Row]:
    """Every scenario asked for, shown as it ends."""
    rows: list[Row] = []
    for name in options.names:
        run = SCENARIOS.get(name) or (lambda bench: any_load(bench, options))
        say(f"\n{name.upper()}: {(run.__doc__ or 'the load given').strip()}")
        rows += (found := combined([run(bench) for _ in range(options.repeat)]))
        for row in found:
            say(line(row))
    return rows


def any_load(bench: Bench, options: argparse.Namespace) -> list[Row]:
    """The load that the options describe, on whatever they name."""
    behaviour = options.shadow or "ok"
    load = Load(
        rate=1000.0 if options.rate is None else options.rate,
        connections=options.connections or 256,
        seconds=options.seconds or 10.0,
        body_bytes=1024 if options.body is None else options.body,
        patience=5.0 + (options.delay or 0.0),
    )
    with (
        upstream("ok", options.delay or 0.0, options.live_port) as live,
        upstream("ok" if behaviour == "off" else behaviour, 0.0, options.shadow_port) as shadow,
    ):
        shadow_url = None if behaviour == "off" else shadow.url
        if options.against:
            target = external(options.against, tuple(options.pid))
            return steady.plain(bench, target, live, load)
        return started(bench, options, live, shadow_url, load)


def started(
    bench: Bench,
    options: argparse.Namespace,
    live: Target,
    shadow: str | None,
    load: Load,
) -> list[Row]:
    settings = GatewaySettings(threads=options.threads, pool_size=max(256, options.threads))
    with bench.gateway(settings, live.url, shadow) as target:
        rows = steady.plain(bench, target, live, load)
    if bench.baseline:
        with naive_gateway(live.url, shadow, options.threads) as naive:
            rows += steady.plain(bench, naive, live, load)
    return rows


def client_rate(bench: Bench) -> float:
    """What the client can do in one process, straight to an upstream."""
    with upstream() as live:
        rate = closed_loop(bench, live, "client", 256, seconds=1.0)
    if rate < LEAST_CLIENT_RATE:
        say(f"The client does only {rate:.0f}/s here (it needs {LEAST_CLIENT_RATE:.0f}/s).")
    return rate


def line(row: Row) -> str:
    return (
        f"  {row.budget:4} {row.what:30} {row.figure_text():>16}  {row.budget_text():16}"
        f" {row.verdict!s:6} {row.note}"
    ).rstrip()


def write(folder: Path, told: Sequence[tuple[str, str]], rows: Sequence[Row], bench: Bench) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(document(told, rows, bench.runs), indent=1)
    (folder / "loadtest.json").write_text(text + "\n")
    (folder / "loadtest.html").write_text(page("Gateway: load test", told, rows, bench.runs))
    say(f"\nWritten: {folder / 'loadtest.json'}, {folder / 'loadtest.html'}")


def status(rows: Sequence[Row]) -> int:
    """Say what it comes to; the exit status."""
    missed = [row for row in rows if row.verdict is Verdict.MISSED]
    void = [row for row in rows if row.verdict is Verdict.VOID]
    for row in (*missed, *void):
        say(f"{row.verdict}: {row.budget} {row.what}: {row.figure_text()} ({row.budget_text()})")
    if void:
        say("Void: the client lagged; the machine was too busy. Measure again.")
    if not missed and not void:
        say("Every must is met.")
    return 1 if missed else 2 if void else 0


def say(text: str) -> None:
    print(text, flush=True)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
