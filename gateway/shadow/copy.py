"""What a shadow is given of a live request: by value, nothing shared but bytes."""

from __future__ import annotations

from typing import NamedTuple

from gateway.forwarded import Client
from gateway.headers import Field

_NOBODY = Client("", "http", "")


class Copy(NamedTuple):
    """One live request, frozen when it arrived.

    ``target``: raw, in origin-form. ``fields``: as received, hop-by-hop included.
    ``body``: immutable bytes, shared with live's reader at no cost. ``trace``: the
    live request's place in a trace, for whoever makes spans.
    """

    request_id: str
    method: str
    target: str
    fields: tuple[Field, ...]
    body: bytes
    had_body: bool
    client: Client = _NOBODY
    trace: object | None = None

    def field(self, name: str) -> str | None:
        """The first value of a header field, by lower-case name."""
        return next((value for key, value in self.fields if key.lower() == name), None)
