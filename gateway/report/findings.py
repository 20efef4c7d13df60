"""The groups of differences as the bugs they are: what each looks like, what follows from it.

An invoice with a wrong tax has a wrong total, too: where one place never differs
without another, the other comes first and the one is told with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec.structs import replace

from gateway.compare.verdict import Difference
from gateway.known.entry import EXCHANGE
from gateway.known.standing import Standing
from gateway.report.content import Finding, Shown
from gateway.report.texts import value_text
from gateway.store.errors import StoreError
from gateway.store.grouping import key_of
from gateway.store.values import Example, Group

if TYPE_CHECKING:
    from gateway.store.reader import Reader

# Groups that are looked into; of each of them so many examples.
_MOST, _EXAMPLES = 40, 3
# How many times more frequent another one may be.
_SELDOM = 10
# RFC 9110 section 9.2.1: they ask, and change nothing.
_SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_PARTS = ("exchange", "status", "headers", "body")


class _Seen(NamedTuple):
    """A group, what its kept examples show, and the ids of all groups in all of them."""

    group: Group
    shown: Shown | None
    weight: float
    always: frozenset[str]
    known: str | None

    @property
    def rank(self) -> tuple[Any, ...]:
        """The most frequent first; of equally frequent ones the likely cause."""
        part = _PARTS.index(self.group.part) if self.group.part in _PARTS else len(_PARTS)
        return -self.group.number, part, -self.weight, self.group.pattern, self.group.id


def findings(reader: Reader, groups: Sequence[Group], register: Standing) -> list[Finding]:
    """The most frequent groups, those that follow from another one with that."""
    seen = sorted((_seen(reader, group, register) for group in groups[:_MOST]), key=_rank)
    leads: list[tuple[_Seen, list[Group]]] = []
    for each in seen:
        follows = next((found for lead, found in leads if _leads(lead, each)), None)
        if follows is None:
            leads.append((each, []))
        else:
            follows.append(each.group)
    found = [Finding(lead.group, lead.shown, follows, lead.known) for lead, follows in leads]
    return _cause_first(found)


def _cause_first(found: list[Finding]) -> list[Finding]:
    """What was seen before anything that is more frequent comes before that.

    Only if a request did it that changes something: a wrong invoice is listed wrongly by
    all that read it afterwards, and reads are many.
    """
    open_ones = [each for each in found if each.known is None]
    changing = [each for each in open_ones if each.shown and each.shown.method not in _SAFE]
    if len(open_ones) < 2 or not changing:
        return found
    first = min(changing, key=lambda each: each.group.first_seen)
    others = [each.group for each in open_ones if each is not first]
    often = first.group.number * _SELDOM >= max(group.number for group in others)
    if not often or any(group.first_seen <= first.group.first_seen for group in others):
        return found
    return [replace(first, begins=True), *(each for each in found if each is not first)]


def _rank(seen: _Seen) -> tuple[Any, ...]:
    return seen.rank


def _leads(lead: _Seen, other: _Seen) -> bool:
    """Whether the other was never seen without this one, and is none of its causes.

    What differs less often may be a part of the reason, if it differs by more of itself.
    """
    likely = lead.group.number == other.group.number or lead.weight >= other.weight
    return likely and lead.known == other.known and lead.group.id in other.always


def _seen(reader: Reader, group: Group, register: Standing) -> _Seen:
    known = register.of(group)
    by = known.entry.id if known is not None and known.state.excuses else None
    examples = _examples(reader, group)
    always = [frozenset(_groups_of(example, group)) for example in examples]
    together = frozenset.intersection(*always) if always else frozenset()
    shown, weight = _shown(examples[0], group) if examples else (None, 0.0)
    return _Seen(group, shown, weight, together, by)


def _examples(reader: Reader, group: Group) -> list[Example]:
    found = []
    for head in reader.examples(group.id)[:_EXAMPLES]:
        try:
            example = reader.example(head.id)
        except StoreError:  # kept by a newer version, or removed meanwhile
            continue
        if example is not None:
            found.append(example)
    return found


def differences_of(example: Example, group: Group) -> list[Difference]:
    """The differences of an example that are this group's."""
    return [
        each
        for each in example.judged.comparison.differences
        if key_of(group.shadow, group.route, each).id == group.id
    ]


def _groups_of(example: Example, group: Group) -> Iterable[str]:
    differences = example.judged.comparison.differences
    return (key_of(group.shadow, group.route, each).id for each in differences)


def _shown(example: Example, group: Group) -> tuple[Shown | None, float]:
    if group.part == EXCHANGE:
        answered = example.head.live_status
        status = str(answered) if answered is not None else None
        return _made(example, "", status, None), 0.0
    each = next(iter(differences_of(example, group)), None)
    if each is None:
        return None, 0.0
    live, shadow = (None if side is None else value_text(side) for side in (each.live, each.shadow))
    return _made(example, each.pointer, live, shadow), _weight(each.live, each.shadow)


def _made(example: Example, pointer: str, live: str | None, shadow: str | None) -> Shown:
    head = example.head
    return Shown(head.request_id, head.at, head.method, head.target, pointer, live, shadow)


def _weight(live: Any, shadow: Any) -> float:
    """How large a difference of numbers is beside the number: a sum has less than its parts."""
    try:
        one, other = Decimal(str(live)), Decimal(str(shadow))
        return float(abs(one - other) / max(abs(one), abs(other)))
    except (ArithmeticError, ValueError):
        return 0.0
