"""An answer over urllib3 in the shape of ``gateway.transport.answer.Answer``.

This is the ``raw`` of the response that ``StockAdapter`` returns. The body passes
as it comes and as it is; failures are this package's own.
"""

from __future__ import annotations

from collections.abc import Iterator

from urllib3 import BaseHTTPResponse

from gateway.transport.connection import CHUNK
from gateway.transport.errors import AnswerCutShort, TransportError
from gateway.transport.stock.call import Call
from gateway.transport.stock.failures import UPSTREAM_FAILURES, translated
from gateway.transport.stock.reading import Field, FinalAnswer


class StockAnswer:
    """One answer. Used by one thread at a time.

    ``complete``: the last byte has been read, or was here with the head.
    """

    def __init__(self, raw: BaseHTTPResponse, call: Call) -> None:
        # None for what the `responses` library makes.
        head = getattr(raw, "_original_response", None)
        self._head: FinalAnswer | None = head if isinstance(head, FinalAnswer) else None
        self.status = raw.status
        self.reason = (raw.reason or "").strip(" \t")
        self.version = raw.version
        self.fields = self._head.fields if self._head else list(raw.headers.iteritems())
        self.complete = False
        self._raw = raw
        self._call = call
        self._broken: TransportError | None = None
        call.phase = "body"
        if raw.length_remaining == 0:
            self.read1()  # gives the connection back

    @property
    def content_length(self) -> int | None:
        """What the field says, also for ``HEAD``."""
        values = [value for name, value in self.fields if name.lower() == "content-length"]
        return int(values[0]) if values else None

    @property
    def trailers(self) -> list[Field]:
        """``http.client`` drops them."""
        return []

    @property
    def wire_bytes(self) -> int:
        """What has come behind the head so far, with all framing."""
        return self._head.wire_bytes if self._head else 0

    @property
    def waiting(self) -> bool:
        """Whether the next piece of the body has yet to arrive."""
        return not self.complete and self._head is not None and not self._head.unread

    def stream(
        self, amt: int | None = CHUNK, decode_content: bool | None = None
    ) -> Iterator[bytes]:
        """Yields the body as it arrives, undecoded."""
        while piece := self.read1(amt):
            yield piece

    def read(self, amt: int | None = None, decode_content: bool | None = None) -> bytes:
        """All that is left, or with ``amt`` at most so much; ``b""`` at the end."""
        return self.read1(amt) if amt is not None else b"".join(self.stream())

    def read1(self, amt: int | None = CHUNK) -> bytes:
        """What has arrived, waiting only if that is nothing; ``b""`` at the end."""
        if self._broken is not None:
            raise self._broken
        if self.complete:
            return b""
        try:
            piece = self._raw.read1(amt or CHUNK, decode_content=False)
        except UPSTREAM_FAILURES as error:
            self._broken = translated(error, self._call)
            raise self._broken from error
        self.complete = not piece or self._raw.length_remaining == 0
        return piece

    def close(self) -> None:
        """Ends the answer. The connection is thrown away, unless the whole answer is here."""
        left = self._raw.length_remaining
        if left is not None and self._head is not None and left <= self._head.unread:
            self.read()
        if not self.complete:
            self._broken = AnswerCutShort("given up before the end of the body", "body")
            self._raw.close()
            self._raw.release_conn()

    def release_conn(self) -> None:
        """For ``requests``: the connection of a complete answer went back by itself."""

    def __repr__(self) -> str:
        return f"<StockAnswer {self.status} [{'complete' if self.complete else 'streaming'}]>"
