"""A request that is out, and whose answer somebody awaits together with many others.

Made by the adapter's ``begin``; not used on the live side, where a thread
waits for its one answer. Whoever has it waits until ``fileno`` is readable,
then asks ``advance``; what that does not complete, ``finish`` does, waiting.
"""

from __future__ import annotations

from collections.abc import Callable

from requests import Response

from gateway.transport.answer import Answer
from gateway.transport.codec import Head
from gateway.transport.connection import Connection
from gateway.transport.exchange import Exchange
from gateway.transport.pool import Pool


class Pending:
    """One call between its request and its answer's head.

    ``ends``: the moment (monotonic) until which the head has to be there.
    ``sent``: all of the request is out; if not, only ``finish`` goes on sending.

    *Threads*: used by one thread at a time. Only ``finish`` waits.
    """

    __slots__ = ("_connection", "_exchange", "_pool", "_respond", "ends")

    def __init__(
        self,
        exchange: Exchange,
        pool: Pool,
        connection: Connection,
        ends: float,
        respond: Callable[[Answer], Response],
    ) -> None:
        self._exchange = exchange
        self._pool = pool
        self._connection = connection
        self._respond = respond
        self.ends = ends

    @property
    def sent(self) -> bool:
        return self._exchange.upload.sent

    def fileno(self) -> int:
        return self._connection.fileno()

    def advance(self) -> Response | None:
        """The answer, if its head has come. Raises what ``errors.py`` lists."""
        return self._result(self._exchange.advance)

    def finish(self) -> Response:
        """The answer, as soon as its head is there. Raises what ``errors.py`` lists."""
        response = self._result(self._exchange.finish)
        if response is None:  # for mypy: ``finish`` returns a head or raises
            raise RuntimeError("an exchange finished without a head")
        return response

    def _result(self, step: Callable[[], Head | None]) -> Response | None:
        try:
            head = step()
            if head is None:
                return None
            return self._respond(self._exchange.answer(head, self._pool))
        except BaseException:
            self._pool.discard(self._connection)
            raise

    def __repr__(self) -> str:
        return f"<Pending over {self._connection!r}>"
