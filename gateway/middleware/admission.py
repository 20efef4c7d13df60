"""How many requests may be in progress at once, for servers that do not ask themselves.

The default worker admits requests before the application is called, and says so
in ``environ``; those pass. Under any other server the thread is already there,
so nobody waits: over the limit a request is refused, those of low priority
already at three quarters of it, those of high priority never.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from threading import Lock
from typing import TYPE_CHECKING

from gateway.admission.limit import Limit
from gateway.admission.priority import Priority, priority_in
from gateway.errors import Refusal
from gateway.middleware.refusing import refuse
from gateway.routes import RouteTable
from gateway.target import path_for_rules

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_RETRY_AFTER_SECONDS = 1
_LOW_SHARE = 0.75


class Overloaded(Refusal):
    """More than can be done now."""

    status, title = 503, "Service Unavailable"

    def __init__(self) -> None:
        super().__init__(
            "The gateway is overloaded; try again after Retry-After seconds.",
            headers=[("Retry-After", str(_RETRY_AFTER_SECONDS))],
        )


class Admission:
    """Middleware. ``limit``: a policy of ``gateway.admission.limit``; ``shed``: told of refusals.

    Threads: any may call it. The lock guards two counts; nothing blocks.
    """

    def __init__(
        self,
        app: WSGIApplication,
        limit: Limit,
        *,
        priorities: RouteTable[Priority] | None = None,
        shed: Callable[[str, int], None] = lambda reason, count: None,
    ) -> None:
        self._app = app
        self._limit = limit
        self._priorities = priorities or RouteTable((), Priority.NORMAL)
        self._shed = shed
        self._lock = Lock()
        self._running = 0
        self._busiest = 0

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if "gateway.admitted" in environ:
            return self._app(environ, start_response)
        if not self._enter(environ):
            self._shed("overloaded", 1)
            return refuse(
                environ, start_response, Overloaded(), middleware="admission", reason="overloaded"
            )
        try:
            return _Admitted(self._app(environ, start_response), self._leave)
        except BaseException:
            self._leave()
            raise

    def _enter(self, environ: WSGIEnvironment) -> bool:
        limit: float = self._limit.value
        if self._running >= limit * _LOW_SHARE:
            path = path_for_rules(environ)
            priority = priority_in(self._priorities, environ["REQUEST_METHOD"], path)
            limit = {Priority.HIGH: float("inf"), Priority.LOW: limit * _LOW_SHARE}.get(
                priority, limit
            )
        with self._lock:
            if self._running >= limit:
                return False
            self._running += 1
            self._busiest = max(self._busiest, self._running)
            return True

    def _leave(self) -> None:
        with self._lock:
            self._running -= 1

    def observe(self, late: float) -> None:
        """A thread woke so many seconds late: the limit is told, with how many were in progress."""
        with self._lock:
            busiest, self._busiest = self._busiest, self._running
        self._limit.observe(late, busiest)

    def __repr__(self) -> str:
        return f"<Admission [{self._running} in progress, {self._limit!r}]>"


class _Admitted:
    """The answer; its place is given back when it is closed, once."""

    __slots__ = ("_answer", "_leave", "_parts")

    def __init__(self, answer: Iterable[bytes], leave: Callable[[], None]) -> None:
        self._answer = answer
        self._parts = iter(answer)
        self._leave: Callable[[], None] | None = leave

    def __iter__(self) -> Iterator[bytes]:
        return self._parts

    def close(self) -> None:
        """Close the answer; whatever that does, the place is free again."""
        leave, self._leave = self._leave, None
        try:
            close = getattr(self._answer, "close", None)
            if close is not None:
                close()
        finally:
            if leave is not None:
                leave()
