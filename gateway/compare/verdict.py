"""What a comparison can come to, and what it finds: the comparison's vocabulary.

Code, metrics, store, dashboard, report and docs use these words and no others.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from enum import Enum
from typing import Any, NamedTuple

from gateway.compare.answer import Answer
from gateway.shadow.copy import Copy


class Verdict(Enum):
    """What became of one mirrored exchange. The first that differs names it, top down."""

    MATCH = "match"
    STATUS = "status"
    HEADERS = "headers"
    BODY = "body"
    SHADOW_FAILED = "shadow_failed"
    TIMED_OUT = "timed_out"
    NOT_COMPARED = "not_compared"

    # Every exchange is counted by it, and Enum's own is slow.
    __hash__ = object.__hash__


class Count(Enum):
    """The five counts that are never mixed. Every verdict falls in exactly one."""

    MATCH = "match"
    MATCH_AFTER_IGNORING = "match_after_ignoring"
    DIFFERS = "differs"
    NOT_COMPARABLE = "not_comparable"
    SHADOW_FAILED = "shadow_failed"


class NotCompared(Enum):
    """Why there was nothing to compare. The values are the reasons in metrics and store."""

    ABANDONED = "abandoned"  # the client left before live's answer was complete
    LIVE_FAILED = "live_failed"  # live gave no usable answer
    LIVE_NOT_ASKED = "live_not_asked"  # the gateway refused it (mirror.refused_by_gateway)
    NO_ROOM = "no_room"  # compare.max_bytes of captured answers were held
    QUEUE_FULL = "queue_full"  # the comparison did not keep up
    TOO_LARGE = "too_large"  # beyond the cap, and the digests cannot tell
    UNREADABLE = "unreadable"  # a content coding that cannot be taken off, within limits
    RULES_FAILED = "rules_failed"  # a hook raised, or took too long
    SWITCHED_OFF = "switched_off"  # by the route's rules


class Kind(Enum):
    """How one place differs."""

    STATUS = "status"
    MISSING = "missing"  # live has it, the shadow has not
    ADDED = "added"  # the shadow has it, live has not
    TYPE = "type"  # another JSON type
    VALUE = "value"
    ORDER = "order"  # the same members in another order
    REQUIRED = "required"  # a required path that the shadow's answer lacks
    CONTENT = "content"  # bodies that are no JSON, byte for byte


class Part(Enum):
    """Where in an answer."""

    STATUS = "status"
    HEADERS = "headers"
    BODY = "body"

    # As with Verdict: every comparison asks for each of them.
    __hash__ = object.__hash__


class Difference(NamedTuple):
    """One place in which the answers differ.

    ``pointer``: in the body an RFC 6901 JSON Pointer ("" is the whole of it), among the
    headers "/" and the field's lower-case name, "" for the status. ``pattern``: the
    pointer with array indices folded to ``*``: what differences are grouped by.
    ``live`` and ``shadow``: both values (JSON values with Decimal numbers, or text),
    None where there is none. ``shadow_pointer``: the place in the shadow's body where
    that is another one, since items of arrays were put together by what they are.
    """

    part: Part
    kind: Kind
    pointer: str
    pattern: str
    live: Any = None
    shadow: Any = None
    shadow_pointer: str | None = None


class Drift(NamedTuple):
    """A money field that differs: shadow less live, in minor units of its currency."""

    pointer: str
    currency: str
    minor_units: Decimal


class Comparison(NamedTuple):
    """What comparing two answers came to.

    ``differences``: those that count, at most ``compare.max_differences``. ``ignored``:
    how many were set aside by rules. ``drift``: of money fields, also within tolerance.
    ``reason``: why, for ``not_compared``, ``shadow_failed`` and ``timed_out``.
    """

    verdict: Verdict
    reason: str = ""
    differences: tuple[Difference, ...] = ()
    ignored: int = 0
    drift: tuple[Drift, ...] = ()

    @property
    def counts_as(self) -> Count:
        """Which of the five counts it is in."""
        if self.verdict is Verdict.MATCH:
            return Count.MATCH_AFTER_IGNORING if self.ignored else Count.MATCH
        return _COUNTS.get(self.verdict, Count.DIFFERS)


_COUNTS = {
    Verdict.NOT_COMPARED: Count.NOT_COMPARABLE,
    Verdict.SHADOW_FAILED: Count.SHADOW_FAILED,
    Verdict.TIMED_OUT: Count.SHADOW_FAILED,
}


class Judged(NamedTuple):
    """One mirrored exchange with its verdict: what hooks, metrics and the store are given.

    ``request``: as the shadow was offered it. ``route``: the name of its route, "" for
    none. ``at``: when it was received (seconds since the epoch). ``live`` and ``answer``:
    both sides, None where there is none.
    """

    shadow: str
    request: Copy
    route: str
    at: float
    live: Answer | None
    answer: Answer | None
    comparison: Comparison


class Tally(NamedTuple):
    """So many exchanges of which nothing but the verdict is known: there was no room for more.

    What keeps counts adds ``number`` to that of ``comparison.verdict`` and ``counts_as``.
    """

    shadow: str
    route: str
    comparison: Comparison
    number: int


# Who is given verdicts, on the comparing thread. Must not block; what it raises is logged.
# A Tally comes where there are no exchanges to tell of, so that counts stay exact.
Sink = Callable[[Judged | Tally], None]
