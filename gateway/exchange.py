"""What is known about one live request while it is in progress.

A leaf: middlewares, the mirror and the live proxy write what they learn into
it; metrics and logs read it when the answer is closed. It lives in ``environ``.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from gateway.ids import SOURCES, request_id_of
from gateway.shadow.outcome import Outcome

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_KEY = "gateway.exchange"


class LiveOutcome(str, Enum):
    """What became of a request on the live side."""

    ANSWERED = "answered"  # any status below 400, to the end
    REFUSED = "refused"  # live said 4xx or 5xx
    FAILED = "failed"  # live was unreachable, too slow, or broke off
    ABANDONED = "abandoned"  # the client left before the answer was complete
    NOT_ASKED = "not_asked"  # a middleware refused the request before it came to live


class Refused(NamedTuple):
    """Which middleware refused a request, and for which of its reasons."""

    middleware: str
    reason: str


class Exchange:
    """One live request. Used by one thread at a time; times are monotonic seconds."""

    __slots__ = (
        "client",
        "copies",
        "id",
        "identity",
        "live",
        "mirrored",
        "missed",
        "received",
        "refused",
        "route",
        "status",
        "trace",
        "upstream",
        "upstream_seconds",
    )

    def __init__(self, request_id: str, received: float) -> None:
        self.id = request_id
        self.received = received
        self.status: int | None = None
        self.live: LiveOutcome | None = None
        # The URL of the live upstream that was called; a bounded set, fit for labels.
        self.upstream: str | None = None
        # From the first byte sent to live until its answer's head was there.
        self.upstream_seconds: float | None = None
        # Set once the copies were offered or skipped: the ledger has this request.
        self.mirrored = False
        # Names of the shadows whose pool took a copy.
        self.copies: tuple[str, ...] = ()
        # The other shadows, and why they took none.
        self.missed: tuple[tuple[str, Outcome], ...] = ()
        # The client's address, once somebody found out (trusted proxies considered).
        self.client: str | None = None
        # Who the client proved to be.
        self.identity: str | None = None
        # The name of the route that applies; a bounded set, fit for labels.
        self.route: str | None = None
        # The request's place in a trace, where there is one; its meaning is the tracer's.
        self.trace: object | None = None
        # Set when a middleware answered instead of live.
        self.refused: Refused | None = None

    @classmethod
    def of(cls, environ: WSGIEnvironment, id_from: Sequence[str] = SOURCES) -> Exchange:
        """The exchange of this request; made by whoever asks first.

        ``id_from``: where its id may be taken from, see ``gateway.ids``.
        """
        known = environ.get(_KEY)
        if known is None:
            received = environ.get("gateway.received") or time.monotonic()
            known = environ[_KEY] = cls(request_id_of(environ, id_from), received)
        return known

    def __repr__(self) -> str:
        live = self.live.value if self.live else "in progress"
        return f"<Exchange {self.id} {self.status} {live}>"


def describe(environ: WSGIEnvironment) -> str:
    """A request in a log line: method, target, client, and the id that finds its answer.

    Without the query: it may hold what is nobody's business.
    """
    target = environ.get("RAW_URI") or environ.get("PATH_INFO", "")
    exchange = Exchange.of(environ)
    client = exchange.client or environ.get("REMOTE_ADDR") or "a local client"
    path = target.partition("?")[0]
    return f"{environ['REQUEST_METHOD']} {path} from {client} [{exchange.id}]"
