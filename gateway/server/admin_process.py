"""The admin listener, in a process of its own beside the workers.

It is a gunicorn with one worker, so it supervises itself and stays answering
however busy the gateway's workers are; and what it computes takes no time from
live requests. It knows the gateway only through the runtime folder. It ends
with the gateway, also when that is killed.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from gateway.runtime import Runtime
from gateway.settings import Settings

_STOP_SECONDS = 5.0


def start(runtime: Runtime, settings: Settings) -> None:
    """In the master, before workers: listen, start the process, note its id.

    Exits with a sentence when the address cannot be had. The socket is made
    here and inherited, so that a reload of the admin process refuses nobody.
    """
    # GUNICORN_FD and the like are about the gateway's own listeners (SIGUSR2).
    environ = {k: v for k, v in os.environ.items() if not k.startswith("GUNICORN_")}
    environ["GATEWAY_INTERNAL_MASTER"] = str(os.getpid())
    with contextlib.ExitStack() as stack:
        sockets = []
        if not settings.server.admin.startswith("unix:"):
            listener = stack.enter_context(_listen(settings.server.admin))
            environ["GATEWAY_INTERNAL_ADMIN_FD"] = str(listener.fileno())
            sockets.append(listener.fileno())
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "-c", "python:gateway.admin.conf"],
            # Ctrl-C goes to the whole group: the gateway decides when admin ends.
            start_new_session=True,
            pass_fds=sockets,
            env=environ,
        )
    # gunicorn's master reaps it with its workers; Popen would only warn about that.
    process.returncode = 0
    _pid_file(runtime).write_text(f"{process.pid} {settings.server.admin}")


def address(runtime: Runtime) -> str:
    """The address it was started with."""
    return _pid_file(runtime).read_text().partition(" ")[2]


def _listen(address: str) -> socket.socket:
    try:
        # After SIGUSR2 the gateway that is being replaced still listens there; else
        # nobody may, though both are allowed to share.
        if "GUNICORN_PID" not in os.environ:
            _server(address).close()
        return _server(address, reuse_port=True)
    except OSError as error:
        raise SystemExit(_taken("admin", address, error)) from error


def check_bind(address: str) -> None:
    """Exit with a sentence when clients' address cannot be had; gunicorn would try five times."""
    if address.startswith("unix:") or "GUNICORN_PID" in os.environ:
        return
    try:
        _server(address).close()
    except OSError as error:
        raise SystemExit(_taken("bind", address, error)) from error


def _server(address: str, *, reuse_port: bool = False) -> socket.socket:
    host, _, port = address.rpartition(":")
    family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
    where = (host.strip("[]"), int(port))
    return socket.create_server(where, family=family, reuse_port=reuse_port)


def _taken(key: str, address: str, error: OSError) -> int:
    said = f"server.{key} = {address}: {error.strerror}"
    print(f"gateway: {said}; free it or choose another with --{key}.", file=sys.stderr)
    return 2


def reload(runtime: Runtime) -> None:
    """In the master, after a reload: let it take the new settings."""
    _signal(runtime, signal.SIGHUP)


def stop(runtime: Runtime) -> None:
    """In the master, at exit: end it and wait for its end, a bounded time."""
    pid = _signal(runtime, signal.SIGTERM)
    if pid is None:
        return
    with contextlib.suppress(ChildProcessError):
        if not _ended(pid):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _ended(pid: int) -> bool:
    """Whether the process ends within the stop time."""
    deadline = time.monotonic() + _STOP_SECONDS
    while os.waitpid(pid, os.WNOHANG) == (0, 0):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _pid_file(runtime: Runtime) -> Path:
    return runtime.folder / "admin.pid"


def _signal(runtime: Runtime, number: int) -> int | None:
    """Send a signal; None when there is nobody to send it to."""
    try:
        pid = int(_pid_file(runtime).read_text().partition(" ")[0])
        os.kill(pid, number)
    except (OSError, ValueError):
        return None
    return pid
