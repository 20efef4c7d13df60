"""Whether a gateway can be built with some settings, found out in a process of its own.

When a worker cannot be built gunicorn gives up, and with it everything that was
running. At a reload that must not happen, so new settings are tried out first:
the files and libraries they need are found, or not, where it harms nobody. The
master does not do it itself, since what a gateway is made of may start threads,
and a thread in the master would meet every fork.
"""

from __future__ import annotations

import os
import subprocess
import sys

from gateway.app import Gateway
from gateway.runtime import ENVIRONMENT_NAME
from gateway.settings import Settings, from_json, to_json

_SECONDS = 20.0


def fault_of(settings: Settings) -> str | None:
    """In the master: why no worker could be built with these settings; None: one can."""
    environ = {name: value for name, value in os.environ.items() if name != ENVIRONMENT_NAME}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "gateway.server.trial"],
            input=to_json(settings),
            capture_output=True,
            env=environ,
            timeout=_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return f"a gateway could not be built with them in {_SECONDS:g} s"
    if done.returncode == 0:
        return None
    last = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
    return f"a gateway cannot be built with them: {last}"


def main() -> None:
    """In the process of its own: build one, take it apart. An error ends it with a traceback."""
    Gateway(from_json(sys.stdin.buffer.read())).close(0.0)


if __name__ == "__main__":
    main()
