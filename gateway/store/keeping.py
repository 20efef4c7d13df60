"""Which exchanges are kept as examples: of each group the newest, and the smallest.

The newest show whether it still happens, the smallest is what a test is made of. Of
ten thousand that differ in the same way nearly all are passed over here, on the
comparing thread, by looking at two numbers. Those taken wait for the writer within a
bound of count and bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from gateway.compare.answer import Answer
from gateway.compare.verdict import Judged


class Candidate(NamedTuple):
    """An exchange that may be kept as an example of a group. ``size``: bytes of its contents."""

    group: str
    size: int
    judged: Judged


class _Memory:
    """What was taken of one group: the sizes of the smallest, and when it last was."""

    __slots__ = ("newest", "sizes")

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.newest = float("-inf")


class Keeping:
    """Takes a few examples of each group.

    ``each``: examples of a group; 0 keeps none. ``largest``: bytes of one; larger ones
    are kept without the answers' bodies, or not at all if it is the request that is
    large. ``pause``: seconds between two that are taken only because they are new.

    Threads: none of its own; the store calls it under its lock.
    """

    def __init__(
        self, *, each: int, largest: int, most: int, most_bytes: int, pause: float = 30.0
    ) -> None:
        self._each = each
        self._largest = largest
        self._most = most
        self._most_bytes = most_bytes
        self._pause = pause
        self._groups: dict[str, _Memory] = {}
        self._waiting: list[Candidate] = []
        self._bytes = 0
        # Examples that should have been kept, and for which there was no room.
        self.lost = 0

    def wanted(self, judged: Judged, groups: Iterable[str]) -> list[str]:
        """Those of its groups that want the exchange as an example: mostly none."""
        if not self._each or len(judged.request.body) > self._largest:
            return []
        size, at = size_of(judged), judged.at
        return [group for group in groups if self._wants(group, size, at)]

    def _wants(self, group: str, size: int, at: float) -> bool:
        memory = self._groups.get(group)
        if memory is None or len(memory.sizes) < self._each:
            return True
        return at >= memory.newest + self._pause or size < memory.sizes[-1]

    def offer(self, judged: Judged, groups: Iterable[str], size: int | None = None) -> None:
        """Let the exchange wait as an example of these groups.

        ``size``: what it had before it was redacted, by which small ones are told.
        """
        size = size_of(judged) if size is None else size
        if size > self._largest:
            judged = _without_bodies(judged)
        held = size_of(judged)
        for group in groups:
            if len(self._waiting) >= self._most or self._bytes + held > self._most_bytes:
                self.lost += 1
                continue
            self._waiting.append(Candidate(group, size, judged))
            self._bytes += held
            memory = self._groups.setdefault(group, _Memory())
            memory.newest = judged.at
            memory.sizes = sorted([*memory.sizes, size])[: self._each]

    def take(self) -> list[Candidate]:
        """All that wait, for the writer; they count until ``settled``."""
        taken, self._waiting = self._waiting, []
        return taken

    def settled(self, candidates: Iterable[Candidate]) -> None:
        """They are written, or given up."""
        self._bytes -= sum(size_of(candidate.judged) for candidate in candidates)

    def __repr__(self) -> str:
        return f"<Keeping [{len(self._waiting)} waiting, {self._bytes} bytes | {self.lost} lost]>"


def size_of(judged: Judged) -> int:
    """About the bytes that it holds."""
    request = judged.request
    fields = 20 * len(request.fields)
    return (
        len(request.target)
        + fields
        + len(request.body)
        + sum(
            len(answer.body or b"") + 20 * len(answer.fields)
            for answer in (judged.live, judged.answer)
            if answer is not None
        )
    )


def _without_bodies(judged: Judged) -> Judged:
    return judged._replace(live=_bodiless(judged.live), answer=_bodiless(judged.answer))


def _bodiless(answer: Answer | None) -> Answer | None:
    return None if answer is None else answer._replace(body=None)
