"""One exchange with live, as it is kept in a file and sent again: a leaf and a value."""

from __future__ import annotations

from typing import NamedTuple

from gateway.compare.answer import Answer
from gateway.shadow.copy import Copy

# What an exchange takes beside its bodies and fields: the objects around them.
_OVERHEAD = 1024
_EACH_FIELD = 120


class Recorded(NamedTuple):
    """A request and what live answered.

    ``live``: None where live gave no answer, or none that is known. ``at``: when the
    request was received, in seconds since the epoch. ``route``: the name of its route,
    "" for none.
    """

    request: Copy
    live: Answer | None
    at: float
    route: str = ""

    @property
    def size(self) -> int:
        """About how many bytes it takes in memory."""
        answer = self.live
        fields = [*self.request.fields, *(answer.fields if answer else ())]
        bodies = len(self.request.body) + len((answer and answer.body) or b"")
        texts = sum(len(name) + len(value) for name, value in fields)
        return _OVERHEAD + bodies + texts + _EACH_FIELD * len(fields)
