"""Durations and sizes as people write them: ``"250ms"``, ``"10MiB"``.

Reading is exact (decimal arithmetic), and what is written here reads back as
the same number; where no short text does, nothing is written.
"""

from __future__ import annotations

import re
from decimal import Decimal

# ASCII digits only, and not so many that a number could become a burden.
_QUANTITY = re.compile(r"([0-9]{1,20}(?:\.[0-9]{1,20})?) ?([A-Za-z]*)")

SECONDS = {
    "": Decimal(1),
    "ms": Decimal("0.001"),
    "s": Decimal(1),
    "m": Decimal(60),
    "h": Decimal(3600),
    "d": Decimal(86400),
}
BYTES = {
    "": 1,
    "b": 1,
    "kb": 1000,
    "mb": 1000**2,
    "gb": 1000**3,
    "kib": 1024,
    "mib": 1024**2,
    "gib": 1024**3,
}


def parse_duration(text: str) -> float | None:
    """Seconds; None when the text is not a duration."""
    match = _QUANTITY.fullmatch(text)
    if match is None or match[2] not in SECONDS:
        return None
    return float(Decimal(match[1]) * SECONDS[match[2]])


def parse_size(text: str) -> int | None:
    """Bytes; None when the text is not a size, or not a whole number of bytes."""
    match = _QUANTITY.fullmatch(text)
    if match is None or match[2].lower() not in BYTES:
        return None
    size = Decimal(match[1]) * BYTES[match[2].lower()]
    return int(size) if size == int(size) else None


def format_duration(seconds: float) -> str | None:
    """``"1m"``, ``"75s"``, ``"250ms"``; None when no text reads back as the same number."""
    candidates = [f"{seconds / size:.0f}{unit}" for unit, size in (("h", 3600), ("m", 60))]
    candidates += [f"{seconds:.0f}s", f"{seconds * 1000:.0f}ms" if seconds < 1 else f"{seconds}s"]
    return next((text for text in candidates if parse_duration(text) == seconds), None)


def format_size(size: int) -> str | None:
    """``"10MiB"``; None when it is not a whole number of KiB."""
    for unit, scale in (("GiB", 1024**3), ("MiB", 1024**2), ("KiB", 1024)):
        if size >= scale and size % scale == 0:
            return f"{size // scale}{unit}"
    return None
