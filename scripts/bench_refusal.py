"""What a refused request costs: almost everything offered is refused, at once.

    python scripts/bench_refusal.py [--rate 4000] [--connections 2000] [--seconds 6]

Live takes a second for each answer and every worker has room for one request, so
nearly all are answered 503. CPU is that of the gateway's processes alone.
"""

from __future__ import annotations

import argparse

from load.bench import Bench
from load.job import Load
from load.targets import GatewaySettings, gateway, upstream

_ONE_AT_A_TIME = """
[admission]
mode = "fixed"
limit = 16
target_wait = "1ms"
longest_wait = "1ms"
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rate", type=float, default=4000.0)
    parser.add_argument("--connections", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=6.0)
    args = parser.parse_args()
    bench = Bench(print, short=True)
    settings = GatewaySettings(chain="mirror_alone", extra=_ONE_AT_A_TIME)
    load = Load(args.rate, args.connections, args.seconds)
    with upstream(delay=1.0) as live, gateway(settings, live.url, None) as target:
        figures = bench.steady(target, "refusals", load, timed=False).figures()
    refused = figures.shed
    print(f"{refused} of {figures.offered} refused, {figures.failed} failed")
    print(f"{1e6 * figures.cpu_seconds / max(1, refused):.0f} µs of CPU per refusal")


if __name__ == "__main__":
    main()
