"""Points in time as documents write them: RFC 3339, or a number since 1970."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Any

from gateway.compare.numbers import is_number

# RFC 3339 section 5.6. Many write it without the offset; then both sides must.
_RFC_3339 = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})"
    r"(\.[0-9]{1,18})?(?:([Zz])|([+-])([0-9]{2}):?([0-9]{2}))?"
)
_LONGEST = 60
_LARGEST: int = 10**20
_EPOCH = date(1970, 1, 1).toordinal()


def moment_of(value: Any, per_second: int) -> tuple[Decimal, str] | None:
    """Seconds since 1970, and what kind of text or number that was: only two of one kind
    can be compared. None for what is no point in time.
    """
    if is_number(value):
        # Compared, which is exact; abs() of 1e9999999 is an overflow.
        ordinary = -_LARGEST < value < _LARGEST
        return Decimal(value) / per_second if ordinary else Decimal(value), "number"
    if type(value) is not str or len(value) > _LONGEST:
        return None
    match = _RFC_3339.fullmatch(value)
    if match is None:
        return None
    seconds = _seconds(match)
    return None if seconds is None else (seconds, "text" if match[8] or match[9] else "local")


def _seconds(match: re.Match[str]) -> Decimal | None:
    year, month, day, hour, minute, second = map(int, match.groups()[:6])
    # 60 is a leap second: RFC 3339 section 5.7.
    if hour > 23 or minute > 59 or second > 60:
        return None
    try:
        days = date(year, month, day).toordinal() - _EPOCH
    except ValueError:
        return None
    offset = 0
    if match[9]:
        offset = (int(match[10]) * 60 + int(match[11])) * (60 if match[9] == "+" else -60)
    whole = days * 86_400 + hour * 3600 + minute * 60 + second - offset
    return whole + Decimal(match[7] or 0)
