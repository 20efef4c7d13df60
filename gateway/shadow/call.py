"""One copy's call to its shadow: the request as it is built, sent, and its answer read.

Runs on pool threads. Sent over an idle connection it needs a thread only while
it has something to do; where it would wait, it is finished on a thread of its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

from requests import Response

from gateway.compare.pairing import Half
from gateway.failures import UPSTREAM_ERRORS, outcome_of
from gateway.shadow.outcome import Outcome
from gateway.transport import OutboundRequest, Pending, Timeouts, UpstreamSession
from gateway.transport.response import received_fields_of

# More of an answer than this is not read: an endless one must not cost the
# machine's other work. The connection is thrown away then.
MAX_ANSWER_BYTES = 4 * 1024 * 1024

# Told the status and the seconds to the end of the answer.
Answered = Callable[[int, float], None]


class Line(NamedTuple):
    """How a shadow is called."""

    session: UpstreamSession
    timeouts: Timeouts
    verify: bool | str
    cert: str | tuple[str, str] | None


class ShadowCall:
    """``Work`` for the pool.

    ``build``: makes the request; ``stop``: the outcome of a copy that is not to be
    sent any more, asked just before it is. ``half``: keeps the answer, if somebody
    wants to compare it.
    """

    __slots__ = (
        "_answer",
        "_answered",
        "_began",
        "_build",
        "_half",
        "_line",
        "_pending",
        "_request",
        "_stop",
        "ends",
    )

    def __init__(
        self,
        line: Line,
        build: Callable[[], OutboundRequest],
        stop: Callable[[], Outcome | None],
        answered: Answered,
        half: Half | None = None,
    ) -> None:
        self._line = line
        self._half = half
        self._build = build
        self._stop = stop
        self._answered = answered
        self._request: OutboundRequest | None = None
        self._pending: Pending | None = None
        self._answer: Response | None = None
        self._began = self.ends = 0.0

    def begin(self) -> Outcome | None:
        """Build the request, and send it if there is an idle connection for it."""
        stopped = self._stop()
        if stopped is not None:
            return stopped
        session, timeouts, verify, cert = self._line
        self._request = request = self._build()
        self._began = time.monotonic()
        try:
            self._pending = pending = session.begin(request, timeouts, verify, cert)
        except UPSTREAM_ERRORS as error:
            return outcome_of(error)
        if pending is not None:
            self.ends = pending.ends
        return None

    def fileno(self) -> int:
        """The connection's descriptor while nothing but the answer is missing."""
        pending = self._pending
        return pending.fileno() if pending is not None and pending.sent else -1

    def advance(self) -> Outcome | None:
        """Read what has come; mostly that is the whole answer."""
        if self._pending is None:
            return None
        try:
            answer = self._answer = self._pending.advance()
            if answer is None:
                return None
            raw: Any = answer.raw
            return self._read(answer) if raw.complete else None
        except UPSTREAM_ERRORS as error:
            return outcome_of(error)

    def finish(self) -> Outcome:
        """Read the answer; send the request first, if that is not done."""
        if self._request is None:
            stopped = self.begin()
            if stopped is not None:
                return stopped
        answer = self._answer
        try:
            # Not "or": an answer of 4xx or 5xx is false, and must not be made twice.
            return self._read(self._awaited() if answer is None else answer)
        except UPSTREAM_ERRORS as error:
            return outcome_of(error)

    def _awaited(self) -> Response:
        if self._pending is not None:
            return self._pending.finish()
        session, timeouts, verify, cert = self._line
        if self._request is None:  # for mypy
            raise RuntimeError("a call was finished that never began")
        self._began = time.monotonic()
        return session.forward(self._request, timeouts, verify=verify, cert=cert)

    def _read(self, answer: Response) -> Outcome:
        half = self._half
        with answer:
            if not _read_all(answer, _discard if half is None else half.add) and half is not None:
                half.cut_off()
        seconds = time.monotonic() - self._began
        if half is not None:
            half.ended(answer.status_code, received_fields_of(answer), seconds)
        self._answered(answer.status_code, seconds)
        return Outcome.ANSWERED

    def __repr__(self) -> str:
        return f"<ShadowCall {self._request!r}>"


def _read_all(answer: Response, take: Callable[[bytes], None]) -> bool:
    """Read the body, as far as it is read at all; False if that is not its end."""
    size = 0
    for part in answer.raw.stream():
        size += len(part)
        take(part)
        # Chunk framing costs as well, and can be most of what is sent.
        if max(size, getattr(answer.raw, "wire_bytes", 0)) > MAX_ANSWER_BYTES:
            return False
    return True


def _discard(part: bytes) -> None:
    """What is done with a part that nobody compares."""
