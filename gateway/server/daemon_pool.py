"""Threads that do not keep a process alive, where ``concurrent.futures``' would.

gthread's, and those on which the hub of the default worker has done what can only block.

An interpreter that exits waits for the threads of every ``ThreadPoolExecutor``. A
request that is stuck in the application would so outlive the time it was given.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

_Task = tuple["Future[Any]", Callable[..., Any], tuple[Any, ...]]


class DaemonPool:
    """What gthread uses of an executor: ``submit`` and ``shutdown``, over ``size`` threads.

    Threads: any may submit. The queue is the only thing shared; it has no bound here, since
    each connection, or request, is in it once at most.
    """

    def __init__(self, size: int, name: str = "request") -> None:
        self._tasks: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._work, name=f"{name}-{number}", daemon=True)
            for number in range(size)
        ]
        self._started = False

    def submit(self, function: Callable[..., Any], *args: Any) -> Future[Any]:
        """Call it on one of the threads. Called by one thread, until it has returned once."""
        if not self._started:
            self._started = True
            for thread in self._threads:
                thread.start()
        future: Future[Any] = Future()
        self._tasks.put((future, function, args))
        return future

    def shutdown(self, wait: bool = True) -> None:
        """Let each thread end when it has nothing to do."""
        for _ in self._threads:
            self._tasks.put(None)
        for thread in self._threads if wait else ():
            thread.join()

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            future, function, args = task
            del task
            try:
                future.set_result(function(*args))
            except BaseException as error:  # noqa: BLE001 - the boundary of a thread
                future.set_exception(error)
            del future, function, args  # a waiting thread keeps nobody's body alive

    def __repr__(self) -> str:
        return f"<DaemonPool [{len(self._threads)} threads, {self._tasks.qsize()} waiting]>"
