"""Requests that the server refused before the application was called.

A malformed, late or oversized request never becomes a WSGI request, and its
answer is the server's. It is told here, and goes through the outer part of the
chain as if that had refused it: so it is in the log and in the metrics like any
other, and the ledger is whole. Nothing is sent from here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from gateway.errors import Refusal
from gateway.exchange import Exchange
from gateway.middleware.refusing import refuse

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_KEY = "gateway.refusal"

# By status: a word for metrics and log.
_REASONS: Final = MappingProxyType(
    {
        400: "malformed",
        408: "too_slow",
        413: "too_large",
        414: "target_too_long",
        417: "expectation",
        431: "head_too_large",
        501: "transfer_coding",
        503: "no_room",
    }
)


class Unserved:
    """What a server calls for each such request; one for each process.

    ``booked``: puts the outer part of the chain around an application. ``shed``: told
    of those for whose body there was no room.

    Threads: any, as the chain.
    """

    def __init__(
        self,
        booked: Callable[[WSGIApplication], WSGIApplication],
        shed: Callable[[str, int], None] = lambda reason, count: None,
    ) -> None:
        self._chain = booked(_refused)
        self._shed = shed

    def __call__(self, environ: WSGIEnvironment, refusal: Refusal) -> str:
        """Note the refusal; returns the request's id, for the answer.

        ``environ``: what is known of the request. ``REQUEST_METHOD`` at least, and
        ``gateway.received``.
        """
        environ[_KEY] = refusal
        if refusal.status == 503:
            self._shed(_REASONS[503], 1)
        answer: Any = self._chain(environ, _nobody)
        try:
            for _ in answer:
                pass
        finally:
            answer.close()
        return Exchange.of(environ).id


def _refused(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    refusal = environ[_KEY]
    reason = _REASONS.get(refusal.status, "other")
    return refuse(environ, start_response, refusal, middleware="server", reason=reason)


def _nobody(*_: object) -> Callable[[bytes], object]:
    return len
