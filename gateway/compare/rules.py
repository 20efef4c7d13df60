"""Rules for comparing, compiled from the settings: once for each route, never per exchange.

A route's rules come before the general ones: of several for one place the first
one counts, and what a route leaves out is as in ``[compare]``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import NamedTuple, TypeVar

from gateway.compare.hooks import Hook, load_hook
from gateway.compare.paths import (
    Path,
    PathError,
    Step,
    Wild,
    parse_member,
    parse_path,
    relative_to,
)
from gateway.compare.patterns import Pattern
from gateway.compare.places import Place, Places
from gateway.settings.comparison import (
    ArrayRule,
    Compare,
    CompareRules,
    MoneyRule,
    NumberRule,
    TextRule,
    TimeRule,
)

T = TypeVar("T")

_PER_SECOND = MappingProxyType({"seconds": 1, "milliseconds": 1000, "microseconds": 1_000_000})
_EVERYWHERE = Path("$..", (Wild.DEEP,))


class Ignored(NamedTuple):
    """What is here does not count."""


class Array(NamedTuple):
    """An array whose order does not matter. ``key``: where an item's is; None for sets."""

    key: tuple[Step, ...] | None


class Number(NamedTuple):
    """Tolerances. Either will do."""

    absolute: Decimal
    relative: Decimal


class Money(NamedTuple):
    """``currency``: it itself, or "" where the document says it: ``up`` so many levels from
    the amount (None: at the root), and from there ``down``. ``minor``: amounts are in cents.
    """

    currency: str
    up: int | None
    down: tuple[Step, ...]
    tolerance: Decimal
    minor: bool


class Moment(NamedTuple):
    """``window``: seconds. ``per_second``: how many of the unit of numbers make one."""

    window: Decimal
    per_second: int


class Treatment(NamedTuple):
    """What the rules say about one place; of each kind the first one."""

    ignored: bool
    array: Array | None
    number: Number | None
    money: Money | None
    moment: Moment | None
    texts: tuple[Pattern, ...]
    for_leaves: bool


Rule = Ignored | Array | Number | Money | Moment | Pattern
Spot = Place[Treatment]


class Rules:
    """The rules of one route.

    ``place``: what they say about the root of a document, and so about every place in
    it; None when they say nothing about any. Made of settings that were checked.
    """

    def __init__(self, general: Compare, own: CompareRules | None = None) -> None:
        each: Sequence[CompareRules] = (general,) if own is None else (own, general)
        texts = [rule for rules in each for rule in rules.normalise]
        hook = _first([rules.hook for rules in each], None)
        self.enabled = _first([rules.enabled for rules in each], default=True)
        self.cookie_values = _first([rules.cookie_values for rules in each], default=False)
        self.only_headers = _names(rules.headers for rules in each)
        self.ignore_headers = _names(rules.ignore_headers for rules in each)
        self.header_texts = _by_header(texts)
        self.body_texts = tuple(text_of(t)[1] for t in texts if not t.path and not t.header)
        self.required = tuple(
            required_of(text) for text in dict.fromkeys(t for r in each for t in r.require_paths)
        )
        self.hook: Hook | None = load_hook(hook) if hook else None
        placed = [pair for rules in each for pair in _placed(rules)]
        self.place = _root(placed)
        self.has_money = any(isinstance(rule, Money) for _, rule in placed)

    def __repr__(self) -> str:
        return (
            f"<Rules{', with paths' if self.place else ''}{', with a hook' if self.hook else ''}>"
        )


def required_of(text: str) -> Path:
    """Raises ``PathError``, also for what would take too long to look for."""
    path = parse_path(text)
    if path.steps.count(Wild.DEEP) > 1:
        raise PathError("a required path can have .. once")
    return path


def array_of(rule: ArrayRule) -> tuple[Path, Array]:
    """Raises ``PathError``."""
    return parse_path(rule.path), Array(None if rule.key is None else parse_member(rule.key))


def number_of(rule: NumberRule) -> tuple[Path, Number]:
    """Raises ``PathError``."""
    return parse_path(rule.path), Number(Decimal(rule.absolute), Decimal(rule.relative))


def money_of(rule: MoneyRule) -> tuple[Path, Money]:
    """Raises ``PathError``, also for a currency that could be in several places."""
    path = parse_path(rule.path)
    tolerance, minor = Decimal(rule.tolerance), rule.unit == "minor"
    if not rule.currency.startswith("$"):
        return path, Money(rule.currency, None, (), tolerance, minor)
    up, down = relative_to(path, parse_path(rule.currency))
    return path, Money("", up, down, tolerance, minor)


def moment_of(rule: TimeRule) -> tuple[Path, Moment]:
    """Raises ``PathError``."""
    return parse_path(rule.path), Moment(Decimal(str(rule.window)), _PER_SECOND[rule.unit])


def text_of(rule: TextRule) -> tuple[Path, Pattern]:
    """Raises ``PathError`` and ``PatternError``."""
    path = parse_path(rule.path) if rule.path else _EVERYWHERE
    return path, Pattern(rule.pattern, rule.replace)


def _placed(rules: CompareRules) -> Iterable[tuple[Path, Rule]]:
    """The rules that are about places in JSON."""
    yield from ((parse_path(text), Ignored()) for text in rules.ignore_paths)
    yield from map(array_of, rules.arrays)
    yield from map(number_of, rules.numbers)
    yield from map(money_of, rules.money)
    yield from map(moment_of, rules.times)
    yield from (text_of(rule) for rule in rules.normalise if not rule.header)


def _root(placed: Sequence[tuple[Path, Rule]]) -> Spot | None:
    rules = [rule for _, rule in placed]
    return Places([path for path, _ in placed], lambda ended: _treatment(rules, ended)).root()


def _treatment(rules: Sequence[Rule], ended: Iterable[int]) -> Treatment:
    here = [rules[number] for number in ended]
    number, money, moment = _of(Number, here), _of(Money, here), _of(Moment, here)
    texts = tuple(rule for rule in here if isinstance(rule, Pattern))
    leaves = bool(number or money or moment or texts)
    ignored = _of(Ignored, here) is not None
    return Treatment(ignored, _of(Array, here), number, money, moment, texts, leaves)


def _of(kind: type[T], rules: Iterable[Rule]) -> T | None:
    return next((rule for rule in rules if isinstance(rule, kind)), None)


def _first(values: Iterable[T | None], default: T) -> T:
    return next((value for value in values if value is not None), default)


def _names(each: Iterable[Iterable[str]]) -> frozenset[str]:
    return frozenset(name.lower() for names in each for name in names)


def _by_header(texts: Iterable[TextRule]) -> dict[str, tuple[Pattern, ...]]:
    found: dict[str, tuple[Pattern, ...]] = {}
    for rule in texts:
        if rule.header:
            name = rule.header.lower()
            found[name] = (*found.get(name, ()), text_of(rule)[1])
    return found
