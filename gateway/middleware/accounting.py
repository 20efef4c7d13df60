"""Counts every live request once, when its answer is closed, whatever happened in it.

Also keeps the ledger whole: a request that was refused before it reached the
mirror is skipped for every shadow.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from gateway.exchange import Exchange
from gateway.metrics import Metrics
from gateway.shadow.outcome import Outcome

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from gateway.shadow.fanout import Fanout


class Accounting:
    """Outermost middleware: metrics of the live side, and the ledger's last word.

    ``fanout``: the shadows, whose ledger is kept; None where there are none.
    ``introduce``: makes the request's exchange, with what its head tells.
    ``not_mirrored``: told of a request that did not come as far as the mirror, so that
    the ledger has it; what was refused is skipped without. ``note``: told the method of
    every request, once it is answered; must be quick.
    """

    def __init__(
        self,
        app: WSGIApplication,
        fanout: Fanout | None,
        metrics: Metrics,
        clock: Callable[[], float] = time.monotonic,
        introduce: Callable[[WSGIEnvironment], Exchange] = Exchange.of,
        not_mirrored: Callable[[WSGIEnvironment, Exchange], None] | None = None,
        note: Callable[[str, Exchange], None] | None = None,
    ) -> None:
        self._app = app
        self._fanout = fanout
        self._metrics = metrics
        self._clock = clock
        self._introduce = introduce
        self._not_mirrored = not_mirrored or self._skip
        self._note = note

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        exchange = self._introduce(environ)
        self._metrics.request_started()

        def started(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            exchange.status = int(status[:3])
            return start_response(status, headers, exc_info)

        try:
            answer = self._app(environ, started)
        except BaseException:
            self._ended(environ, exchange)
            raise
        return _CountedAnswer(answer, lambda: self._ended(environ, exchange))

    def _ended(self, environ: WSGIEnvironment, exchange: Exchange) -> None:
        try:
            if not exchange.mirrored:
                exchange.mirrored = True
                self._not_mirrored(environ, exchange)
            live = exchange.live.value if exchange.live else "failed"
            for shadow in exchange.copies:
                self._metrics.shadow_taken(shadow, live)
        finally:
            seconds = self._clock() - exchange.received
            self._metrics.request_ended(environ["REQUEST_METHOD"], exchange, seconds)
            if self._note is not None:
                self._note(environ["REQUEST_METHOD"], exchange)

    def _skip(self, environ: WSGIEnvironment, exchange: Exchange) -> None:
        if self._fanout is not None:
            self._fanout.skip(Outcome.SKIPPED_REFUSED)


class _CountedAnswer:
    """The answer, and one call when it is closed."""

    __slots__ = ("_answer", "_ended", "_parts")

    def __init__(self, answer: Iterable[bytes], ended: Callable[[], None]) -> None:
        self._answer = answer
        self._parts = iter(answer)
        self._ended: Callable[[], None] | None = ended

    def __iter__(self) -> Iterator[bytes]:
        return self._parts

    def close(self) -> None:
        """Close the answer; whatever that does, the request is counted, once."""
        ended, self._ended = self._ended, None
        try:
            close = getattr(self._answer, "close", None)
            if close is not None:
                close()
        finally:
            if ended is not None:
                ended()
