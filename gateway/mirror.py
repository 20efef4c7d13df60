"""The mirror: one request, one live answer, and an offer to the shadows.

It wraps any WSGI application, which is the live side: the proxy to the live
upstream in a gateway, the legacy application itself when embedded.

The order is the isolation: the request is captured by value, live is called,
and only when the first part of its answer has gone to the client (or the
answer is closed) are the copies offered. So a shadow can neither answer first
nor compete with its own live request, and offering never waits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from gateway.errors import Refusal
from gateway.exchange import Exchange, LiveOutcome
from gateway.forwarded import Client
from gateway.request import BufferedRequest
from gateway.shadow.copy import Copy
from gateway.shadow.fanout import Fanout
from gateway.shadow.outcome import Outcome

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


# Names of middlewares whose refusals are not a matter of what the request says.
_NEVER_MIRRORED = frozenset({"server", "admission", "boundary"})


class Mirror:
    """Middleware that calls ``app`` (live) and offers each request to ``fanout``.

    ``max_body``: bytes of body taken into memory; more raises ``BodyTooLarge``.
    """

    def __init__(self, app: WSGIApplication, fanout: Fanout, max_body: int) -> None:
        self._app = app
        self._fanout = fanout
        self._max_body = max_body

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        exchange = Exchange.of(environ)
        copy = _copy_of(environ, exchange, self._max_body)
        offer = _Offer(self._fanout, copy, exchange)

        def started(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            exchange.status = int(status[:3])
            return start_response(status, headers, exc_info)

        try:
            answer = self._app(environ, started)
        except BaseException:
            offer.ended(LiveOutcome.FAILED)
            raise
        return _MirroredAnswer(answer, offer)


class RefusedMirror:
    """Offers to ``fanout`` what a middleware refused, once its answer is closed.

    Live was not asked. Nothing is gained by copies of what nobody may forward, nor of
    what was refused because there is too much to do; those are skipped, and so is
    what cannot be read.
    """

    def __init__(self, fanout: Fanout, max_body: int) -> None:
        self._fanout = fanout
        self._max_body = max_body

    def __call__(self, environ: WSGIEnvironment, exchange: Exchange) -> None:
        """Offer the request, or skip it for every shadow."""
        refused = exchange.refused
        copy = None
        if refused is not None and refused.middleware not in _NEVER_MIRRORED:
            with suppress(Refusal):
                copy = _copy_of(environ, exchange, self._max_body)
        if copy is None:
            self._fanout.skip(Outcome.SKIPPED_REFUSED)
            return
        exchange.live = LiveOutcome.NOT_ASKED
        exchange.copies = self._fanout.offer(copy, LiveOutcome.NOT_ASKED)


def _copy_of(environ: WSGIEnvironment, exchange: Exchange, max_body: int) -> Copy:
    """The request by value. Raises a ``Refusal`` where it cannot be read."""
    request = BufferedRequest.of(environ, max_body)
    return Copy(
        exchange.id,
        request.method,
        request.target,
        request.fields,
        request.body,
        request.had_body,
        Client.of(environ),
        exchange.trace,
    )


class _Offer:
    """The one offer of a request to the shadows."""

    __slots__ = ("_copy", "_exchange", "_fanout")

    def __init__(self, fanout: Fanout, copy: Copy, exchange: Exchange) -> None:
        self._fanout = fanout
        self._copy = copy
        self._exchange = exchange

    def early(self) -> None:
        """Offer before the answer is complete, unless a shadow wants to know how it ends."""
        if not self._fanout.after_answer:
            self.now()

    def now(self) -> None:
        """Offer, unless that was done before."""
        if self._exchange.mirrored:
            return
        self._exchange.mirrored = True
        live = self._exchange.live or _by_status(self._exchange.status)
        self._exchange.copies = self._fanout.offer(self._copy, live)

    def ended(self, outcome: LiveOutcome | None) -> None:
        """Note how live ended, then offer. None: to the end, so the status tells."""
        if self._exchange.live is None:
            self._exchange.live = outcome or _by_status(self._exchange.status)
        self.now()


def _by_status(status: int | None) -> LiveOutcome:
    if status is None:
        return LiveOutcome.FAILED
    return LiveOutcome.REFUSED if status >= 400 else LiveOutcome.ANSWERED


class _MirroredAnswer:
    """Live's answer, passed through part by part."""

    __slots__ = ("_answer", "_ended", "_offer", "_parts", "_passed")

    def __init__(self, answer: Iterable[bytes], offer: _Offer) -> None:
        self._answer = answer
        self._parts = iter(answer)
        self._offer = offer
        self._passed = False
        self._ended = False

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._passed:
            # Asked for more: the server has written the first part to the client.
            self._offer.early()
        try:
            part = next(self._parts)
        except StopIteration:
            self._ended = True
            raise
        except BaseException:
            self._ended = True
            self._offer.ended(LiveOutcome.FAILED)
            raise
        self._passed = True
        return part

    def close(self) -> None:
        """Close live's answer; whatever that does, the copies are offered."""
        try:
            close = getattr(self._answer, "close", None)
            if close is not None:
                close()
        finally:
            self._offer.ended(None if self._ended else LiveOutcome.ABANDONED)
