"""How rates are written in the settings: ``100/minute; 10/second; burst 20``.

``COUNT/PERIOD`` or ``COUNT per PERIOD``, several with ";" between them; all of
them hold. ``burst N`` belongs to the rate before it and says how many requests
may come at once; without it that is the count.
"""

from __future__ import annotations

import re
from types import MappingProxyType

from gateway.ratelimit.rate import SECOND, Rate

_RATE = re.compile(
    r"(?P<count>\d+)\s*(?:/|per\b)\s*(?P<number>\d+)?\s*(?P<unit>[a-z]+)"
    r"(?:\s+burst\s+(?P<burst>\d+))?",
    re.IGNORECASE | re.ASCII,
)
_BURST = re.compile(r"burst\s+(\d+)", re.IGNORECASE | re.ASCII)
_UNITS = MappingProxyType(
    {"s": 1, "sec": 1, "second": 1, "m": 60, "min": 60, "minute": 60}
    | {"h": 3600, "hour": 3600, "d": 86400, "day": 86400}
)
_DIGITS = 12  # more are a slip of the keyboard

# Debts are exact as 64-bit floats too, which is what a Redis script counts in:
# two of these spans in nanoseconds are less than 2**53.
_LONGEST_DAYS = 50
_SHORTEST_NS = 1000


def parse_rates(text: str) -> tuple[Rate, ...]:
    """The rates a text says. Raises ``ValueError`` with what is wrong with it."""
    rates: list[Rate] = []
    for part in (part.strip() for part in text.split(";")):
        burst = _BURST.fullmatch(part)
        if burst is None:
            rates.append(_rate(part))
        elif not rates or rates[-1].burst != rates[-1].count:
            raise ValueError(f'"{part}" must follow the one rate that it belongs to')
        else:
            last = rates.pop()
            rates.append(_checked(part, last.count, last.window, _number(part, burst[1])))
    if len(set(rates)) < len(rates):
        raise ValueError("it says the same rate twice")
    return tuple(rates)


def _rate(part: str) -> Rate:
    found = _RATE.fullmatch(part)
    if found is None:
        raise ValueError(f'"{part}" is no rate such as "100/minute", "5/10s" or "10/s burst 20"')
    unit = found["unit"].lower()
    size = _UNITS.get(unit) or _UNITS.get(unit.removesuffix("s"))
    if size is None:
        raise ValueError(f'"{found["unit"]}" is no period: second, minute, hour or day')
    count = _number(part, found["count"])
    window = _number(part, found["number"] or "1") * size
    return _checked(part, count, window, _number(part, found["burst"] or found["count"]))


def _number(part: str, digits: str) -> int:
    number = int(digits[: _DIGITS + 1])
    if number == 0 or len(digits) > _DIGITS:
        raise ValueError(f'"{part}": {digits[:_DIGITS]} is not a number that can be kept')
    return number


def _checked(part: str, count: int, window: int, burst: int) -> Rate:
    rate = Rate(count, window, burst)
    if rate.interval < _SHORTEST_NS:
        raise ValueError(f'"{part}" is more than a million a second')
    if max(window * SECOND, rate.tolerance) > _LONGEST_DAYS * 86400 * SECOND:
        raise ValueError(f'"{part}" takes more than {_LONGEST_DAYS} days to be paid off')
    return rate


def rates_fault(text: str) -> str | None:
    """What is wrong with the text of a setting, or nothing."""
    try:
        parse_rates(text)
    except ValueError as error:
        return str(error)
    return None
