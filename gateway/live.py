"""The live side of a gateway: a WSGI application that forwards to the live upstream.

One request in, exactly one request out. The answer goes back as it comes:
status, reason, fields in order, body bytes undecoded and unbuffered.

Not done here: retries (the transport makes the only safe ones), redirects,
cookies, anything about shadows.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING

import requests

from gateway.errors import BadRequest
from gateway.exchange import Exchange, describe
from gateway.failures import UPSTREAM_ERRORS, refusal_of
from gateway.forwarded import TELL_NOTHING, Client, Tell, forwarded
from gateway.headers import Field, end_to_end, framed, rewritten, with_host
from gateway.request import BufferedRequest
from gateway.routes import RouteTable
from gateway.settings.model import Live
from gateway.target import path_of
from gateway.throttle import ThrottledLog
from gateway.tls import tls_arguments
from gateway.transport import Origin, OutboundRequest, Timeouts, UpstreamSession
from gateway.transport.response import received_fields_of

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


class LiveUpstream:
    """One configured live upstream and how to call it."""

    def __init__(self, settings: Live) -> None:
        self.origin = Origin.parse(settings.url)
        self.url = self.origin.url
        self.host = settings.host
        self.timeouts = Timeouts(settings.connect_timeout, settings.read_timeout, None)
        self.verify, self.cert = tls_arguments(settings.tls)

    def __repr__(self) -> str:
        return f"<LiveUpstream {self.url}>"


class LiveProxy:
    """WSGI application that answers with what the live upstream answers.

    Expects the body to have been read (``BufferedRequest``). Raises a
    ``Refusal`` where live gave no usable answer. ``id_field``: the field in which
    live gets the request's id; "" for none.
    """

    def __init__(
        self,
        upstreams: RouteTable[LiveUpstream],
        session: UpstreamSession,
        *,
        max_body: int,
        tell: Tell = TELL_NOTHING,
        id_field: str = "",
    ) -> None:
        self._upstreams = upstreams
        self._session = session
        self._max_body = max_body
        self._tell = tell
        self._id_field = id_field
        self._log = ThrottledLog(logging.getLogger(__name__))

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = BufferedRequest.of(environ, self._max_body)
        upstream = self._upstreams.find(request.method, path_of(request.target))
        try:
            outbound = self.build(request, upstream)
        except ValueError as error:  # requests' InvalidHeader and InvalidURL are ValueErrors
            raise BadRequest(f"This request cannot be forwarded: {error}") from error
        exchange = Exchange.of(environ)
        exchange.upstream = upstream.url
        began = time.monotonic()
        try:
            answer = self._session.forward(
                outbound, upstream.timeouts, verify=upstream.verify, cert=upstream.cert
            )
        except UPSTREAM_ERRORS as error:
            raise refusal_of(error) from error
        exchange.upstream_seconds = time.monotonic() - began
        start_response(f"{answer.status_code} {answer.reason or ''}", passed_on(answer))
        return StreamedAnswer(answer, partial(self._note_break, request))

    def _note_break(self, request: BufferedRequest, error: Exception) -> None:
        self._log.log(
            logging.WARNING, "%s: the live answer broke off: %s", describe(request.environ), error
        )

    def build(self, request: BufferedRequest, upstream: LiveUpstream) -> OutboundRequest:
        """The request live gets: a new object with its own header list."""
        origin = upstream.origin
        fields = forwarded(end_to_end(request.fields), self._tell, Client.of(request.environ))
        if self._id_field:
            fields = rewritten(fields, {self._id_field: Exchange.of(request.environ).id}, ())
        fields = with_host(fields, upstream.host, origin.authority)
        fields = framed(fields, request.body, had_body=request.had_body)
        target = origin.base_path + request.target if request.target != "*" else "*"
        return OutboundRequest(request.method, origin, target, fields, request.body)


def passed_on(answer: requests.Response) -> list[Field]:
    """The answer's fields for the client: order, repeats and values as received."""
    return end_to_end(received_fields_of(answer))


class StreamedAnswer:
    """The answer's body as it arrives; breaks where live breaks off.

    When nothing of the body has come with the head, the first part is empty:
    the server sends the head then, instead of keeping it until there is more.
    """

    __slots__ = ("_answer", "_broken", "_flush", "_parts")

    def __init__(self, answer: requests.Response, broken: Callable[[Exception], None]) -> None:
        self._answer = answer
        self._broken = broken
        self._parts = answer.raw.stream(decode_content=False)
        self._flush = getattr(answer.raw, "waiting", False)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._flush:
            self._flush = False
            return b""
        try:
            return next(self._parts)
        except UPSTREAM_ERRORS as error:
            self._broken(error)
            raise refusal_of(error) from error

    def close(self) -> None:
        """Give the connection back, or throw it away if the answer is not complete."""
        self._answer.close()
