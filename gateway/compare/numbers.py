"""Numbers as decimals: exact where that is asked for, never through binary floats."""

from __future__ import annotations

import re
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal
from typing import Any

# What a document may write as a text and mean as a number. Bounded: an upstream wrote it.
_NUMBER = re.compile(r"[+-]?[0-9]{1,60}(?:\.[0-9]{1,60})?(?:[eE][+-]?[0-9]{1,3})?")
_LONGEST = 130
# More digits than any document has that is compared; so nothing is rounded.
_ALL_DIGITS = 1_000_000
_DIGITS_OF_INTEGERS = 18
_LARGEST_INTEGER: int = 10**_DIGITS_OF_INTEGERS


def is_number(value: Any) -> bool:
    """Whether a JSON value is a number. In Python ``True`` is one, too."""
    return type(value) is int or type(value) is Decimal


def is_plain(number: int) -> bool:
    """Whether an integer is its own plain form."""
    return -_LARGEST_INTEGER < number < _LARGEST_INTEGER


def both_numbers(live: Any, shadow: Any) -> tuple[Decimal, Decimal] | None:
    """Both values as numbers, texts of digits too."""
    one, other = _number(live), _number(shadow)
    return None if one is None or other is None else (one, other)


def _number(value: Any) -> Decimal | None:
    if type(value) is Decimal:
        return value
    if type(value) is int:
        return Decimal(value)
    if type(value) is str and len(value) <= _LONGEST and _NUMBER.fullmatch(value):
        return Decimal(value)
    return None


class Arithmetic:
    """Decimal arithmetic that neither raises nor, for any amount there is, rounds.

    Of one comparison: the context keeps flags.
    """

    def __init__(self) -> None:
        self._context = _context(80)
        self._every_digit = _context(_ALL_DIGITS)

    def difference(self, live: Decimal, shadow: Decimal) -> Decimal:
        """Shadow less live."""
        return self._context.subtract(shadow, live)

    def shifted(self, number: Decimal, decimals: int) -> Decimal:
        """The number with its point moved to the right."""
        return self._context.scaleb(number, decimals)

    def within(self, live: Decimal, shadow: Decimal, absolute: Decimal, relative: Decimal) -> bool:
        """Whether they differ by no more than either tolerance."""
        # copy_abs, unlike abs(), does not round to the thread's own context.
        by = self.difference(live, shadow).copy_abs()
        return by <= absolute or by <= self._context.multiply(live.copy_abs(), relative)

    def plain(self, number: Decimal) -> Decimal | int:
        """One form for all writings of a number: 10, 10.0 and 1e1 are the integer 10.

        Large integers stay decimals: 1e4000 is short, and 4,001 digits are not.
        """
        if not number:
            return 0
        plain = number.normalize(self._every_digit)
        if plain.adjusted() < _DIGITS_OF_INTEGERS and plain == plain.to_integral_value():
            return int(plain)
        return plain


def _context(digits: int) -> Context:
    return Context(prec=digits, Emin=MIN_EMIN, Emax=MAX_EMAX, traps=[])
