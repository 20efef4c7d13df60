"""Live's latency beside a shadow that accepts, reads nothing and never answers.

    python scripts/bench_stalled.py [--rounds 50] [--upload 8388608]

Two gateways, one with that shadow and one with none, get the same requests in
turns: three 1 KB POSTs on one new connection, where nginx answers the second
only when its mirror is done, and an upload that no socket buffer holds, where
a proxy that writes to both sides at once stops. Milliseconds, one request at a
time. What counts is the difference within one run.
"""

from __future__ import annotations

import argparse
import http.client
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import quantiles

from load.targets import GatewaySettings, Target, gateway, upstream

ROWS = ("1st request", "2nd, same connection", "3rd, same connection", "upload")
# The copies are to stall for as long as the run takes, and the shadow never gets a rest.
STALLING = 'timeout = "10m"\nbreaker_failures = 0\n[mirror]\ndrain_timeout = "100ms"'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--upload", type=int, default=8 << 20, help="bytes")
    args = parser.parse_args()
    without = GatewaySettings(chain="mirror_alone")
    with (
        upstream() as live,
        deaf() as shadow,
        gateway(without, live.url, None) as off,
        gateway(GatewaySettings(chain="mirror_alone", extra=STALLING), live.url, shadow) as on,
    ):
        seen = in_turns([off, on], args.rounds, bytes(args.upload))
    print(f"{'ms':22}{'no shadow':>18}{'stalled shadow':>18}")
    for name, *columns in zip(ROWS, *seen, strict=True):
        print(f"{name:22}" + "".join(f"{told(column):>18}" for column in columns))


@contextmanager
def deaf() -> Iterator[str]:
    """The URL of a listener that the kernel accepts for, and nobody reads from."""
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def in_turns(targets: list[Target], rounds: int, upload: bytes) -> list[list[list[float]]]:
    """For each target, for each row: milliseconds, round after round."""
    seen: list[list[list[float]]] = [[[] for _ in ROWS] for _ in targets]
    for number in range(rounds + 1):
        for target, rows in zip(targets, seen, strict=True):
            times = one_round(target, upload)
            if number:  # the first warms up
                for row, milliseconds in zip(rows, times, strict=True):
                    row.append(milliseconds)
    return seen


def one_round(target: Target, upload: bytes) -> list[float]:
    """The milliseconds of each row, on one connection."""
    connection = http.client.HTTPConnection(target.host, target.port, timeout=30)
    times = []
    for body in (bytes(1024), bytes(1024), bytes(1024), upload):
        began = time.perf_counter()
        connection.request("POST", "/invoices", body)
        answer = connection.getresponse()
        answer.read()
        times.append(1000 * (time.perf_counter() - began))
        if answer.status != 200:
            raise SystemExit(f"{target.name} answered {answer.status}")
    connection.close()
    return times


def told(column: list[float]) -> str:
    """Median and 95th percentile."""
    cuts = quantiles(column, n=20)
    return f"{cuts[9]:.2f}, P95 {cuts[18]:.2f}"


if __name__ == "__main__":
    main()
