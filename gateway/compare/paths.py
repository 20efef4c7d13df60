"""JSON paths: which places of a document a rule is about.

A leaf: the settings check paths with it, the rules are compiled from what it reads.
The part of RFC 9535 that names places: ``$``, ``.name``, ``['any name']``, ``[0]``,
``[*]`` and ``.*`` for each, and ``..`` for any depth. No filters, slices and lists.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

from gateway.errors import GatewayError


class Wild(Enum):
    """The steps that are no name and no index."""

    EACH = "[*]"  # any one member or item
    DEEP = ".."  # any number of levels, none included


Step = str | int | Wild

# More levels than anybody's documents have; each makes a path dearer to follow.
_MOST_STEPS = 64
_TOKEN = re.compile(
    r"(?P<deep>\.\.)?(?:"
    r"(?P<each>\[\*\]|(?:(?<=\.\.)|\.)\*)"
    r"|\[(?P<index>0|[1-9][0-9]{0,8})\]"
    r"|\[(?:'(?P<single>(?:[^'\\]|\\.)*)'|\"(?P<double>(?:[^\"\\]|\\.)*)\")\]"
    r"|(?:(?<=\.\.)|\.)(?P<name>[^\W\d][\w-]*))"
)
_ESCAPE = re.compile(r"\\(.)")


class PathError(GatewayError):
    """A path that cannot be read. The text says what is wrong with it."""


class Path(NamedTuple):
    """``steps``: from the root to the place. ``text``: as it was written."""

    text: str
    steps: tuple[Step, ...]


def parse_path(text: str) -> Path:
    """Reads a path. Raises ``PathError``."""
    if not text.startswith("$"):
        raise PathError(f'did you mean "{_with_root(text)}"?')
    steps: list[Step] = []
    position = 1
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token is None:
            raise PathError(_explained(text[position:]))
        if token["deep"]:
            steps.append(Wild.DEEP)
        steps.append(_step(token))
        position = token.end()
    if len(steps) > _MOST_STEPS:
        raise PathError(f"it has more than {_MOST_STEPS} steps")
    return Path(text, tuple(steps))


def parse_member(text: str) -> tuple[Step, ...]:
    """Where an item's key is: a plain name, or a path from the item to one place."""
    steps = parse_path(text).steps if text.startswith("$") else (text,)
    if not steps or any(isinstance(step, Wild) for step in steps):
        raise PathError("it must lead to one place: no *, and no ..")
    return steps


def relative_to(path: Path, other: Path) -> tuple[int | None, tuple[Step, ...]]:
    """How to get from a place of ``path`` to the one of ``other`` that belongs to it: so
    many levels up, None for to the root, and the steps from there. What both begin with
    means the same place. Raises ``PathError`` where there could be several.
    """
    steps, others = path.steps, other.steps
    shared = 0
    while shared < min(len(steps), len(others)) and steps[shared] == others[shared]:
        shared += 1
    if not any(isinstance(step, Wild) for step in others):
        return None, others
    down = others[shared:]
    if any(isinstance(step, Wild) for step in down) or Wild.DEEP in steps[shared:]:
        raise PathError("it must begin like `path`, up to its own last * or ..")
    return len(steps) - shared, down


def path_fault(text: str) -> str | None:
    """What is wrong with a path, for the settings."""
    return _fault(parse_path, text)


def member_fault(text: str) -> str | None:
    """What is wrong with the path of a key, for the settings."""
    return _fault(parse_member, text) if text else ""


def _fault(parse: Callable[[str], object], text: str) -> str | None:
    try:
        parse(text)
    except PathError as error:
        return str(error)
    return None


def _step(token: re.Match[str]) -> Step:
    if token["each"]:
        return Wild.EACH
    if token["index"]:
        return int(token["index"])
    if token["name"]:
        return token["name"]
    quoted = token["single"] if token["single"] is not None else token["double"]
    return _ESCAPE.sub(r"\1", quoted)


def _with_root(text: str) -> str:
    return f"${text}" if text[:1] in {".", "["} else f"$.{text}"


def _explained(rest: str) -> str:
    if rest.startswith("[?"):
        return "filters cannot be used here"
    if re.match(r"\[[^\]'\"]*[:,]", rest):
        return "slices and lists cannot be used here; write a path for each"
    if rest.startswith("[-"):
        return "items are counted from the beginning"
    if rest in {".", ".."}:
        return f"after {rest} there is a name"
    return f"{rest[:20]!r} is no step; names of other characters are written ['so']"
