"""One thread per process that looks after things no request should pay for."""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Event, Thread

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
        self._tasks: list[Task] = []
        self._stop = Event()
        self._thread: Thread | None = None
        self._log = ThrottledLog(logging.getLogger(__name__))

    def add(self, task: Task) -> None:
        """Run ``task`` with the others from now on."""
        self._tasks.append(task)

    def start(self) -> None:
        """Start the thread."""
        # A daemon: a host that never closes us must still be able to exit.
        self._thread = Thread(target=self._run, name="gateway-housekeeper", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        self.tick()
        while not self._stop.wait(self._interval):
            self.tick()
        self.tick()

    def tick(self) -> None:
        """Run every task once."""
        for task in self._tasks:
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
