"""What our parts on both sides of urllib3 have to tell each other about one call."""

from __future__ import annotations

import math
from collections.abc import Iterator

from gateway.transport.budget import Budget
from gateway.transport.connection import CHUNK
from gateway.transport.errors import Phase
from gateway.transport.message import OutboundRequest


class Call(dict[str, str]):
    """One request with its deadlines; ``phase`` is how far it has come.

    An empty dict for urllib3, in the place of the request's header fields: that
    is what it hands through to the connection, which sends the exact bytes.
    """

    def __init__(self, request: OutboundRequest, budget: Budget) -> None:
        super().__init__()
        self.budget = budget
        self.origin = request.origin
        self.phase: Phase = "checkout"
        self._request = request
        # Made here, before anything is sent: that it cannot be made is the caller's error.
        self._body = request.body or b"".join(request.parts or ())

    def copy(self) -> Call:
        """urllib3 changes a copy; there is nothing here that it could change."""
        return self

    def pieces(self) -> Iterator[bytes | memoryview]:
        """What is sent, byte for byte."""
        head, body = self._request.head, self._body
        if len(body) <= CHUNK:
            yield head + body
            return
        yield head
        view = memoryview(body)
        for start in range(0, len(view), CHUNK):
            yield view[start : start + CHUNK]

    def left(self, until: float) -> float | None:
        """Seconds until a moment, as sockets' time-outs: None is no limit.

        Raises what ``Budget.expired`` makes when there are none.
        """
        left = until - self.budget.clock()
        if left <= 0:
            raise self.budget.expired(self.phase)
        return None if math.isinf(left) else left

    def __repr__(self) -> str:
        return f"<Call {self._request!r} [{self.phase}]>"
