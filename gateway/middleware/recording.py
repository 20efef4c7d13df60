"""Has a share of the exchanges with live recorded. Around the mirror, which asks live.

What it takes is references to what goes past; the recorder's thread does the rest.
While nothing is recorded a request costs one comparison here.

Not done here: what is recorded, where to, and what must not be in it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from gateway.compare.capture import Capture
from gateway.exchange import Exchange
from gateway.forwarded import Client
from gateway.request import BufferedRequest
from gateway.shadow.copy import Copy
from gateway.throttle import ThrottledLog
from gateway.traffic.recorder import Recorder

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class Recording:
    """Middleware that shows ``app``'s exchanges to ``recorder``.

    ``max_body``: bytes of body taken into memory; more raises ``BodyTooLarge``.
    """

    def __init__(self, app: WSGIApplication, recorder: Recorder, *, max_body: int) -> None:
        self._app = app
        self._recorder = recorder
        self._max_body = max_body
        self._log = ThrottledLog(logging.getLogger(__name__))

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if not self._recorder.percent:
            return self._app(environ, start_response)
        request = _copy_of(environ, self._max_body)
        capture = self._capture_of(request)
        if capture is None:
            return self._app(environ, start_response)
        exchange = Exchange.of(environ)
        seen = _Seen(capture, exchange, partial(self._finish, capture, request, exchange))

        def started(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            seen.status, seen.headers = status, headers
            return seen.writing(start_response(status, headers, exc_info))

        try:
            answer = self._app(environ, started)
        except BaseException:
            seen.closed(ended=False)
            raise
        return _RecordedAnswer(answer, seen)

    def _capture_of(self, request: Copy) -> Capture | None:
        try:
            return self._recorder.open(request)
        except Exception as error:  # noqa: BLE001 - the boundary of recording
            self._log.log(logging.ERROR, "Recording failed", exc_info=error)
            return None

    def _finish(
        self, capture: Capture, request: Copy, exchange: Exchange, seconds: float, ended: bool
    ) -> None:
        try:
            at, route = time.time() - seconds, exchange.route or ""
            self._recorder.finish(capture, request, route, at, ended=ended)
        except Exception as error:  # noqa: BLE001 - the boundary of recording
            self._log.log(logging.ERROR, "Recording failed", exc_info=error)


def _copy_of(environ: WSGIEnvironment, max_body: int) -> Copy:
    """The request by value. Raises a ``Refusal`` where it cannot be read."""
    request = BufferedRequest.of(environ, max_body)
    return Copy(
        Exchange.of(environ).id,
        request.method,
        request.target,
        request.fields,
        request.body,
        request.had_body,
        Client.of(environ),
    )


class _Seen:
    """One exchange as far as it has gone past."""

    __slots__ = ("_capture", "_exchange", "_finish", "headers", "status")

    def __init__(
        self, capture: Capture, exchange: Exchange, finish: Callable[[float, bool], None]
    ) -> None:
        self._capture = capture
        self._exchange = exchange
        self._finish = finish
        self.status = ""
        self.headers: list[tuple[str, str]] = []

    def add(self, part: bytes) -> None:
        """A part of the body went past."""
        self._capture.add(part)

    def writing(self, write: Callable[[bytes], object]) -> Callable[[bytes], object]:
        """The ``write`` of WSGI, with what it is given seen."""

        def seen(part: bytes) -> object:
            self.add(part)
            return write(part)

        return seen

    def closed(self, *, ended: bool) -> None:
        """There will be no more. Nothing that goes wrong here reaches the request."""
        seconds = time.monotonic() - self._exchange.received
        ended = ended and self.status[:3].isdecimal()
        if ended:
            # Copied: whoever made the list may change it after.
            self._capture.ended(int(self.status[:3]), tuple(self.headers), seconds)
        self._finish(seconds, ended)


class _RecordedAnswer:
    """Live's answer, passed through part by part."""

    __slots__ = ("_answer", "_ended", "_parts", "_seen")

    def __init__(self, answer: Iterable[bytes], seen: _Seen) -> None:
        self._answer = answer
        self._parts = iter(answer)
        self._seen: _Seen | None = seen
        self._ended = False

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            part = next(self._parts)
        except StopIteration:
            self._ended = True
            raise
        if self._seen is not None:
            self._seen.add(part)
        return part

    def close(self) -> None:
        """Close live's answer; whatever that does, the exchange is told of, once."""
        seen, self._seen = self._seen, None
        try:
            close = getattr(self._answer, "close", None)
            if close is not None:
                close()
        finally:
            if seen is not None:
                seen.closed(ended=self._ended)
