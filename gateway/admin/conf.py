"""gunicorn settings of the admin process. It runs beside the gateway, one worker."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from typing import Any

from gateway.runtime import Runtime

_runtime = Runtime.from_environment()
if _runtime is None:
    sys.exit("The admin process is started by the gateway; run `gateway run`.")
_settings = _runtime.settings()

# Linux, prctl(2): the signal a process gets when its parent ends.
_PR_SET_PDEATHSIG = 1

_inherited = os.environ.get("GATEWAY_INTERNAL_ADMIN_FD")
bind = f"fd://{_inherited}" if _inherited else _settings.server.admin
wsgi_app = "gateway.admin.wsgi:application"
workers = 1
threads = 8
worker_class = "gthread"
keepalive = 5
timeout = 30
graceful_timeout = 2
loglevel = "warning"
control_socket_disable = True
proc_name = "gateway-admin"


def on_starting(arbiter: Any) -> None:
    """End with the gateway, also when it is killed."""
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if _orphaned():
        sys.exit(0)  # it ended before we asked


def on_exit(arbiter: Any) -> None:
    """A gateway that was killed could not tidy up: its settings hold secrets."""
    if _orphaned() and _runtime is not None:
        _runtime.remove()


def _orphaned() -> bool:
    return os.getppid() != int(os.environ["GATEWAY_INTERNAL_MASTER"])
