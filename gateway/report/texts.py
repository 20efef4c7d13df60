"""Figures and values as people read them. A leaf.

What came from outside is made harmless for a terminal here: nothing in it can be a
command to one, or hide what it is. HTML is escaped where it is written.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

from gateway.compare.currencies import exponent_of
from gateway.report.statistics import Interval

_LONGEST = 90
_MOST_DIGITS = 6


def value_text(value: Any, longest: int = _LONGEST) -> str:
    """A JSON value, short. Numbers have the digits they came with."""
    text = cut(_json(value, longest), longest)
    # JSON can spell halves of characters, which nothing can encode.
    return text.encode("utf-8", "backslashreplace").decode()


def _json(value: Any, room: int) -> str:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, Mapping) and room > 0:
        items = (f"{_json(str(k), room)}: {_json(v, room - 4)}" for k, v in _some(value.items()))
        return "{" + ", ".join(items) + "}"
    if isinstance(value, (list, tuple)) and room > 0:
        return "[" + ", ".join(_json(each, room - 4) for each in _some(value)) + "]"
    if isinstance(value, (str, int, float)) or value is None:
        return json.dumps(value[:1000] if isinstance(value, str) else value, ensure_ascii=False)
    return "…" if room <= 0 else json.dumps(str(value)[:1000], ensure_ascii=False)


def _some(items: Any) -> list[Any]:
    """No more than can be shown."""
    return list(items)[:100]


def cut(text: str, longest: int = _LONGEST) -> str:
    """The text, or its beginning."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def safe(text: str) -> str:
    """For a terminal: what is not printed as itself is an escape."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def count(number: int) -> str:
    """``12,345``."""
    return f"{number:,}"


def counted(number: int, one: str, many: str) -> str:
    """``1 exchange``, ``12 exchanges``."""
    return f"{count(number)} {one if number == 1 else many}"


def percent(share: float) -> str:
    """Never ``100 %`` nor ``0 %`` where it is not quite that."""
    for digits in range(2, _MOST_DIGITS):
        text = f"{share * 100:.{digits}f}"
        if (float(text) < 100 or share >= 1) and (float(text) > 0 or share <= 0):
            break
    return _short(text) + " %"


def _short(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def percent_range(interval: Interval) -> str:
    """``99.91 % to 99.97 %``."""
    return f"{percent(interval.low)} to {percent(interval.high)}"


def number(value: float) -> str:
    """A limit as it was written: ``1.2``, ``10000``."""
    return f"{value:g}"


def ratio(value: float) -> str:
    """``1.07``."""
    return f"{value:.2f}" if value < 100 else f"{value:.0f}"


def ratio_range(interval: Interval) -> str:
    """``1.02 to 1.11``."""
    return f"{ratio(interval.low)} to {ratio(interval.high)}"


def seconds(value: float) -> str:
    """``0.42 ms``, ``12.3 ms``, ``1.20 s``."""
    size = abs(value)
    if size >= 1:
        return f"{value:.2f} s"
    milliseconds = value * 1000
    digits = 0 if size >= 0.1 else 1 if size >= 0.01 else 2
    return f"{milliseconds:.{digits}f} ms"


def seconds_range(interval: Interval) -> str:
    """``-0.2 ms to 0.4 ms``."""
    return f"{seconds(interval.low)} to {seconds(interval.high)}"


def moment(at: float) -> str:
    """``2026-11-21 14:05 UTC``."""
    return datetime.fromtimestamp(at, timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


def money(minor_units: Decimal, currency: str) -> str:
    """``-0.27 EUR``, with its sign, in the currency's own unit."""
    exponent = exponent_of(currency) or 0
    return f"{minor_units.scaleb(-exponent):+f} {currency}"
