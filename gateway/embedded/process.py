"""One process's embedded mirror: a request of the host's application, and the copy of it.

It does for an application what ``Mirror`` and ``Accounting`` do in a gateway, under
other rules: the application is called with what the server gave us, whatever may be
wrong with it, and if a copy cannot be made there is none.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any, cast

from gateway.clients import ClientAddresses
from gateway.control import Control
from gateway.embedded.answer import ends_with, in_shape_of, is_file_of
from gateway.embedded.body import Body, take_body
from gateway.embedded.exits import close_at_exit
from gateway.errors import Refusal
from gateway.exchange import Exchange
from gateway.forwarded import Client
from gateway.headers import check_fields, received_fields
from gateway.hooks import NO_HOOKS, Hooks
from gateway.housekeeping import Housekeeper
from gateway.ids import request_id_of
from gateway.introduction import DEFAULT_ROUTE
from gateway.metrics import Guarded, Metrics
from gateway.offer import MirroredAnswer, mirrored, status_of
from gateway.routes import RouteTable
from gateway.settings.model import Settings
from gateway.shadow.copy import Copy
from gateway.shadow.outcome import Outcome
from gateway.shadow.side import ShadowSide
from gateway.target import path_of, raw_target
from gateway.throttle import ThrottledLog

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# RFC 9110 sections 9.3.6 and 9.3.8: for a connection and for the way there, not for a copy.
_NEVER_COPIED = frozenset({"CONNECT", "TRACE"})

_log = logging.getLogger(__name__)


class EmbeddedMirror:
    """Calls ``application`` and offers its requests to the shadows.

    Threads: any thread may call it. The lock makes one of them start the
    housekeeper; nothing blocks under it. ``close`` waits, for a bounded time.
    """

    def __init__(
        self,
        application: WSGIApplication,
        settings: Settings,
        *,
        metrics: Metrics | None = None,
        control: Control | None = None,
        hooks: Hooks = NO_HOOKS,
    ) -> None:
        request = settings.request
        self.process = os.getpid()
        self.metrics = Guarded(metrics or Metrics())
        self.side = ShadowSide(
            settings, control=control or Control(), metrics=self.metrics, hooks=hooks
        )
        self._application = application
        self._fanout = self.side.fanout
        self._limit = max((each.max_body for each in settings.shadows), default=0)
        self._id_from = request.id_from
        self._clients = ClientAddresses(request.trusted_proxies)
        named = [(r.path, r.methods, r.name or r.path) for r in settings.routes]
        self._route = RouteTable(named, DEFAULT_ROUTE)
        self._housekeeper = Housekeeper()
        # Only where somebody asks for it: it costs more than letting a request pass.
        self._counts = metrics is not None or self.side.note_request is not None
        self._errors = ThrottledLog(_log)
        self._started = self._closed = False
        self._lock = Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if self._closed:
            return self._application(environ, start_response)
        if self._fanout.all_rest():
            return self._unmirrored(environ, start_response)
        received = time.monotonic()
        try:
            copy = self._copy_of(environ)
        except Exception as error:  # noqa: BLE001 - the host's request must not notice
            self._errors.log(logging.ERROR, "A request was not copied", exc_info=error)
            copy = Outcome.FAILED_INTERNAL
        if not isinstance(copy, Copy):
            if copy is not None:
                self._fanout.skip(copy)
            return self._unmirrored(environ, start_response, received)
        return self._mirrored(copy, received, environ, start_response)

    def _copy_of(self, environ: WSGIEnvironment) -> Copy | Outcome | None:
        """The request by value; else why there is no copy, None if that is recorded already.

        Only a request that some shadow wants has its body read.
        """
        try:
            head = self._head_of(environ)
        except Refusal:
            return Outcome.SKIPPED_REFUSED
        if head.method in _NEVER_COPIED:
            return Outcome.SKIPPED_REFUSED
        if self._fanout.nobody_wants(head):
            return None
        taken = take_body(environ, self._limit)
        if not isinstance(taken, Body):
            return taken
        return head._replace(body=taken.data, had_body=taken.had_body)

    def _head_of(self, environ: WSGIEnvironment) -> Copy:
        fields = received_fields(environ)
        check_fields(fields)
        return Copy(
            request_id_of(environ, self._id_from),
            environ["REQUEST_METHOD"],
            raw_target(environ),
            fields,
            b"",
            False,
            Client.of(environ),
        )

    def _mirrored(
        self,
        copy: Copy,
        received: float,
        environ: WSGIEnvironment,
        start_response: StartResponse,
    ) -> Iterable[bytes]:
        # Not in environ: that is the host's.
        exchange = Exchange(copy.request_id, received)
        exchange.client = self._clients(environ)
        exchange.route = self._route.find(copy.method, path_of(copy.target))
        host = _Host(self._application)
        ended = self._begun(copy.method, exchange)
        try:
            answer = mirrored(host, self._fanout, copy, exchange, environ, start_response)
        except BaseException:
            ended()
            raise
        return host.handed_on(answer, ended, environ.get("wsgi.file_wrapper"))

    def _unmirrored(
        self,
        environ: WSGIEnvironment,
        start_response: StartResponse,
        received: float | None = None,
    ) -> Iterable[bytes]:
        """A request without a copy; counted as the others are, where somebody counts."""
        if not self._counts:
            return self._application(environ, start_response)
        exchange = Exchange("", time.monotonic() if received is None else received)
        method = environ.get("REQUEST_METHOD", "")
        with suppress(Exception):  # whatever may be wrong with it is the application's to see
            exchange.route = self._route.find(method, path_of(raw_target(environ)))

        def started(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            exchange.status = status_of(status)
            return start_response(status, headers, exc_info)

        ended = self._begun(method, exchange)
        try:
            answer = self._application(environ, started)
        except BaseException:
            ended()
            raise
        if is_file_of(environ.get("wsgi.file_wrapper"), answer):
            if not ends_with(answer, ended):
                ended()
            return answer
        return in_shape_of(answer, answer, ended)

    def _begun(self, method: str, exchange: Exchange) -> Callable[[], None]:
        """Count a request's beginning; what is returned counts its end."""
        if self._counts:
            self.metrics.request_started()
        return partial(self._ended, method, exchange)

    def _ended(self, method: str, exchange: Exchange) -> None:
        live = exchange.live.value if exchange.live else "failed"
        for shadow in exchange.copies:
            self.metrics.shadow_taken(shadow, live)
        if self._counts:
            self.metrics.request_ended(method, exchange, time.monotonic() - exchange.received)
        if self.side.note_request is not None:
            self.side.note_request(method, exchange)

    def start(self) -> None:
        """Start housekeeping, and see to it that this is closed when the process ends."""
        with self._lock:
            if self._started:
                return
            self._started = True
        self.side.start()
        for task in self.side.tasks:
            self._housekeeper.add(task)
        self._housekeeper.start()
        close_at_exit(self.close)

    def close(self) -> None:
        """Take no more copies, wait a bounded time for running calls, leave nothing behind.

        The application is called as before.
        """
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self.side.close()
        self._housekeeper.stop()

    def __repr__(self) -> str:
        state = "closed" if self._closed else "started" if self._started else "not started"
        return f"<EmbeddedMirror {state}, {self.side!r}>"


class _Host:
    """One call of the application; keeps what it returned, to be like it."""

    __slots__ = ("_answer", "_application")

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application
        self._answer: Any = None

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        self._answer = answer = self._application(environ, start_response)
        return answer

    def handed_on(
        self, answer: MirroredAnswer, ended: Callable[[], None], file_wrapper: Any
    ) -> Iterable[bytes]:
        """What the server gets: ``answer``, which reads the application's, in a like shape.

        The server's own file is read here only if a comparison needs what is in it.
        """
        own = self._answer
        left = is_file_of(file_wrapper, own) and answer.needs_no_bytes
        if left and ends_with(own, partial(_sent, answer, ended)):
            return cast("Iterable[bytes]", own)
        return in_shape_of(own, answer, ended)


def _sent(answer: MirroredAnswer, ended: Callable[[], None]) -> None:
    """The server has sent a file, and closed it."""
    answer.left_to_server()
    try:
        answer.close()
    finally:
        ended()
