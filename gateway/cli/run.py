"""``gateway run``: gunicorn with the shipped settings, in place of this process.

The flags become the ``GATEWAY_…`` variables of the same meaning, so that it is
the same as starting gunicorn by hand, and a reload sees them again.
"""

from __future__ import annotations

import argparse
import os
import sys
import sysconfig
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.errors import SettingsError
from gateway.settings import load

if TYPE_CHECKING:
    _Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

_FLAGS = ("live", "percent", "bind", "admin", "workers", "threads", "worker_class")

# What the extra gateway[server] brings along.
_SERVER = ("gunicorn", "prometheus_client", "jinja2")

_EPILOG = """\
examples:
  gateway run --live http://127.0.0.1:9001 --shadow http://127.0.0.1:9002
  gateway run --config gateway.toml --bind 0.0.0.0:8000 --workers 4

the same, by hand:
  GATEWAY_LIVE=http://127.0.0.1:9001 GATEWAY_SHADOW=http://127.0.0.1:9002 \\
      gunicorn -c gunicorn.conf.py gateway.wsgi:application
"""


def add_parser(commands: _Subparsers) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "run",
        help="start the gateway",
        description="Start the gateway under gunicorn. Flags override the environment, which "
        "overrides the settings file.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", metavar="FILE", type=Path, help="settings file (TOML)")
    parser.add_argument("--live", metavar="URL", help="the upstream that answers clients")
    parser.add_argument(
        "--shadow",
        metavar="URL",
        action="append",
        help="an upstream that gets copies; may be given several times",
    )
    parser.add_argument(
        "--percent", metavar="P", help="share of requests mirrored, 0 to 100 (default: 100)"
    )
    parser.add_argument(
        "--bind", metavar="HOST:PORT", help="where clients connect (default: 127.0.0.1:8000)"
    )
    parser.add_argument(
        "--admin",
        metavar="HOST:PORT",
        help="where health, metrics and control are served (default: 127.0.0.1:9900)",
    )
    parser.add_argument("--workers", metavar="N", help="gateway processes (default: 2)")
    parser.add_argument(
        "--threads", metavar="N", help="requests in progress at once per worker (default: 64)"
    )
    parser.add_argument(
        "--worker-class",
        metavar="CLASS",
        help="what waits for clients: gateway, gthread or gevent (default: gateway)",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Check the settings, then become gunicorn. Returns only when they are wrong."""
    flags = {name: getattr(options, name) for name in (*_FLAGS, "shadow")}
    flags = {name: value for name, value in flags.items() if value is not None}
    try:
        load(config=options.config, environ=os.environ, flags=flags)
    except SettingsError as error:
        print("gateway: the settings cannot be used:", *error.problems, sep="\n  ", file=sys.stderr)
        return 2
    if any(find_spec(name) is None for name in _SERVER):
        print("gateway: install the server with: pip install 'gateway[server]'", file=sys.stderr)
        return 2
    os.environ.update(as_environment(options.config, flags))
    command = [*_gunicorn(), "-c", str(_conf_file()), "gateway.wsgi:application"]
    sys.stdout.flush()
    return os.execv(sys.executable, command)


def _gunicorn() -> list[str]:
    # The script, so that SIGUSR2 can start it again: run as a module it would
    # then find gunicorn's own `http` in place of the standard library's.
    script = Path(sysconfig.get_path("scripts"), "gunicorn")
    return [sys.executable, str(script)] if script.exists() else [sys.executable, "-m", "gunicorn"]


def as_environment(config: Path | None, flags: Mapping[str, object]) -> dict[str, str]:
    """The environment variables that mean what the flags mean."""
    environment = {}
    if config is not None:
        environment["GATEWAY_CONFIG"] = str(config.absolute())
    for name, value in flags.items():
        text = " ".join(value) if isinstance(value, list) else str(value)
        environment[f"GATEWAY_{name.upper()}"] = text
    return environment


def _conf_file() -> Path:
    # A file, not a module: gunicorn reads a file again at every reload.
    return Path(__file__).parent.parent / "server" / "gunicorn_conf.py"
