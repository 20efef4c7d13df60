"""One thread per process that looks after things no request should pay for."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from threading import Event, Thread

from gateway.signals import leave_signals_to_host
from gateway.throttle import ThrottledLog

Task = Callable[[], None]


class Housekeeper:
    """Runs its tasks every ``interval`` seconds, and once more when it stops.

    Threads: ``start``, ``add`` and ``stop`` from one thread; tasks run on its
    own. There is no lock: the task list only grows. A task that raises is
    logged and runs again next time.
    """

    def __init__(self, interval: float = 0.25) -> None:
        self._interval = interval
        self._tasks: list[tuple[Task, int]] = []
        self._ticks = 0
        # By how many seconds the thread woke too late, last time.
        self.late = 0.0
        self._stop = Event()
        self._thread: Thread | None = None
        self._log = ThrottledLog(logging.getLogger(__name__))

    def add(self, task: Task, every: int = 1) -> None:
        """Run ``task`` with the others from now on, at every so many ticks."""
        self._tasks.append((task, every))

    def start(self) -> None:
        """Start the thread."""
        # A daemon: a host that never closes us must still be able to exit.
        self._thread = Thread(target=self._run, name="gateway-housekeeper", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        leave_signals_to_host()
        self.tick()
        asleep = time.monotonic()
        while not self._stop.wait(self._interval):
            self.late = max(0.0, time.monotonic() - asleep - self._interval)
            self.tick()
            asleep = time.monotonic()
        self.tick()

    def tick(self) -> None:
        """Run every task that is due once; at the last tick all are."""
        number, self._ticks = self._ticks, self._ticks + 1
        for task, every in self._tasks:
            if number % every and not self._stop.is_set():
                continue
            try:
                task()
            except Exception as error:  # noqa: BLE001 - one task must not stop the others
                self._log.log(logging.ERROR, "A housekeeping task failed", exc_info=error)

    def stop(self) -> None:
        """Stop and wait for the thread."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
