"""What always differs although nothing else does, as rules to paste into the settings.

Ids and times of day are made anew by each side. But so is a sum that is always a cent
too high: what does not look like an id or a time is proposed with a question mark.
Which places those are is found in the store, by ``report.suggestions``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from gateway.compare.moments import moment_of
from gateway.compare.numbers import is_number
from gateway.compare.verdict import Difference, Kind, Part

_ID = re.compile(r"(?=[^0-9]*[0-9])[A-Za-z0-9_.:=+/-]{8,}")
_LONGEST_ID = 200


class Spot(NamedTuple):
    """What is proposed to be ignored: a field, or a place in JSON bodies."""

    part: Part
    pattern: str
    kind: Kind


class Proposal(NamedTuple):
    """``differs`` of ``compared`` exchanges of a route. ``sure``: it looks like an id or a time."""

    route: str
    spot: Spot
    differs: int
    compared: int
    sure: bool


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


def looks_made(difference: Difference) -> bool:
    """Whether both values look like ids or times."""
    return _made(difference.live) and _made(difference.shadow)


def _made(value: object) -> bool:
    """Whether a value looks like something that is made anew each time."""
    if isinstance(value, str):
        short = len(value) <= _LONGEST_ID
        return moment_of(value, 1) is not None or (short and _ID.fullmatch(value) is not None)
    # Seconds and milliseconds since 1970, of this century.
    return is_number(value) and (10**9 < value < 2 * 10**9 or 10**12 < value < 2 * 10**12)  # type: ignore[operator]
