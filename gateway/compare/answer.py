"""One side's answer as it was captured: what live sent the client, or a shadow sent us.

A leaf and a value: nothing in it refers to a connection, a client or ``environ``.
"""

from __future__ import annotations

from typing import NamedTuple

from gateway.headers import Field


class Answer(NamedTuple):
    """An answer that came to its end.

    ``fields``: end-to-end fields in the order received, values as received.
    ``body``: the bytes as sent, still with their content coding; None when there were
    more than the cap, and then ``digest`` (BLAKE2b, 32 bytes) is that of all of them;
    None with it: there were more than 4 MiB, which nobody reads to the end. ``size``:
    bytes of the body, as far as it was read. ``seconds``: from the request being sent to the
    end of the answer.
    """

    status: int
    fields: tuple[Field, ...]
    body: bytes | None
    size: int
    seconds: float
    digest: bytes | None = None
