"""The shipped gunicorn settings: what ``gunicorn.conf.py`` and ``gateway run`` use.

gunicorn evaluates its settings file in the master, at start and at every
SIGHUP. The effective settings are checked here, once, and published in the
runtime folder, from which workers and the admin process take them. A reload
with a broken file keeps the settings in force and says so.
"""

from __future__ import annotations

import atexit
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from queue import SimpleQueue
from typing import Any

from gateway._version import __version__
from gateway.admission.priority import Priority, priority_in, priority_table
from gateway.app import Gateway
from gateway.budget import ByteBudget
from gateway.errors import SettingsError
from gateway.prometheus import forget_gauges, use_slot
from gateway.runtime import ENVIRONMENT_NAME, Reload, Runtime, WorkerState
from gateway.server import admin_process, affinity, chosen, memory, slots, stock, trial
from gateway.server.balance import Balance
from gateway.server.shedding import ShedLog
from gateway.server.turnstile import turnstile_for
from gateway.settings import Route, Server, Settings, load, summary, warnings
from gateway.target import path_of
from gateway.turns import take_long_turns

_log = logging.getLogger("gunicorn.error")

# Time for a worker to notice, close its connections and exit after its drains.
_EXIT_SECONDS = 1.0


def configure() -> dict[str, Any]:
    """gunicorn's settings as a dict of its setting names. Exits with 2 when they are wrong."""
    runtime = Runtime.from_environment()
    if runtime is not None:
        settings = _reloaded(runtime)
        return gunicorn_settings(settings, runtime, runtime.last_reload().generation)
    try:
        settings = load(config=None, environ=os.environ, flags={})
    except SettingsError as error:
        print("The settings cannot be used:", *error.problems, sep="\n  ", file=sys.stderr)
        sys.exit(2)
    runtime = Runtime.create(settings.runtime_dir)
    runtime.write_settings(settings)
    os.environ[ENVIRONMENT_NAME] = str(runtime.folder)
    # prometheus-client decides by this name, when it is imported.
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(runtime.metrics)
    # However the master ends, also before it listens: nothing is left behind.
    atexit.register(_exit, runtime, os.getpid())
    return gunicorn_settings(settings, runtime)


def _reloaded(runtime: Runtime) -> Settings:
    """The new settings, or those in force where the new ones cannot be used."""
    generation = runtime.last_reload().generation + 1
    try:
        settings = _tried(os.environ)
    except SettingsError as error:
        _log.error("The settings in force are kept; the new ones cannot be used: %s", error)
        runtime.write_reload(Reload(generation, error.problems))
        return runtime.settings()
    runtime.write_settings(settings)
    runtime.write_reload(Reload(generation))
    return settings


def _tried(environ: Mapping[str, str]) -> Settings:
    environ = {name: value for name, value in environ.items() if name != ENVIRONMENT_NAME}
    settings = load(config=None, environ=environ, flags={})
    fault = trial.fault_of(settings)
    if fault is not None:
        raise SettingsError([fault])
    return settings


def gunicorn_settings(settings: Settings, runtime: Runtime, generation: int = 0) -> dict[str, Any]:
    """gunicorn's names for our settings, and the hooks that tie the processes together."""
    server = settings.server
    balance = Balance()
    return {
        "bind": server.bind,
        "workers": server.workers,
        "threads": chosen.in_progress(settings),
        "worker_class": chosen.worker_class(server),
        "worker_connections": server.max_connections,
        "keepalive": max(1, round(server.keepalive)),
        "graceful_timeout": max(1, round(server.graceful_timeout)),
        "max_requests": server.max_requests,
        "max_requests_jitter": server.max_requests // 10,
        "loglevel": server.log_level,
        # The admin listener is for that, and a thread in the master would meet every fork.
        "control_socket_disable": True,
        "limit_request_line": 8190,
        # What a peer says of itself in header fields is for upstreams to judge.
        "forwarder_headers": "",
        "secure_scheme_headers": {},
        "on_starting": lambda arbiter: _starting(arbiter, runtime, settings),
        "on_reload": lambda arbiter: _reloading(arbiter, runtime, settings),
        "pre_fork": lambda arbiter, worker: _forking(arbiter, server, worker),
        "post_fork": lambda arbiter, worker: _forked(arbiter, runtime, worker, balance),
        "post_worker_init": lambda worker: _ready(runtime, worker, generation),
        "worker_exit": lambda arbiter, worker: _exiting(settings, worker),
        "child_exit": lambda arbiter, worker: _gone(runtime, worker, balance),
    }


def _starting(arbiter: Any, runtime: Runtime, settings: Settings) -> None:
    """In the master, before it listens."""
    _introduce(arbiter, settings)
    admin_process.check_bind(settings.server.bind)
    admin_process.start(runtime, settings)


def _reloading(arbiter: Any, runtime: Runtime, settings: Settings) -> None:
    """In the master, with new settings (or those kept), before new workers start."""
    _introduce(arbiter, settings)
    if admin_process.address(runtime) != settings.server.admin:
        arbiter.log.warning("server.admin changes with a restart only")
    admin_process.reload(runtime)


def _introduce(arbiter: Any, settings: Settings) -> None:
    server = settings.server
    arbiter.log.info(
        "gateway %s: live %s, admin at %s", __version__, settings.live.url, server.admin
    )
    for line in (*summary(settings), *warnings(settings)):
        arbiter.log.info("gateway: %s", line)


def _forking(arbiter: Any, server: Server, worker: Any) -> None:
    """In the master, for a worker that is about to be forked."""
    slots.assign(arbiter, worker)
    if server.cpu_affinity == "auto":
        affinity.assign(arbiter, worker)


def _forked(arbiter: Any, runtime: Runtime, worker: Any, balance: Balance) -> None:
    """In the worker, before its application is loaded."""
    worker.inherited_signals = arbiter.SIG_QUEUE
    memory.give_back_large_blocks()
    affinity.keep_to(affinity.of(worker))
    slot = slots.of(worker)
    worker.seat = balance.seat(slot)
    forget_gauges(runtime.metrics, slot)
    use_slot(slot)
    stock.accept_raw_targets()
    _log_like_gunicorn()
    settings = runtime.settings()
    request = settings.request
    worker.max_body_bytes = request.max_body
    worker.budget = ByteBudget(max(request.max_buffered, request.max_body))
    if hasattr(worker, "turnstile"):
        worker.turnstile = turnstile_for(
            settings.admission, chosen.in_progress(settings), _priority_of(settings.routes)
        )


def _priority_of(routes: Sequence[Route]) -> Callable[[str, str], Priority] | None:
    if all(route.priority == "normal" for route in routes):
        return None
    priorities = priority_table(routes)
    return lambda method, target: priority_in(priorities, method, path_of(target))


def _log_like_gunicorn() -> None:
    for name in ("gateway", "opentelemetry"):
        ours = logging.getLogger(name)
        ours.handlers, ours.level = _log.handlers, _log.level
        ours.propagate = False


def _ready(runtime: Runtime, worker: Any, generation: int) -> None:
    """In the worker, once its application is loaded."""
    if _told_to_stop(worker.inherited_signals):
        worker.alive = False
    gateway = worker.wsgi
    if not isinstance(gateway, Gateway):
        return  # somebody's own application under these settings
    # urllib3 waits in its own way, which holds up a thread.
    worker.lets_others_run = runtime.settings().transport == "gateway"
    _reopen_logs_on_sigusr1(worker, gateway)
    worker.note_refusal = gateway.note_refusal
    worker.give_up = gateway.give_up
    gateway.housekeeper.add(_StateTask(runtime, worker, generation))
    gateway.housekeeper.add(lambda: gateway.metrics.body_bytes(worker.budget.held))
    gateway.housekeeper.add(memory.Trimmer(lambda: _bytes_held(gateway, worker)), every=4)
    if hasattr(worker, "turnstile"):
        gateway.fanout.overloaded = worker.turnstile.standing
        gateway.housekeeper.add(partial(_publish_admission, gateway, worker, ShedLog(_log)))
        gateway.housekeeper.add(memory.Collector(lambda: worker.turnstile.snapshot().running))
    gateway.start()
    memory.collect_seldom(at_quiet_moments=hasattr(worker, "turnstile"))
    take_long_turns()


def _bytes_held(gateway: Gateway, worker: Any) -> int:
    """Of bodies, on their way to live and in copies."""
    return int(worker.budget.held + gateway.pool.snapshot().queued_bytes)


def _publish_admission(gateway: Gateway, worker: Any, told: ShedLog) -> None:
    now = worker.turnstile.snapshot()
    gateway.metrics.admission(now.limit, now.waiting)
    counts = worker.shed.taken()
    for reason, count in counts.items():
        gateway.metrics.shed(reason, count)
    told.add(sum(counts.values()), now.limit, time.monotonic())


def _reopen_logs_on_sigusr1(worker: Any, gateway: Gateway) -> None:
    """gunicorn's master passes the signal on to every worker, which reopens gunicorn's files."""

    def reopen(number: int, frame: Any) -> None:
        worker.handle_usr1(number, frame)
        gateway.reopen_logs()

    signal.signal(signal.SIGUSR1, reopen)
    signal.siginterrupt(signal.SIGUSR1, False)


def _told_to_stop(signals: SimpleQueue[int]) -> bool:
    """Whether the master told us to stop before we had signal handlers of our own.

    Until then a worker has the master's, which only queue a signal, in our copy of
    its queue, where nobody would ever look: it would be killed after the graceful
    time-out.
    """
    missed = set()
    while not signals.empty():
        missed.add(signals.get())
    return bool(missed & {signal.SIGTERM, signal.SIGQUIT, signal.SIGINT})


class _StateTask:
    """Publishes what this worker is doing, when that changes."""

    def __init__(self, runtime: Runtime, worker: Any, generation: int) -> None:
        self._runtime = runtime
        self._worker = worker
        self._generation = generation
        self._said: str | None = None

    def __call__(self) -> None:
        state: WorkerState = "serving" if self._worker.alive else "draining"
        if state != self._said:
            self._runtime.publish_worker(slots.of(self._worker), state, self._generation)
            self._said = state
            if state == "draining":
                self._worker.drain_began = time.monotonic()


def _exiting(settings: Settings, worker: Any) -> None:
    """In the worker, when live requests are done: the pool gets what time is left."""
    if not isinstance(getattr(worker, "wsgi", None), Gateway):
        return  # it never came up
    spent = time.monotonic() - getattr(worker, "drain_began", time.monotonic())
    left = max(0.0, settings.server.graceful_timeout - spent - _EXIT_SECONDS)
    worker.wsgi.close(min(settings.mirror.drain_timeout, left))


def _gone(runtime: Runtime, worker: Any, balance: Balance) -> None:
    """In the master, when a worker has ended, however it ended."""
    slot = slots.of(worker)
    forget_gauges(runtime.metrics, slot)
    runtime.forget_worker(slot)
    balance.seat(slot).accepts(False)


def _exit(runtime: Runtime, master: int) -> None:
    if os.getpid() == master:  # workers inherit this
        admin_process.stop(runtime)
        runtime.remove()
