"""CPU per mirrored request: the obvious glue and Gateway, in turns in one run.

    python scripts/bench_mirror.py [--rate 300] [--connections 64] [--rounds 3]

1 KB JSON POSTs over kept-alive connections at a moderate fixed rate that the
glue holds too. CPU is that of the gateway's processes alone, copies included;
neither upstreams nor clients count. What counts is the ratio within one run.
"""

from __future__ import annotations

import argparse

from load.bench import Bench
from load.cost import in_turns
from load.targets import GatewaySettings, gateway, naive_gateway, upstream


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rate", type=float, default=300.0)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--chain", choices=["mirror_alone", "full_chain"], default="mirror_alone")
    args = parser.parse_args()
    bench = Bench(print, short=True)
    settings = GatewaySettings(chain=args.chain)
    with (
        upstream() as live,
        upstream() as shadow,
        gateway(settings, live.url, shadow.url) as ours,
        naive_gateway(live.url, shadow.url) as glue,
    ):
        costs = in_turns(bench, [glue, ours], args.rate, args.connections, args.rounds)
    for name, cost in costs.items():
        print(f"{name:12} {cost:6.0f} µs of CPU per mirrored request")
    print(f"{'ratio':12} {costs[ours.name] / costs[glue.name]:6.2f}")


if __name__ == "__main__":
    main()
