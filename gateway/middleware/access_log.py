"""One line for each request, made when its answer is closed.

Stands outside of everything that can refuse, so that a refusal has a line too,
and inside of the accounting. It makes the line on the request's thread, by when
the client has its answer, and leaves it in a buffer: nothing here waits for a
disk or a pipe. It changes nothing about request or answer.

What became of a shadow's copy is not known yet when a line is made; which
shadows took one is.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from gateway.accesslog.entry import FORMS, Entry
from gateway.accesslog.output import FileOutput, StdoutOutput
from gateway.accesslog.redaction import Redaction
from gateway.accesslog.writer import LogWriter
from gateway.clients import peer_of
from gateway.errors import BadRequest
from gateway.exchange import Exchange
from gateway.headers import environ_name
from gateway.request import body_size
from gateway.routes import RouteTable
from gateway.settings.access_log import AccessLog as Settings
from gateway.target import path_for_rules, raw_target
from gateway.throttle import ThrottledLog

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# Longer ones end in "...". Clients choose them; lines are for people and disks.
_MOST_TARGET = 2048
_MOST_FIELD = 512
# The two that CGI keeps apart (RFC 3875 section 4.1).
_WITHOUT_PREFIX = frozenset({"HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH"})


class AccessLog:
    """Middleware that logs each request once, however it ends.

    ``writer``: where lines go; made from ``config`` when left out, and then to be
    closed by whoever ends the process. ``config.to`` is looked at for that alone.
    ``secret_fields``: header fields of which no value is shown, beside the settings'.
    ``logged``: whether a route's requests have lines at all; all when left out.

    Threads: any may call it. What blocks is the writer's own thread.
    """

    def __init__(
        self,
        app: WSGIApplication,
        config: Settings,
        *,
        writer: LogWriter | None = None,
        secret_fields: Iterable[str] = (),
        logged: RouteTable[bool] | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        log: ThrottledLog | None = None,
    ) -> None:
        self._app = app
        self.writer = writer or writer_for(config)
        self._form = FORMS[config.format]()
        self._redaction = Redaction((*config.redact_headers, *secret_fields), config.redact_query)
        self._logged = logged
        self._headers = [(name, environ_key(name)) for name in config.headers]
        self._clock = clock
        self._wall_clock = wall_clock
        self._log = log or ThrottledLog(logging.getLogger(__name__))

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if self._logged is not None:
            # However an upstream reads the path: nobody gets out of the log by spelling.
            found = self._logged.find_all(environ["REQUEST_METHOD"], path_for_rules(environ))
            if not any(found):
                return self._app(environ, start_response)
        exchange = Exchange.of(environ)
        answer = _LoggedAnswer(self._clock(), partial(self._ended, environ, exchange))
        try:
            answer.parts = self._app(environ, partial(answer.started, start_response))
        except BaseException:
            answer.close()
            raise
        return answer

    def _ended(self, environ: WSGIEnvironment, exchange: Exchange, answer: _LoggedAnswer) -> None:
        try:
            self.writer.offer(self._form.line(self._entry(environ, exchange, answer)))
        except Exception as error:  # noqa: BLE001 - the boundary: the answer is out already
            self.writer.lose()
            self._log.log(logging.ERROR, "No access log line could be made", exc_info=error)

    def _entry(self, environ: WSGIEnvironment, exchange: Exchange, answer: _LoggedAnswer) -> Entry:
        total = self._clock() - exchange.received
        refused, live_seconds = exchange.refused, exchange.upstream_seconds
        return Entry(
            time=self._form.time(self._wall_clock() - total),
            request_id=exchange.id,
            client=exchange.client or peer_of(environ),
            identity=exchange.identity and _cut(exchange.identity, _MOST_FIELD),
            method=environ["REQUEST_METHOD"][:_MOST_FIELD],
            target=self._redaction.target(_cut(_target(environ), _MOST_TARGET)),
            protocol=environ.get("SERVER_PROTOCOL", "-"),
            status=answer.status or exchange.status or 500,
            complete=answer.complete,
            bytes_in=body_size(environ),
            bytes_out=answer.size,
            queue_seconds=round(max(0.0, answer.began - exchange.received), 6),
            live_seconds=None if live_seconds is None else round(live_seconds, 6),
            total_seconds=round(total, 6),
            route=exchange.route,
            upstream=exchange.upstream,
            live=exchange.live.value if exchange.live else None,
            shadows=exchange.copies,
            missed={n: f"{o.outcome}: {o.reason}" for n, o in exchange.missed} or None,
            refused=f"{refused.middleware}: {refused.reason}" if refused else None,
            user_agent=self._field(environ, "User-Agent", "HTTP_USER_AGENT"),
            referer=self._field(environ, "Referer", "HTTP_REFERER"),
            headers=self._shown(environ) if self._headers else None,
        )

    def _field(self, environ: WSGIEnvironment, name: str, key: str) -> str | None:
        value = environ.get(key)
        if value is None:
            return None
        # Cut before redaction, whose work so is bounded; what is left of a secret is redacted.
        value = self._redaction.field(name, _cut(value, _MOST_FIELD))
        return self._redaction.target(value) if key == "HTTP_REFERER" else value

    def _shown(self, environ: WSGIEnvironment) -> dict[str, str]:
        values = ((name, self._field(environ, name, key)) for name, key in self._headers)
        return {name: value for name, value in values if value is not None}

    def __repr__(self) -> str:
        return f"<AccessLog {self.writer!r}>"


def writer_for(config: Settings) -> LogWriter:
    """The writer that the settings ask for."""
    output = FileOutput(config.file) if config.to == "file" and config.file else StdoutOutput()
    return LogWriter(output, max_buffered=config.max_buffered)


def environ_key(name: str) -> str:
    """Where WSGI keeps a header field."""
    key = environ_name(name)
    return key.removeprefix("HTTP_") if key in _WITHOUT_PREFIX else key


def _target(environ: WSGIEnvironment) -> str:
    try:
        return raw_target(environ)
    except BadRequest:
        return str(environ.get("RAW_URI") or environ.get("REQUEST_URI") or "-")


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}..."


class _LoggedAnswer:
    """An answer on its way: its status, how many bytes, and whether to the end."""

    __slots__ = ("_ended", "began", "complete", "parts", "size", "status")

    def __init__(self, began: float, ended: Callable[[_LoggedAnswer], None]) -> None:
        self._ended: Callable[[_LoggedAnswer], None] | None = ended
        self.began = began
        self.parts: Iterable[bytes] = ()
        self.status = 0
        self.size = 0
        self.complete = False

    def started(
        self,
        start_response: StartResponse,
        status: str,
        headers: list[tuple[str, str]],
        exc_info: Any = None,
    ) -> Callable[[bytes], object]:
        """The application's ``start_response``."""
        write = start_response(status, headers, exc_info)
        self.status = int(status[:3])
        return partial(self._written, write)

    def _written(self, write: Callable[[bytes], object], data: bytes) -> object:
        """PEP 3333's other way of answering."""
        self.size += len(data)
        return write(data)

    def __iter__(self) -> Iterator[bytes]:
        for part in self.parts:
            self.size += len(part)
            yield part
        self.complete = True

    def close(self) -> None:
        """Close the answer; whatever that does, there is a line, once."""
        ended, self._ended = self._ended, None
        try:
            close = getattr(self.parts, "close", None)
            if close is not None:
                close()
        finally:
            if ended is not None:
                ended(self)
