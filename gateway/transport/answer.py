"""An upstream's answer while its body is still on the way.

This is the ``raw`` of the ``requests.Response`` the adapter returns. It owns the
connection until the last byte is in: then the connection goes back to the pool;
if anything else happens first, it is thrown away.

If the upstream began to answer while it still reads the request, the rest of it
is sent while the body is read. Once the body is complete, what is then left is
sent before the end is reported, to an upstream that goes on reading; an answer
that ended is one, whether that succeeds or not.

The body is passed on as it comes and as it is: nothing is decoded, nothing is
waited for to fill a piece, nothing is kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from gateway.transport.budget import Budget
from gateway.transport.codec import Field, Head
from gateway.transport.connection import CHUNK, Connection
from gateway.transport.errors import AnswerCutShort, Expired
from gateway.transport.framing import Body
from gateway.transport.pool import Pool
from gateway.transport.upload import Upload


class Answer:
    """Head and streaming body of one answer. Used by one thread at a time.

    ``fields``: as received: order, repeats, casing; values without the space
    around them. ``content_length``: what the field says, also for ``HEAD``.
    ``complete``: the last byte has come (it may not have been taken yet).
    ``wire_bytes``: what has come behind the head so far, with all framing: where
    chunks are small, many times what is read.
    """

    __slots__ = (
        "_body",
        "_budget",
        "_closed",
        "_connection",
        "_pool",
        "_ready",
        "_reusable",
        "_upload",
        "content_length",
        "fields",
        "reason",
        "status",
        "version",
        "wire_bytes",
    )

    def __init__(self, head: Head, body: Body) -> None:
        self.status, self.reason, self.version, self.fields, self.content_length, _, _ = head
        self._body = body
        self._ready = b""
        self._closed = False
        self.wire_bytes = 0
        self._connection: Connection | None = None

    def attach(
        self,
        connection: Connection,
        pool: Pool,
        budget: Budget,
        upload: Upload,
        rest: bytes,
        *,
        reusable: bool,
    ) -> None:
        """Takes over the connection; ``rest`` came behind the head. May raise ``BadAnswer``."""
        if rest:
            self._ready = self._feed(rest)
        self._pool, self._budget, self._reusable = pool, budget, reusable
        self._upload = upload
        self._connection = connection
        if self._body.done:
            self._end()

    @classmethod
    def whole(cls, head: Head, body: Body, content: bytes) -> Answer:
        """An answer that came from no connection: a test library's."""
        answer = cls(head, body)
        answer._ready = answer._feed(content) if content else b""
        if not body.done:
            body.end()
        return answer

    @property
    def complete(self) -> bool:
        return self._body.done

    @property
    def waiting(self) -> bool:
        """Whether the next piece of the body has yet to arrive."""
        return not self._ready and not self._body.done

    @property
    def trailers(self) -> list[Field]:
        """The fields after a chunked body; empty until it is complete."""
        return list(self._body.trailers)

    def stream(
        self, amt: int | None = CHUNK, decode_content: bool | None = None
    ) -> Iterator[bytes]:
        """The body as it arrives, in pieces of at most ``amt`` bytes.

        ``decode_content`` is what ``requests`` passes to urllib3; bodies are
        never decoded here.
        """
        # Most answers are short, and here with their head.
        if self._connection is None and self._body.done and len(self._ready) <= (amt or CHUNK):
            piece, self._ready = self._ready, b""
            return iter((piece,) if piece else ())
        return iter(partial(self.read1, amt), b"")

    def read(self, amt: int | None = None, decode_content: bool | None = None) -> bytes:
        """All that is left, or with ``amt`` at most so much; ``b""`` at the end."""
        return self.read1(amt) if amt is not None else b"".join(self.stream())

    def read1(self, amt: int | None = CHUNK) -> bytes:
        """What has arrived, waiting only if that is nothing; ``b""`` at the end.

        Raises ``AnswerCutShort``, ``BadAnswer``, ``ReadTimedOut``, ``DeadlineExceeded``.
        """
        piece = self._ready or self._next()
        if amt is not None and len(piece) > amt:
            self._ready = piece[amt:]
            return piece[:amt]
        self._ready = b""
        return piece

    def close(self) -> None:
        """Ends the answer. The connection of one that is not complete is thrown away."""
        self._closed = True
        if self._connection is not None:
            self._let_go(reuse=False)

    def _next(self) -> bytes:
        body = self._body
        try:
            while not body.done:
                data = self._receive()
                piece = self._feed(data) if data else body.end()
                if body.done:
                    self._end()
                if piece:
                    return piece
            if self._connection is not None:
                self._upload.finish(self._budget)
                self._end()
        except BaseException:
            self._let_go(reuse=False)
            raise
        return b""

    def _feed(self, data: bytes) -> bytes:
        self.wire_bytes += len(data)
        return self._body.feed(data)

    def _receive(self) -> bytes:
        if self._connection is None:
            raise AnswerCutShort("given up before the end of the body", "body")
        try:
            if self._upload.open:
                return self._upload.receive(self._budget)
            return self._connection.receive(self._budget.silence())
        except Expired:
            raise self._budget.expired("body") from None
        except OSError as error:
            raise AnswerCutShort(f"the body broke off: {error}", "body") from error

    def _end(self) -> None:
        """The body is complete. While the request is not, the connection has work to do."""
        if not self._upload.open:
            self._let_go(reuse=self._reusable and self._upload.sent)

    def _let_go(self, *, reuse: bool) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            (self._pool.release if reuse else self._pool.discard)(connection)

    def __del__(self) -> None:
        # Dropped without close(). This may run inside the pool's lock, so the
        # pool is only told; closing the socket needs no lock.
        connection = self._connection
        if connection is not None:
            connection.close()
            self._pool.orphans.append(connection)

    def __repr__(self) -> str:
        state = "complete" if self.complete else "closed" if self._closed else "streaming"
        return f"<Answer {self.status} [{state}]>"
