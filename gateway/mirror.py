"""The mirror: one request, one live answer, and an offer to the shadows.

It wraps any WSGI application, which is the live side: the proxy to the live
upstream in a gateway, the legacy application itself when embedded.

The order is the isolation: the request is captured by value, live is called,
and only when the first part of its answer has gone to the client (or the
answer is closed) are the copies offered. So a shadow can neither answer first
nor compete with its own live request, and offering never waits. If answers are
compared, live's is captured as it goes past.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

from gateway.errors import Refusal
from gateway.exchange import Exchange, LiveOutcome
from gateway.forwarded import Client
from gateway.offer import mirrored, pairing_of
from gateway.request import BufferedRequest
from gateway.shadow.copy import Copy
from gateway.shadow.outcome import Outcome

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from gateway.shadow.fanout import Fanout


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
        return mirrored(self._app, self._fanout, copy, exchange, environ, start_response)


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
        pairing = pairing_of(self._fanout, copy, exchange)
        exchange.copies = self._fanout.offer(copy, LiveOutcome.NOT_ASKED, pairing).taken
        if pairing is not None:
            pairing.offered()
            pairing.live_ended(LiveOutcome.NOT_ASKED)


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
