"""Single values that differ, and whether a rule says that they need not be the same."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from gateway.compare.currencies import exponent_of
from gateway.compare.found import Found
from gateway.compare.moments import moment_of
from gateway.compare.numbers import Arithmetic, both_numbers
from gateway.compare.paths import Step
from gateway.compare.patterns import Pattern, TooSlow
from gateway.compare.pointers import Trail, live_keys, shadow_keys
from gateway.compare.rules import Moment, Money, Treatment


class Patience:
    """The processor time that patterns may take of one comparison."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.thread_time) -> None:
        self._left = seconds
        self._clock = clock

    def normalised(self, text: str, patterns: Iterable[Pattern]) -> str:
        """The text after all patterns. Raises ``TooSlow``."""
        for pattern in patterns:
            began = self._clock()
            text = pattern.replaced(text, self._left)
            self._left -= self._clock() - began
            if self._left <= 0:
                raise TooSlow(pattern.text)
        return text


class Leaves:
    """Asks the rules of a place about two values that are not the same.

    ``live`` and ``shadow``: the whole documents, in which amounts have their currency.
    """

    def __init__(self, live: Any, shadow: Any, found: Found, patience: Patience) -> None:
        self._live = live
        self._shadow = shadow
        self._found = found
        self._patience = patience
        self.arithmetic = Arithmetic()

    def tolerated(self, live: Any, shadow: Any, rules: Treatment, trail: Trail) -> bool:
        """Whether the difference does not count. That of money is noted anyway."""
        fine = False
        if rules.money is not None:
            fine = self._money(live, shadow, rules.money, trail)
        if type(live) is not type(shadow) and both_numbers(live, shadow) is None:
            return fine
        return (
            fine
            or (rules.number is not None and self._number(live, shadow, rules))
            or (rules.moment is not None and self._moment(live, shadow, rules.moment))
            or (bool(rules.texts) and self._text(live, shadow, rules.texts))
        )

    def _number(self, live: Any, shadow: Any, rules: Treatment) -> bool:
        numbers = both_numbers(live, shadow)
        if numbers is None or rules.number is None or not _alike(live, shadow):
            return False
        return self.arithmetic.within(*numbers, rules.number.absolute, rules.number.relative)

    def _moment(self, live: Any, shadow: Any, rule: Moment) -> bool:
        one, other = moment_of(live, rule.per_second), moment_of(shadow, rule.per_second)
        if one is None or other is None or one[1] != other[1]:
            return False
        return self.arithmetic.difference(one[0], other[0]).copy_abs() <= rule.window

    def _text(self, live: Any, shadow: Any, patterns: tuple[Pattern, ...]) -> bool:
        if type(live) is not str or type(shadow) is not str:
            return False
        normalised = self._patience.normalised
        return normalised(live, patterns) == normalised(shadow, patterns)

    def _money(self, live: Any, shadow: Any, rule: Money, trail: Trail) -> bool:
        """Amounts in two currencies, or in an unknown one, have no difference to add up."""
        numbers = both_numbers(live, shadow)
        currency = self._currency(rule, trail)
        exponent = exponent_of(currency) if currency else None
        if numbers is None or exponent is None:
            return False
        by = self.arithmetic.difference(*numbers)
        if not rule.minor:
            by = self.arithmetic.shifted(by, exponent)
        if by:
            self._found.drifted(trail, currency, by)
        return by.copy_abs() <= rule.tolerance and _alike(live, shadow)

    def _currency(self, rule: Money, trail: Trail) -> str:
        if rule.currency:
            return rule.currency
        one = _code(_value_at(self._live, live_keys(trail), rule))
        other = _code(_value_at(self._shadow, shadow_keys(trail), rule))
        return one if one == other else ""


def _alike(live: Any, shadow: Any) -> bool:
    """A number is no text, also where both count as numbers."""
    return (type(live) is str) == (type(shadow) is str)


def _code(value: Any) -> str:
    return value.upper() if type(value) is str and len(value) == 3 else ""


def _value_at(document: Any, keys: list[str | int], rule: Money) -> Any:
    above: list[Step] = [] if rule.up is None else list(keys[: len(keys) - rule.up])
    value = document
    for key in (*above, *rule.down):
        value = step_into(value, key)
    return value


def step_into(value: Any, key: Any) -> Any:
    """A member or an item, None where there is none."""
    if type(value) is dict and type(key) is str:
        return value.get(key)
    if type(value) is list and type(key) is int and key < len(value):
        return value[key]
    return None
