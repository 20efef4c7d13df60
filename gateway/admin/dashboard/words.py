"""What differences, outcomes and numbers are called on pages. A leaf; plain text only.

Whatever comes from a request or an answer goes through it unchanged: escaping is the
templates' business, and theirs alone.
"""

from __future__ import annotations

from datetime import datetime, timezone
from types import MappingProxyType
from typing import NamedTuple

from gateway.known.entry import OVERFLOW, GroupLike

_THIN = "\u202f"

_LEADS = MappingProxyType(
    {
        ("status", "status"): "Another status",
        ("headers", "missing"): "The shadow lacks the field",
        ("headers", "added"): "Only the shadow has the field",
        ("headers", "value"): "Another value of the field",
        ("headers", "order"): "Another order of the field",
        ("body", "missing"): "The shadow lacks",
        ("body", "added"): "Only the shadow has",
        ("body", "type"): "Another type at",
        ("body", "value"): "Another value at",
        ("body", "order"): "Another order at",
        ("body", "required"): "Required, and missing",
        ("body", "content"): "Another body",
        ("exchange", "timed_out"): "The shadow took too long",
        ("exchange", "shadow_failed"): "The shadow gave no usable answer",
    }
)

# What the verdicts and counts are called.
VERDICTS = MappingProxyType(
    {
        "match": "match",
        "status": "status differs",
        "headers": "headers differ",
        "body": "body differs",
        "shadow_failed": "shadow failed",
        "timed_out": "timed out",
        "not_compared": "not compared",
    }
)
COUNTS = MappingProxyType(
    {
        "match": "match",
        "match_after_ignoring": "match after ignoring",
        "differs": "differ",
        "not_comparable": "not comparable",
        "shadow_failed": "shadow failed",
    }
)


class Said(NamedTuple):
    """A difference in words: what it is, and where (code, "" for nowhere in particular)."""

    lead: str
    place: str

    @property
    def text(self) -> str:
        """Both in one line."""
        return f"{self.lead} {self.place}".strip()


def said(group: GroupLike) -> Said:
    """What a group of differences is."""
    if group.pattern == OVERFLOW:
        return Said(f"More of {group.part} than is told apart", "")
    lead = _LEADS.get((group.part, group.kind), f"{group.part} {group.kind}")
    if group.pattern == group.kind:
        return Said(lead, "")  # a reason that says no more than the verdict
    if group.part == "headers":
        return Said(lead, group.pattern.removeprefix("/").replace("~1", "/").replace("~0", "~"))
    if group.part == "body" and not group.pattern and group.kind != "content":
        return Said(lead, "the whole body")
    return Said(lead, group.pattern)


def number(value: float) -> str:
    """A whole number with its thousands apart."""
    return f"{round(value):,}".replace(",", _THIN)


def percent(share: float, digits: int = 2) -> str:
    """A share (0 to 1). What is not all is never rounded to all, nor something to nothing."""
    for more in range(digits, 7):
        text = f"{share * 100:.{more}f}"
        if (float(text) == 100) == (share == 1) and (float(text) == 0) == (share == 0):
            break
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text}{_THIN}%"


def duration(seconds: float) -> str:
    """A latency."""
    if seconds >= 1:
        return f"{seconds:.3g}{_THIN}s"
    return f"{seconds * 1000:.3g}{_THIN}ms"


def rate(per_second: float) -> str:
    """Of requests."""
    text = f"{per_second:.2f}" if 0 < per_second < 10 else f"{per_second:.0f}"
    return f"{text}{_THIN}/{_THIN}s"


def size(number_of_bytes: float) -> str:
    """Bytes, with the unit that fits."""
    value, units = float(number_of_bytes), ["bytes", "KiB", "MiB", "GiB"]
    while value >= 1024 and len(units) > 1:
        value /= 1024
        units.pop(0)
    return f"{value:.3g}{_THIN}{units[0]}" if units[0] != "bytes" else f"{value:.0f} bytes"


def moment(at: float) -> str:
    """A time in UTC, for people."""
    return _utc(at).strftime("%Y-%m-%d %H:%M:%S")


def iso(at: float) -> str:
    """A time for programs (RFC 3339)."""
    return _utc(at).strftime("%Y-%m-%dT%H:%M:%SZ")


def ago(seconds: float) -> str:
    """How long ago something was."""
    if seconds < 5:
        return "just now"
    for most, unit, each in ((90, "s", 1), (5400, "min", 60), (129600, "h", 3600)):
        if seconds < most:
            return f"{seconds / each:.0f}{_THIN}{unit} ago"
    return f"{seconds / 86400:.0f} days ago"


def _utc(at: float) -> datetime:
    return datetime.fromtimestamp(min(max(at, 0.0), 253402300799.0), timezone.utc)
