"""What is shown of two bodies that differ and are no JSON: the surroundings of the first
byte that is another one.
"""

from __future__ import annotations

import re

_BEFORE, _AFTER = 80, 400
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1f]")
_CHUNK = 4096


def around_the_difference(live: bytes, shadow: bytes) -> tuple[str, str]:
    """An excerpt of each, beginning at the same place."""
    start = max(0, first_difference(live, shadow) - _BEFORE)
    one, other = live[start : start + _BEFORE + _AFTER], shadow[start : start + _BEFORE + _AFTER]
    show = _hexadecimal if _BINARY.search(one) or _BINARY.search(other) else _text
    return (
        _framed(show(one), live, start, len(one)),
        _framed(show(other), shadow, start, len(other)),
    )


def first_difference(live: bytes, shadow: bytes) -> int:
    """The index of the first byte that is not the same; where the shorter one ends, if none."""
    shorter = min(len(live), len(shadow))
    at = 0
    while at < shorter and live[at : at + _CHUNK] == shadow[at : at + _CHUNK]:
        at += _CHUNK
    at = min(at, shorter)
    while at < shorter and live[at] == shadow[at]:
        at += 1
    return at


def _framed(text: str, whole: bytes, start: int, length: int) -> str:
    before = "…" if start else ""
    return f"{before}{text}{'…' if start + length < len(whole) else ''}"


def _text(part: bytes) -> str:
    return part.decode("utf-8", "replace")


def _hexadecimal(part: bytes) -> str:
    return part[: _BEFORE * 2].hex(" ")
