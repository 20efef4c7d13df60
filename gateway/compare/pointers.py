"""Places in a document while it is walked through, and their names when one is reported.

A trail is a chain of steps back to the root, so that going down costs one small tuple and
a pointer is only written for what differs.
"""

from __future__ import annotations

import re
from typing import Any

# (trail to the container, key in live's, key in the shadow's). The keys differ where
# items of arrays were put together by what they are. None is the root.
Trail = tuple[Any, Any, Any] | None

# Members that are called by an id, as in {"4711": {…}}: one pattern for all of them.
_ID = re.compile(r"[0-9]+|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9a-fA-F]{16,}")


def live_keys(trail: Trail) -> list[str | int]:
    """From the root down, in live's document."""
    return _keys(trail, 1)


def shadow_keys(trail: Trail) -> list[str | int]:
    """From the root down, in the shadow's document."""
    return _keys(trail, 2)


def _keys(trail: Trail, side: int) -> list[str | int]:
    keys = []
    while trail is not None:
        keys.append(trail[side])
        trail = trail[0]
    keys.reverse()
    return keys


def pointer_to(keys: list[str | int]) -> str:
    """An RFC 6901 JSON Pointer."""
    return "".join(f"/{escaped(key)}" for key in keys)


def pattern_of(keys: list[str | int]) -> str:
    """The pointer with indices, and names that are ids, folded to ``*``."""
    return "".join(f"/{folded(key)}" for key in keys)


def folded(key: str | int) -> str:
    """One step of a pattern."""
    return "*" if isinstance(key, int) or _ID.fullmatch(key) else escaped(key)


def escaped(key: str | int) -> str:
    """One step of a pointer (RFC 6901 section 3)."""
    return str(key).replace("~", "~0").replace("/", "~1")


def keys_in(pointer: str) -> list[str]:
    """The steps of a pointer, unescaped; indices are texts."""
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]
