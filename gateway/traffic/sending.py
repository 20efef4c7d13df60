"""Sends a recorded request once more, to one place, and keeps the answer.

Whatever host, URL or redirect is in the recording: it goes to the origin it is given,
as shadows' copies do. Nothing is followed, no cookie kept, no proxy asked.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from requests import Response

from gateway.budget import ByteBudget
from gateway.compare.answer import Answer
from gateway.compare.capture import MOST_DIGESTED, Bounds, Capture
from gateway.failures import UPSTREAM_ERRORS, failure_of
from gateway.headers import Field, end_to_end, framed, rewritten, with_host
from gateway.live import passed_on
from gateway.shadow.copy import Copy
from gateway.transport import Origin, OutboundRequest, Timeouts, UpstreamSession

# The gateway has answered it; here the body is sent at once.
_NOT_SENT = ("expect",)
# A bound on what is held at once is the number of those who send.
_NO_BOUND = 2**62


class Changes(NamedTuple):
    """What is changed of every request. ``set``: fields that get a value, ``remove``: that go.

    ``keep_host``: the recorded Host instead of the origin's. ``drop``: says of a field that
    it must not be sent as it is, its value having been redacted.
    """

    set: Mapping[str, str] = MappingProxyType({})
    remove: Sequence[str] = ()
    keep_host: bool = False
    drop: Callable[[Field], bool] = lambda field: False


class Sender:
    """One place to send to.

    Threads: any number may send at once; each waits for its own answer.
    """

    def __init__(
        self,
        origin: Origin,
        session: UpstreamSession,
        timeouts: Timeouts,
        *,
        changes: Changes = Changes(),
        verify: bool | str = True,
        cert: str | tuple[str, str] | None = None,
        max_body: int = 256 * 1024,
    ) -> None:
        self._origin = origin
        self._session = session
        self._timeouts = timeouts
        self._changes = changes
        self._verify, self._cert = verify, cert
        self._max_body = max_body

    def send(self, request: Copy) -> Answer | str:
        """The answer; or in one word why there is none."""
        try:
            outbound = self.build(request)
        except ValueError:  # requests' InvalidHeader and InvalidURL
            return "invalid"
        began = time.monotonic()
        try:
            return self._answer(outbound, began)
        except UPSTREAM_ERRORS as error:
            return failure_of(error).value

    def build(self, request: Copy) -> OutboundRequest:
        """What goes out. ``ValueError`` for what no request can be."""
        origin, changes = self._origin, self._changes
        fields = [each for each in end_to_end(request.fields) if not changes.drop(each)]
        fields = rewritten(fields, changes.set, (*changes.remove, *_NOT_SENT))
        host = "keep" if changes.keep_host or _names_host(changes.set) else "upstream"
        fields = with_host(fields, host, origin.authority)
        fields = framed(fields, request.body, had_body=request.had_body)
        target = origin.base_path + request.target if request.target != "*" else "*"
        return OutboundRequest(request.method, origin, target, fields, request.body)

    def _answer(self, outbound: OutboundRequest, began: float) -> Answer | str:
        with self._session.forward(outbound, self._timeouts, self._verify, self._cert) as answer:
            return captured(answer, self._max_body, began)

    def __repr__(self) -> str:
        return f"<Sender to {self._origin.url}>"


def _names_host(fields: Mapping[str, str]) -> bool:
    return any(name.lower() == "host" for name in fields)


def captured(response: Response, max_body: int, began: float) -> Answer | str:
    """The answer as it comes, read to its end or a bound; a word for why there is none.

    ``began``: when it was asked for (monotonic).
    """
    capture = Capture(Bounds(ByteBudget(_NO_BOUND), max_body))
    for part in response.raw.stream(decode_content=False):
        capture.add(part)
        if capture.size > MOST_DIGESTED:
            capture.cut_off()
            break
    capture.ended(response.status_code, passed_on(response), time.monotonic() - began)
    kept = capture.answer()
    return kept if isinstance(kept, Answer) else kept.value
