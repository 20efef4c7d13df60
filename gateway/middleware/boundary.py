"""The outermost boundary: every request gets an answer, and none of our errors is a mystery.

A ``Refusal`` raised anywhere below becomes ``application/problem+json``; any
other exception is our own fault and becomes a logged 500. Requests that no
gateway may forward are refused here.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from gateway.errors import BadRequest, MethodNotAllowed, Refusal, UnsupportedCoding
from gateway.exchange import Exchange, Refused, describe
from gateway.problem import answer_with_problem
from gateway.throttle import ThrottledLog

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


_CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")


class InternalError(Refusal):
    """An error of our own; the log has its traceback."""


class Boundary:
    """Middleware that turns refusals and errors into answers."""

    def __init__(self, app: WSGIApplication, log: ThrottledLog | None = None) -> None:
        self._app = app
        self._log = log or ThrottledLog(logging.getLogger(__name__))

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        exchange = Exchange.of(environ)
        try:
            refuse_unforwardable(environ)
            return self._app(environ, start_response)
        except Refusal as refusal:
            exchange.refused = Refused("boundary", _word(refusal))
            self._note(refusal, environ)
            return answer_with_problem(refusal, exchange.id, start_response)
        except Exception as error:  # noqa: BLE001 - the outermost boundary
            self._log.log(logging.ERROR, "%s: failed", describe(environ), exc_info=error)
            problem = InternalError("The gateway failed to handle this request; see its log.")
            exchange.refused = Refused("boundary", _word(problem))
            return answer_with_problem(problem, exchange.id, start_response)

    def _note(self, refusal: Refusal, environ: WSGIEnvironment) -> None:
        # Upstream faults are the operator's business; clients' faults are not.
        if refusal.status >= 500:
            why = refusal.__cause__ or refusal.detail
            self._log.log(logging.WARNING, "%s: %d: %s", describe(environ), refusal.status, why)


def _word(refusal: Refusal) -> str:
    """What kind of refusal it is, as metrics and logs say it: ``live_timed_out``."""
    return _CAPITAL.sub("_", type(refusal).__name__).lower()


def refuse_unforwardable(environ: WSGIEnvironment) -> None:
    """Refuse what the server in front lets pass but a gateway must not forward."""
    method = environ["REQUEST_METHOD"]
    if method in {"CONNECT", "TRACE"}:
        # RFC 9110 section 9.3.6 is for tunnels; 9.3.8 would echo credentials.
        raise MethodNotAllowed(
            f"{method} is not forwarded.",
            headers=[("Allow", "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT")],
        )
    if "HTTP_HOST" not in environ and environ.get("SERVER_PROTOCOL") == "HTTP/1.1":
        # RFC 9112 section 3.2
        raise BadRequest("An HTTP/1.1 request must have a Host header field.")
    coding = environ.get("HTTP_TRANSFER_ENCODING", "chunked")
    if coding.strip().lower() not in {"chunked", "identity"}:
        # The server removes only the chunks: the rest would arrive encoded and unnamed.
        raise UnsupportedCoding(f"The transfer coding {coding!r} is not supported.")
