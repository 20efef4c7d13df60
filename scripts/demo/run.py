"""The demo of `make run`: two billing services, and Gateway in front of them.

Starts the old service (``live``) and its rewrite (``shadow``), waits for both,
starts ``gateway run`` with the settings in gateway.toml, says where to send
requests and what to look at, and stops all of it at Ctrl-C or when live or the
gateway ends. When the shadow ends the rest goes on: that is what Gateway is for.
What was compared is kept in a temporary folder, and goes with the demo.

Arguments after ``--`` go to ``gateway run``: ``run.py -- --workers 1``.
"""

from __future__ import annotations

import argparse
import http.client
import os
import socket
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import billing
from processes import Failed, Processes, Stopped, show

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
HOST = "127.0.0.1"
READY_SECONDS = 30.0
EXAMPLE_CUSTOMER, EXAMPLE_REFERENCE = "c-1001", "order-1"
# VAT on 7.50 is 1.425: the half cent at which live and shadow part.
EXAMPLE = (
    f'{{"customer": "{EXAMPLE_CUSTOMER}", "reference": "{EXAMPLE_REFERENCE}", "lines": '
    '[{"text": "Croissants", "quantity": 3, "unit_price": 2.50, "vat_rate": 19}]}'
)


@dataclass(frozen=True)
class Ports:
    """Where everything listens, all on the loopback address."""

    live: int
    shadow: int
    gateway: int
    admin: int


def main(arguments: Sequence[str]) -> int:
    options = parse(arguments)
    try:
        ports = claim(options)
    except OSError as error:
        print(f"The demo cannot start: {error}", file=sys.stderr)
        return 2
    try:
        with (
            tempfile.TemporaryDirectory(prefix="gateway-demo-") as folder,
            Processes() as processes,
        ):
            settings = write_settings(Path(folder), ports)
            arguments = [f"--config={settings}", *options.gateway_arguments]
            shadow = start(processes, ports, arguments)
            show(instructions(ports, settings) + taking_away(shadow))
            processes.wait()
    except Stopped:
        print("The demo has stopped.")
        return 0
    except Failed as error:
        print(f"The demo has stopped: {error}", file=sys.stderr)
        return 1


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="run.py",
        description="Two billing services with Gateway in front of them, until Ctrl-C.",
        epilog="A port of 0 means any free port.",
    )
    for name, port in (("live", 9001), ("shadow", 9002), ("gateway", 8000), ("admin", 9900)):
        parser.add_argument(
            f"--{name}-port", type=port_number, default=port, metavar="PORT", help=f"default {port}"
        )
    parser.add_argument(
        "gateway_arguments", nargs="*", metavar="-- ARGUMENT", help="more for `gateway run`"
    )
    return parser.parse_args(arguments)


def port_number(text: str) -> int:
    number = int(text)
    if not 0 <= number < 65536:
        raise ValueError(text)
    return number


def claim(options: argparse.Namespace) -> Ports:
    """The ports to use, each free at this moment, so that a clash is told before anything runs."""
    wanted = {name: getattr(options, f"{name}_port") for name in Ports.__dataclass_fields__}
    sockets: list[socket.socket] = []
    found: dict[str, int] = {}
    try:
        for name, port in wanted.items():
            sockets.append(bind(name, port))
            found[name] = sockets[-1].getsockname()[1]
    finally:
        for held in sockets:
            held.close()
    return Ports(**found)


def bind(name: str, port: int) -> socket.socket:
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        held.bind((HOST, port))
    except OSError as error:
        held.close()
        raise OSError(
            f"port {port} on {HOST}, meant for {name}: {error.strerror}. Stop what uses it, "
            f"or choose another one: make run FLAGS='--{name}-port 0' takes any free port."
        ) from error
    return held


def start(processes: Processes, ports: Ports, gateway_arguments: Sequence[str]) -> int:
    """The process id of the shadow, for people to take it away."""
    # Whatever is set for the gateway or gunicorn elsewhere is not meant for the demo.
    env = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith("GATEWAY_") and key != "GUNICORN_CMD_ARGS"
    }
    billing_ports = {"live": ports.live, "shadow": ports.shadow}
    pids = {}
    for name, port in billing_ports.items():
        # In this directory, where no gunicorn.conf.py is picked up by accident.
        pids[name] = processes.start(
            name,
            billing_command(name, port),
            env=env,
            directory=str(HERE),
            when_lost=without_shadow(ports) if name == "shadow" else "",
        )
    for name, port in billing_ports.items():
        processes.wait_until(name, partial(answers, port, "/-/counters"), READY_SECONDS)
    command = [sys.executable, "-m", "gateway", "run", *gateway_arguments]
    processes.start("gateway", command, env=env, directory=str(ROOT))
    processes.wait_until("gateway", partial(answers, ports.admin, "/readyz"), READY_SECONDS)
    return pids["shadow"]


def without_shadow(ports: Ports) -> str:
    """What a person wants to know when the shadow is gone."""
    folder = os.path.relpath(HERE, ROOT)
    python = os.path.relpath(sys.executable, HERE)
    options = f"--bind {HOST}:{ports.shadow} --threads 16"
    return f"""Clients do not notice: live answers them as before.
The dashboard says so: http://{HOST}:{ports.admin}/
It comes back, without the data it had, with:

  (cd {folder} && {python} -m gunicorn {options} 'billing:shadow()')"""


def billing_command(name: str, port: int) -> list[str]:
    options = (
        f"--bind {HOST}:{port} --workers 1 --worker-class gthread --threads 16 --keep-alive 75"
        " --graceful-timeout 2 --log-level warning --no-control-socket"
    )
    return [sys.executable, "-m", "gunicorn", *options.split(), f"billing:{name}()"]


def write_settings(folder: Path, ports: Ports) -> Path:
    """gateway.toml with the addresses in it."""
    text = (HERE / "gateway.toml").read_text(encoding="utf-8")
    values = {
        "live": f"http://{HOST}:{ports.live}",
        "shadow": f"http://{HOST}:{ports.shadow}",
        "gateway": f"{HOST}:{ports.gateway}",
        "admin": f"{HOST}:{ports.admin}",
        "store": str(folder / "gateway.db"),
        "known": str(folder / "known-differences.toml"),
    }
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", value)
    settings = folder / "gateway.toml"
    settings.write_text(text, encoding="utf-8")
    return settings


def answers(port: int, path: str) -> bool:
    """Whether a GET is answered with 200."""
    connection = http.client.HTTPConnection(HOST, port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def taking_away(shadow: int) -> str:
    """How to see what the gateway is for: ``shadow`` is a process id."""
    return f"""
Take the shadow away while it comes: clients do not notice, and the dashboard does:

  kill {shadow}
"""


def instructions(ports: Ports, settings: Path) -> str:
    gateway, admin = f"http://{HOST}:{ports.gateway}", f"http://{HOST}:{ports.admin}"
    path = f"/invoices/{billing.stable_id('inv', EXAMPLE_CUSTOMER, EXAMPLE_REFERENCE)}"
    traffic = "make demo-traffic"
    if (ports.gateway, ports.admin) != (8000, 9900):
        traffic += f" FLAGS='--url {gateway} --admin {admin}'"
    command = os.path.relpath(Path(sys.executable).parent / "gateway", ROOT)
    return f"""
Gateway is running. Ctrl-C stops everything.

Send requests; live answers them, and the shadow gets a copy of each:

  curl {gateway}/customers/{EXAMPLE_CUSTOMER}/statement
  curl {gateway}/invoices -d '{EXAMPLE}'

The second one is an invoice that the shadow gets wrong by a cent:

  curl -s http://{HOST}:{ports.live}{path} | grep '"vat"'
  curl -s http://{HOST}:{ports.shadow}{path} | grep '"vat"'

What became of the copies, which answers differ, and where:

  {admin}/
  {command} report --config {settings}

All figures, and the state of the gateway:

  curl -s {admin}/metrics | grep ^gateway_shadow_requests_total
  {admin}/metrics
  {admin}/readyz

More traffic, for a minute, from another terminal:

  {traffic}
"""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
