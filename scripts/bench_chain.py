"""CPU of each middleware of the chain, in microseconds per request.

    python scripts/bench_chain.py [--calls 2000] [--rounds 7] [--markdown]

A gateway is built from settings as usual, but with an application in place of live
that answers 1 KiB of JSON at once, and called in a loop with a 1 KiB JSON POST. First
with nothing switched on, then with each middleware alone, then with all of them. What
is printed is the difference to nothing, the least of several rounds in turns: the whole
process counts, threads that write logs included. No server, no sockets, no shadows.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import gateway.app
from gateway.cli import main as gateway_command
from gateway.prometheus import PrometheusMetrics, use_slot
from gateway.request import BufferedRequest
from gateway.settings import load

ITEMS = [{"invoice": f"i-{n:05}", "amount": n * 7 % 9973, "currency": "EUR"} for n in range(40)]
BODY = json.dumps({"customer": "c-1001", "items": ITEMS[:18]}).encode()
ANSWER = json.dumps({"items": ITEMS[:18]}).encode()

SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["customer", "items"],
    "properties": {
        "customer": {"type": "string", "pattern": "^c-[0-9]+$"},
        "items": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["invoice", "amount"],
                "properties": {"amount": {"type": "integer"}, "currency": {"enum": ["EUR"]}},
            },
        },
    },
}


class Part(NamedTuple):
    """One row: what is switched on, and what the request has for it."""

    name: str
    settings: str
    environ: dict[str, str]
    metrics: bool = False
    # A part of the whole chain too; variants of one middleware are not.
    in_chain: bool = True


def parts(folder: Path, key: str) -> list[Part]:
    """Every middleware, from outside in."""
    return [
        Part("metrics", "", {}, metrics=True),
        Part("access log", f'[access_log]\nto = "file"\nfile = "{folder}/access.log"\n', {}),
        Part("admission", "[admission]\n", {}),
        Part(
            "addresses",
            '[addresses]\nallow = ["192.0.2.0/24", "10.0.0.0/8"]\ndeny = ["192.0.2.66"]\n',
            {},
        ),
        Part("security headers", "[security_headers]\n", {}),
        Part(
            "CORS",
            '[cors]\norigins = ["https://app.example.com"]\nmethods = ["POST"]\n',
            {"HTTP_ORIGIN": "https://app.example.com"},
        ),
        Part("compression, not asked for", "[compression]\n", {}),
        Part(
            "compression, gzip",
            "[compression]\n",
            {"HTTP_ACCEPT_ENCODING": "gzip, deflate, br"},
            in_chain=False,
        ),
        Part(
            "authentication, API key",
            f'[authentication]\nschemes = ["api-key"]\ncredentials = "{folder}/credentials"\n',
            {"HTTP_X_API_KEY": key},
        ),
        Part(
            "rate limit, embedded",
            '[[rate_limit.limits]]\nrates = "1000000/second"\nby = "address"\n',
            {},
        ),
        Part("validation, JSON", "[validation]\njson = true\n", {}, in_chain=False),
        Part(
            "validation, JSON Schema",
            f'[validation]\njson = true\nschema = "{folder}/schema.json"\n',
            {},
        ),
    ]


class Canned:
    """In place of the proxy to live: answers at once."""

    def __init__(self, *_: Any, max_body: int, **__: Any) -> None:
        self._max_body = max_body

    def __call__(self, environ: Any, start_response: Any) -> list[bytes]:
        BufferedRequest.of(environ, self._max_body)
        fields = [
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(ANSWER))),
            ("Date", "Sat, 21 Nov 2026 12:00:00 GMT"),
            ("Server", "billing"),
            ("Cache-Control", "no-cache"),
        ]
        start_response("200 OK", fields)
        return [ANSWER]


def environ(more: dict[str, str]) -> dict[str, Any]:
    """A request as the gateway's worker tells of it."""
    fields = [
        ("Host", "billing.example"),
        ("User-Agent", "bench/1"),
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(BODY))),
        *((name[5:].replace("_", "-").title(), value) for name, value in more.items()),
    ]
    return {
        "REQUEST_METHOD": "POST",
        "RAW_URI": "/v1/invoices?page=1",
        "PATH_INFO": "/v1/invoices",
        "QUERY_STRING": "page=1",
        "SCRIPT_NAME": "",
        "SERVER_NAME": "billing.example",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "192.0.2.7",
        "HTTP_HOST": "billing.example",
        "HTTP_USER_AGENT": "bench/1",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(BODY)),
        "wsgi.url_scheme": "http",
        "wsgi.multithread": True,
        "gateway.fields": fields,
        **more,
    }


class Case:
    """A gateway with some parts switched on, and what a call of it costs."""

    def __init__(self, name: str, on: list[Part], folder: Path) -> None:
        self.name = name
        self.least = float("inf")
        file = folder / "gateway.toml"
        text = '[live]\nurl = "http://live.test"\n' + "".join(part.settings for part in on)
        if not any("[admission]" in part.settings for part in on):
            text += '[admission]\nmode = "off"\n'
        file.write_text(text)
        settings = load(config=file, environ={}, flags={})
        metrics = PrometheusMetrics() if any(part.metrics for part in on) else None
        self.gateway = gateway.app.Gateway(settings, metrics=metrics)
        self._environ = environ({k: v for part in on for k, v in part.environ.items()})
        self.gateway.start()
        if (status := self._status()) != "200 OK":
            raise SystemExit(f"{name}: {status}")

    def _status(self) -> str:
        said: list[str] = []
        self._call(lambda status, fields, exc_info=None: said.append(status))
        return said[0]

    def _call(self, start_response: Callable[..., Any]) -> None:
        sent = self._environ.copy()
        sent["wsgi.input"] = io.BytesIO(BODY)
        answer: Any = self.gateway(sent, start_response)
        for _ in answer:
            pass
        answer.close()

    def round(self, calls: int) -> None:
        """Call it so many times, and keep the least cost of a call in microseconds."""

        def start_response(status: str, fields: Any, exc_info: Any = None) -> None:
            """A server that sends nothing."""

        began = time.process_time()
        for _ in range(calls):
            self._call(start_response)
        self.least = min(self.least, (time.process_time() - began) / calls * 1e6)


@contextlib.contextmanager
def cases(folder: Path) -> Iterator[list[Case]]:
    """Nothing, each part alone, all of them."""
    (folder / "schema.json").write_text(json.dumps(SCHEMA))
    (folder / "metrics").mkdir()
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder / "metrics")
    use_slot(0)
    gateway.app.LiveProxy = Canned  # type: ignore[assignment,misc]
    every = parts(folder, new_key(folder / "credentials"))
    whole = [part for part in every if part.in_chain]
    made = [Case("nothing", [], folder)]
    made += [Case(part.name, [part], folder) for part in every]
    made.append(Case("all of them, compression not asked for", whole, folder))
    try:
        yield made
    finally:
        for case in made:
            case.gateway.close(0)


def new_key(file: Path) -> str:
    """An API key, made as an operator makes one."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(io.StringIO()):
        gateway_command(["keys", "add", "bench", "--file", str(file)])
    return said.getvalue().split()[-1]


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--calls", type=int, default=2000, help="calls in a row")
    parser.add_argument("--rounds", type=int, default=7, help="how often, in turns")
    parser.add_argument("--markdown", action="store_true", help="a table for the docs")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gateway-bench-") as folder:
        with cases(Path(folder)) as made:
            for _ in range(args.rounds):
                for case in made:
                    case.round(args.calls)
            nothing, *rest = made
    rows = [(f"{nothing.name} switched on: accounting, boundary, mirror", nothing.least)]
    rows += [(case.name, case.least - nothing.least) for case in rest]
    if args.markdown:
        print("| middleware | µs per request |\n|---|---:|")
    for name, cost in rows:
        print(f"| {name} | {cost:.1f} |" if args.markdown else f"{name:58} {cost:6.1f} µs")


if __name__ == "__main__":
    main()
