"""Keeps one side's answer while it streams past, within bounds, and delays nobody.

On live's side it stands in the mirror, on the thread of the request: an answer in
one part costs a reference to it and one reservation. Everything that can wait (to
join parts, to sort fields) is done when the answer is asked for, by the comparison.

Not done here: waiting, decoding, anything with what the bytes mean.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import NamedTuple

from gateway.budget import ByteBudget
from gateway.compare.answer import Answer
from gateway.compare.verdict import NotCompared
from gateway.headers import Field, end_to_end

# What a part takes beside its bytes: an object's head and its place in a list.
_PART_OVERHEAD = 64
# Shadows' answers are not read beyond this, so a digest of more has no counterpart.
MOST_DIGESTED = 4 * 1024 * 1024
_DIGEST_SIZE = 32


class Bounds(NamedTuple):
    """``budget``: bytes of all captures; ``max_body``: of one body, beyond it a digest."""

    budget: ByteBudget
    max_body: int


class Capture:
    """One answer. ``size``: bytes of its body so far. ``held``: bytes of the budget it has.

    Threads: one at a time; whoever adds has ended before another asks for the answer.
    """

    __slots__ = (
        "_bounds",
        "_digest",
        "_fields",
        "_given_up",
        "_parts",
        "_seconds",
        "_status",
        "held",
        "size",
    )

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._parts: list[bytes] | None = []
        self._given_up = False
        self._digest: blake2b | None = None
        self._status = 0
        self._fields: Iterable[Field] = ()
        self._seconds = 0.0
        self.size = 0
        self.held = 0

    def add(self, part: bytes) -> None:
        """A part of the body went past. Whatever it is, this does not raise."""
        if not isinstance(part, bytes):  # what no server would send: PEP 3333
            self.give_up()
            return
        size = self.size = self.size + len(part)
        parts = self._parts
        if parts is None:
            if self._digest is not None:
                self._digested(part)
        elif size > self._bounds.max_body:
            self._overflow(part)
        elif part:
            cost = len(part) + _PART_OVERHEAD
            if self._bounds.budget.reserve(cost):
                self.held += cost
                parts.append(part)
            else:
                self.give_up()

    def _overflow(self, part: bytes) -> None:
        """Too long to be kept: from here on there is only a digest of it."""
        digest = self._digest = blake2b(digest_size=_DIGEST_SIZE)
        for kept in self._parts or ():
            digest.update(kept)
        self._release()
        self._digested(part)

    def _digested(self, part: bytes) -> None:
        if self.size > MOST_DIGESTED:
            self._digest = None
        elif self._digest is not None:
            self._digest.update(part)

    def cut_off(self) -> None:
        """The rest will not be read: no bytes and no digest tell what it was."""
        self._digest = None
        self._release()

    def give_up(self) -> None:
        """There is no room, or nobody who wants it: keep nothing."""
        self._given_up = True
        self._digest = None
        self._release()

    def ended(self, status: int, fields: Iterable[Field], seconds: float) -> None:
        """It came to its end. ``fields``: as received, hop-by-hop included; not changed later."""
        self._status, self._fields, self._seconds = status, fields, seconds

    def answer(self) -> Answer | NotCompared:
        """What was captured, or why that is nothing."""
        if self._given_up:
            return NotCompared.NO_ROOM
        parts, body = self._parts, None
        if parts is not None:
            body = parts[0] if len(parts) == 1 else b"".join(parts)
            self._parts = [body]
        digest = self._digest.digest() if self._digest is not None else None
        fields = tuple(end_to_end(self._fields))
        return Answer(self._status, fields, body, self.size, self._seconds, digest)

    def _release(self) -> None:
        self._parts = None
        held, self.held = self.held, 0
        if held:
            self._bounds.budget.release(held)

    def __repr__(self) -> str:
        kept = "nothing" if self._given_up else "a digest" if self._parts is None else "all"
        return f"<Capture of {self.size} bytes, {kept} kept>"
