"""One known difference: which groups it is about, why it is fine, and until when.

A leaf and a value.
"""

from __future__ import annotations

from datetime import date
from enum import Enum
from typing import Annotated, Protocol

from msgspec import Meta, Struct

# The part of groups that are failures of the shadow: these are meant only when named.
EXCHANGE = "exchange"
# The pattern of groups for which there was no room: nobody knows what is in there.
OVERFLOW = "…"

Text = Annotated[str, Meta(min_length=1, max_length=2000)]


class State(Enum):
    """What an entry is worth today."""

    IN_FORCE = "in force"
    NEVER_HIT = "never hit"  # in force, but about nothing that was seen
    EXPIRED = "expired"
    EXCEEDED = "exceeded"  # hit more often than its limit

    @property
    def excuses(self) -> bool:
        """Whether the differences it is about count as expected."""
        return self in (State.IN_FORCE, State.NEVER_HIT)


class GroupLike(Protocol):
    """What an entry asks of a group; ``store.values.Group`` and ``store.grouping.GroupKey``
    have it."""

    @property
    def shadow(self) -> str: ...
    @property
    def route(self) -> str: ...
    @property
    def part(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def pattern(self) -> str: ...


class Entry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An entry of the register, ``[[known]]`` in its file.

    ``pattern``: that of groups; in it ``*`` stands for any one step and ``**`` for any
    number of them. ``shadow``, ``route``, ``part``, ``kind``: None is any, but failures of
    the shadow (part "exchange"), which an entry is only about when it says so.
    ``expires``: the last day (UTC) on which it counts. ``added``: hits are counted from
    this day on, else as far back as the store goes. ``limit``: the most hits.
    """

    id: Annotated[str, Meta(pattern="^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=100)]
    pattern: Annotated[str, Meta(max_length=2000)]
    reason: Text
    owner: Text
    expires: date
    added: date | None = None
    limit: Annotated[int, Meta(ge=0)] | None = None
    shadow: Text | None = None
    route: Text | None = None
    part: Text | None = None
    kind: Text | None = None

    def covers(self, group: GroupLike) -> bool:
        """Whether it is about these differences, whatever its state."""
        if group.pattern == OVERFLOW or (group.part == EXCHANGE and self.part != EXCHANGE):
            return False
        wanted = (self.shadow, self.route, self.part, self.kind)
        have = (group.shadow, group.route, group.part, group.kind)
        if any(want is not None and want != is_ for want, is_ in zip(wanted, have, strict=True)):
            return False
        return _fits(self.pattern.split("/"), group.pattern.split("/"))

    def state(self, today: date, hits: int) -> State:
        """``hits``: exchanges with a difference it is about, since it was ``added``."""
        if today > self.expires:
            return State.EXPIRED
        if self.limit is not None and hits > self.limit:
            return State.EXCEEDED
        return State.IN_FORCE if hits else State.NEVER_HIT


def _fits(wanted: list[str], steps: list[str]) -> bool:
    """Glob over steps, with one place to go back to: linear but for the last ``**``."""
    at = step = 0
    back: tuple[int, int] | None = None
    while step < len(steps):
        if at < len(wanted) and wanted[at] == "**":
            back = at, step
            at += 1
        elif at < len(wanted) and wanted[at] in ("*", steps[step]):
            at, step = at + 1, step + 1
        elif back is not None:
            back = back[0], back[1] + 1
            at, step = back[0] + 1, back[1]
        else:
            return False
    return all(rest == "**" for rest in wanted[at:])
