"""Fields that always differ although nothing else does: what to propose as ignored.

Ids and times of day are made anew by each side. But so is a sum that is always a cent
too high: what does not look like an id or a time is proposed with a question mark.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from threading import Lock
from typing import NamedTuple

from gateway.compare.moments import moment_of
from gateway.compare.numbers import is_number
from gateway.compare.verdict import Comparison, Count, Difference, Kind, Part

# What somebody can set aside: a value, or an order.
_KINDS = frozenset({Kind.VALUE, Kind.ORDER})
_ID = re.compile(r"(?=[^0-9]*[0-9])[A-Za-z0-9_.:=+/-]{8,}")
_LONGEST_ID = 200
# Of one process. Exchanges that differ in a way not seen before, beyond these, are counted
# as differing otherwise: they make no proposal.
_MOST_SIGNATURES = 2000
_MOST_PLACES = 1000
# Of those in which it differs, in how many nothing that counts may differ, too.
_ALONE = 0.9
_SURE = 0.9


class Spot(NamedTuple):
    """What is proposed to be ignored: a field, or a place in JSON bodies."""

    part: Part
    pattern: str
    kind: Kind


# Stands for all differences that nobody should ignore.
_OTHERWISE = Spot(Part.STATUS, "", Kind.STATUS)


class Proposal(NamedTuple):
    """``differs`` of ``compared`` exchanges of a route. ``sure``: it looks like an id or a time."""

    route: str
    spot: Spot
    differs: int
    compared: int
    sure: bool


class NoiseCounter:
    """Counts in which places exchanges differ together.

    Threads: any may call it. The lock guards the counts; nothing blocks under it.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._compared: Counter[str] = Counter()
        # (route, places that differ together) → exchanges
        self._together: Counter[tuple[str, frozenset[Spot]]] = Counter()
        # (route, place) → how often both values looked like ids or times
        self._looks: Counter[tuple[str, Spot]] = Counter()

    def note(self, route: str, comparison: Comparison) -> None:
        """One exchange that was compared."""
        if comparison.counts_as in {Count.NOT_COMPARABLE, Count.SHADOW_FAILED}:
            return
        spots = {_spot(each): looks_made(each) for each in comparison.differences}
        with self._lock:
            self._compared[route] += 1
            key = route, frozenset(spots)
            if not spots or (len(self._together) >= _MOST_SIGNATURES and key not in self._together):
                return
            self._together[key] += 1
            for spot, made in spots.items():
                if made and len(self._looks) < _MOST_PLACES:
                    self._looks[route, spot] += 1

    def proposals(self, *, percent: float, exchanges: int) -> list[Proposal]:
        """What differs in more than so many percent of a route's exchanges, of which there
        are so many at least, although nothing but other such places does.
        """
        with self._lock:
            compared, together, looks = (
                dict(self._compared),
                dict(self._together),
                dict(self._looks),
            )
        found = []
        for route, number in compared.items():
            if number >= exchanges:
                own = {spots: n for (name, spots), n in together.items() if name == route}
                for spot, differs in _noisy(own, number * percent / 100).items():
                    sure = looks.get((route, spot), 0) >= _SURE * differs
                    found.append(Proposal(route, spot, differs, number, sure))
        return sorted(found, key=lambda each: (each.route, not each.sure, each.spot.pattern))

    def __repr__(self) -> str:
        return f"<NoiseCounter {len(self._together)} ways to differ>"


def _noisy(together: Mapping[frozenset[Spot], int], least: float) -> dict[Spot, int]:
    """The places that differ often, and then together with nothing but each other."""
    totals: Counter[Spot] = Counter()
    for spots, number in together.items():
        totals.update(dict.fromkeys(spots, number))
    del totals[_OTHERWISE]
    noisy = {spot for spot, number in totals.items() if number > least}
    while True:
        alone: Counter[Spot] = Counter()
        for spots, number in together.items():
            if spots <= noisy:
                alone.update(dict.fromkeys(spots, number))
        kept = {spot for spot in noisy if alone[spot] >= _ALONE * totals[spot]}
        if kept == noisy:
            return {spot: totals[spot] for spot in noisy}
        noisy = kept


def as_toml(proposals: Iterable[Proposal], general: str = "default") -> str:
    """Rules to paste into a settings file. ``general``: the route that means [compare]."""
    lines: list[str] = []
    by_route: dict[str, list[Proposal]] = {}
    for proposal in proposals:
        by_route.setdefault(proposal.route, []).append(proposal)
    for route, own in by_route.items():
        if route == general:
            lines.append("[compare]")
        else:
            lines += [f"# Below the [[routes]] of {_quoted(route)}:", "[routes.compare]"]
        lines += [line for name in ("ignore_headers", "ignore_paths") for line in _list(name, own)]
        for proposal in own:
            if proposal.spot.kind is Kind.ORDER:
                lines += [_remark(proposal), _array(proposal.spot, general=route == general)]
        lines.append("")
    return "\n".join(lines)


def _list(name: str, proposals: list[Proposal]) -> list[str]:
    part = Part.HEADERS if name == "ignore_headers" else Part.BODY
    own = [p for p in proposals if p.spot.part is part and p.spot.kind is Kind.VALUE]
    if not own:
        return []
    lines = [f"{name} = ["]
    for proposal in own:
        pattern = proposal.spot.pattern
        text = pattern[1:] if part is Part.HEADERS else path_of_pattern(pattern)
        mark = "" if proposal.sure else "#"
        lines += [f"  {_remark(proposal)}", f"  {mark}{_quoted(text)},"]
    return [*lines, "]"]


def _remark(proposal: Proposal) -> str:
    share = f"# differs in {proposal.differs} of {proposal.compared}"
    sure = proposal.sure or proposal.spot.kind is Kind.ORDER
    return share if sure else f"{share}, but looks like no id and no time: a bug?"


def _array(spot: Spot, *, general: bool) -> str:
    table = "compare.arrays" if general else "routes.compare.arrays"
    return f"[[{table}]]\npath = {_quoted(path_of_pattern(spot.pattern))}"


def path_of_pattern(pattern: str) -> str:
    """A pattern of differences as a JSON path."""
    path = "$"
    for step in pattern.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if name == "*":
            path += "[*]"
        elif re.fullmatch(r"[^\W\d]\w*", name):
            path += f".{name}"
        else:
            escaped = name.replace("\\", "\\\\").replace("'", "\\'")
            path += f"['{escaped}']"
    return path


def _quoted(text: str) -> str:
    """As a text of TOML; what an upstream wrote may have anything in it."""
    out = []
    for char in text:
        if char in '"\\':
            out.append(f"\\{char}")
        elif ord(char) < 32 or ord(char) == 127:
            out.append(f"\\u{ord(char):04x}")
        else:
            out.append(char)
    return f'"{"".join(out)}"'


def _spot(difference: Difference) -> Spot:
    if difference.kind not in _KINDS:
        return _OTHERWISE
    return Spot(difference.part, difference.pattern, difference.kind)


def looks_made(difference: Difference) -> bool:
    return _made(difference.live) and _made(difference.shadow)


def _made(value: object) -> bool:
    """Whether a value looks like something that is made anew each time."""
    if isinstance(value, str):
        short = len(value) <= _LONGEST_ID
        return moment_of(value, 1) is not None or (short and _ID.fullmatch(value) is not None)
    # Seconds and milliseconds since 1970, of this century.
    return is_number(value) and (10**9 < value < 2 * 10**9 or 10**12 < value < 2 * 10**12)  # type: ignore[operator]
