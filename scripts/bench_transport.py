"""CPU of one keep-alive POST through the live hop, beside what `requests` costs.

    python scripts/bench_transport.py [--requests N] [--rounds N] [--body BYTES]

All ways talk to the same upstream, a small server in a child process, over one
kept connection each. They take turns, so that whatever else the machine does
falls on all of them; the median round counts. CPU is this process's own.
"""

from __future__ import annotations

import argparse
import multiprocessing
import selectors
import socket
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection as Pipe

import requests

from gateway.transport import Http1Adapter, Origin, OutboundRequest, Timeouts, UpstreamSession

Call = Callable[[], None]

_ANSWER = (
    b"HTTP/1.1 200 OK\r\nServer: bench\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
    b"Content-Type: application/json\r\nContent-Length: 512\r\n"
    b"Cache-Control: no-store\r\nX-Request-Id: 0123456789abcdef\r\n\r\n" + b"x" * 512
)
_FIELDS = [
    ("Accept", "*/*"),
    ("User-Agent", "bench"),
    ("Content-Type", "application/json"),
    ("Authorization", "Bearer 0123456789abcdef0123456789abcdef"),
    ("X-Request-Id", "0123456789abcdef"),
]


def serve(ready: Pipe) -> None:
    """Answers every complete request at once. Runs in the child until it is terminated."""
    listener = socket.create_server(("127.0.0.1", 0))
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ)
    ready.send(listener.getsockname()[1])
    pending: dict[int, int] = {}
    while True:
        for key, _ in selector.select():
            if key.fileobj is listener:
                client, _ = listener.accept()
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                selector.register(client, selectors.EVENT_READ, client)
            else:
                _turn(selector, key.data, pending)


def _turn(selector: selectors.BaseSelector, client: socket.socket, pending: dict[int, int]) -> None:
    data = client.recv(1 << 20)
    if not data:
        selector.unregister(client)
        client.close()
        return
    left = pending.pop(client.fileno(), 0)
    if not left:
        head, _, data = data.partition(b"\r\n\r\n")
        left = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    left -= len(data)
    if left:
        pending[client.fileno()] = left
    else:
        client.sendall(_ANSWER)


@contextmanager
def upstream() -> Iterator[int]:
    """The port of a running upstream."""
    ours, theirs = multiprocessing.Pipe()
    child = multiprocessing.get_context("fork").Process(target=serve, args=(theirs,), daemon=True)
    child.start()
    try:
        if not ours.poll(10):
            sys.exit("the upstream did not start")
        yield ours.recv()
    finally:
        child.terminate()
        child.join(10)


def ways(port: int, body: bytes) -> dict[str, Call]:
    """What is compared, by name; each call is one request whose answer is read whole."""
    url = f"http://127.0.0.1:{port}/v1/invoices?expand=lines"
    fields = dict(_FIELDS)
    stock, plain, hand = requests.Session(), requests.Session(), requests.Session()
    plain.trust_env = hand.trust_env = False
    prepared = hand.prepare_request(requests.Request("POST", url, headers=fields, data=body))
    return {
        "requests: Session.request": lambda: _check(
            stock.request("POST", url, headers=fields, data=body).content
        ),
        "requests: Session.request, trust_env=False": lambda: _check(
            plain.request("POST", url, headers=fields, data=body).content
        ),
        "requests: Session.send, prepared once": lambda: _check(hand.send(prepared).content),
        "gateway:  UpstreamSession.forward": _forward(port, body),
        "floor:    a bare socket": _bare(port, body),
    }


def _forward(port: int, body: bytes) -> Call:
    session = UpstreamSession(Http1Adapter())
    origin = Origin.parse(f"http://127.0.0.1:{port}")
    fields = [("Host", origin.authority), *_FIELDS, ("Content-Length", str(len(body)))]
    timeouts = Timeouts(2, 10, 10)

    def call() -> None:
        # As in the gateway: the request is built for the call, the answer read raw.
        request = OutboundRequest("POST", origin, "/v1/invoices?expand=lines", fields, body)
        with session.forward(request, timeouts) as response:
            _check(b"".join(response.raw.stream()))

    return call


def _bare(port: int, body: bytes) -> Call:
    client = socket.create_connection(("127.0.0.1", port), 10)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    head = f"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n\r\n".encode()

    def call() -> None:
        client.sendall(head + body)
        _check(client.recv(65536)[-512:])

    return call


def _check(content: bytes) -> None:
    if len(content) != 512:
        sys.exit(f"a wrong answer: {len(content)} bytes")


def measure(call: Call, count: int) -> float:
    """CPU microseconds per call."""
    call()
    before = time.process_time()
    for _ in range(count):
        call()
    return (time.process_time() - before) / count * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--requests", type=int, default=1000, help="per way and round")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--body", type=int, default=1024, help="bytes of the request body")
    options = parser.parse_args()
    with upstream() as port:
        calls = ways(port, b"x" * options.body)
        rounds: dict[str, list[float]] = {name: [] for name in calls}
        for _ in range(options.rounds):
            for name, call in calls.items():
                rounds[name].append(measure(call, options.requests))
    ours = statistics.median(rounds["gateway:  UpstreamSession.forward"])
    print(f"CPU per keep-alive POST of {options.body} bytes, median of {options.rounds} rounds")
    for name, figures in rounds.items():
        middle = statistics.median(figures)
        spread = f"({min(figures):.0f}–{max(figures):.0f})"
        print(f"{name:44} {middle:7.1f} µs  {spread:10} × {middle / ours:.2f}")


if __name__ == "__main__":
    main()
