"""Proposes rules for what always differs although nothing is wrong: ids, times of day.

They are found in the store: from how often each place differs, and from the kept
examples, which show what differs together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from gateway.compare.noise import Proposal, Spot, as_toml, looks_made
from gateway.compare.verdict import Difference, Kind, Part
from gateway.settings.comparison import Noise as Rule
from gateway.store.errors import StoreError
from gateway.store.values import Filter, Group, Noise

if TYPE_CHECKING:
    from gateway.store.reader import Reader

# What somebody can set aside: a value, or an order.
_KINDS = {Kind.VALUE.value: Kind.VALUE, Kind.ORDER.value: Kind.ORDER}
_MOST_GROUPS, _MOST_EXAMPLES = 500, 6
_MOSTLY, _SURE = 0.5, 0.9

_Place = tuple[str, str, str]
_Examples = list[tuple[Difference, ...]]


def suggested(reader: Reader, where: Filter, rule: Rule) -> str:
    """Rules as TOML to paste, "" where there is nothing to propose. Raises ``StoreError``."""
    noise = {
        (row.route, row.part, row.pattern): row
        for row in reader.noise(where)
        if row.compared >= rule.exchanges and row.differs > row.compared * rule.percent / 100
    }
    groups = [
        group
        for group in reader.groups(where, limit=_MOST_GROUPS).groups
        if _place_of(group) in noise and group.kind in _KINDS
    ]
    examples: dict[_Place, _Examples] = defaultdict(list)
    for group in groups:
        examples[_place_of(group)] += _examples(reader, group)
    noisy = _noisy(examples)
    chosen = {place for place in examples if place in noisy}
    return as_toml(_proposals(chosen, groups, noise, examples))


def _place_of(group: Group) -> _Place:
    return group.route, group.part, group.pattern


def _examples(reader: Reader, group: Group) -> _Examples:
    found = []
    for head in reader.examples(group.id)[:_MOST_EXAMPLES]:
        try:
            example = reader.example(head.id)
        except StoreError:  # kept by a newer version
            continue
        if example is not None:
            found.append(example.judged.comparison.differences)
    return found


def _noisy(examples: Mapping[_Place, _Examples]) -> set[_Place]:
    """The places that mostly differ together with nothing but each other."""
    noisy = {place for place, found in examples.items() if found}
    while True:
        kept = {place for place in noisy if _mostly_alone(place, examples[place], noisy)}
        if kept == noisy:
            return noisy
        noisy = kept


def _mostly_alone(place: _Place, examples: _Examples, noisy: set[_Place]) -> bool:
    alone = sum(
        all((place[0], each.part.value, each.pattern) in noisy for each in differences)
        for differences in examples
    )
    return alone > _MOSTLY * len(examples)


def _proposals(
    chosen: set[_Place],
    groups: Iterable[Group],
    noise: Mapping[_Place, Noise],
    examples: Mapping[_Place, _Examples],
) -> list[Proposal]:
    found = {}
    for group in groups:
        place = _place_of(group)
        if place in chosen:
            row, spot = noise[place], Spot(Part(group.part), group.pattern, _KINDS[group.kind])
            sure = _sure(place, examples[place])
            found[group.route, spot] = Proposal(group.route, spot, row.differs, row.compared, sure)
    return sorted(found.values(), key=lambda each: (each.route, not each.sure, each.spot.pattern))


def _sure(place: _Place, examples: _Examples) -> bool:
    """Whether the values there look like ids or times."""
    here = [
        each
        for differences in examples
        for each in differences
        if (each.part.value, each.pattern) == place[1:]
    ]
    return bool(here) and sum(map(looks_made, here)) >= _SURE * len(here)
