"""How a middleware refuses: the one way, so that every refusal is answered, named and counted.

A middleware that refuses answers by itself and does not raise: so it works
around any application, with or without the rest of the gateway outside it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from gateway.errors import Refusal
from gateway.exchange import Exchange, Refused
from gateway.problem import answer_with_problem

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


def refuse(
    environ: WSGIEnvironment,
    start_response: StartResponse,
    refusal: Refusal,
    *,
    middleware: str,
    reason: str,
) -> Iterable[bytes]:
    """Answer with the refusal, and note who refused and why for metrics and log.

    ``reason``: a word of a small fixed set, ``[a-z_]+``; never what a client sent.
    """
    exchange = Exchange.of(environ)
    exchange.refused = Refused(middleware, reason)
    exchange.status = refusal.status
    return answer_with_problem(refusal, exchange.id, start_response)
