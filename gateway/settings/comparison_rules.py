"""Rules about the comparison. They compile every rule: what a start would trip over."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from gateway.compare.hooks import HookError, load_hook
from gateway.compare.paths import PathError, Wild, parse_path, relative_to
from gateway.compare.patterns import Pattern, PatternError
from gateway.settings.comparison import CompareRules, TextRule
from gateway.settings.declared import Key
from gateway.settings.findings import Finding
from gateway.settings.model import Settings


def comparison_findings(settings: Settings) -> Iterator[Finding]:
    """Rules that cannot be used, contradict each other, or do nothing."""
    for key, rules in _tables(settings):
        yield from _required(rules, key)
        yield from _money(rules, key)
        for index, text in enumerate(rules.normalise):
            yield from _text(text, (*key, "normalise", index))
        for index, number in enumerate(rules.numbers):
            here = (*key, "numbers", index)
            if not float(number.absolute or 0) and not float(number.relative or 0):
                keys = ((*here, "path"), (*here, "absolute"), (*here, "relative"))
                yield Finding(keys, "tolerates nothing; give absolute or relative")
        yield from _headers(rules, key)
        fault = _fault(load_hook, rules.hook) if rules.hook else None
        if fault is not None:
            yield Finding(((*key, "hook"),), fault)


def _tables(settings: Settings) -> Iterator[tuple[Key, CompareRules]]:
    yield ("compare",), settings.compare
    for index, route in enumerate(settings.routes):
        if route.compare is not None:
            yield ("routes", index, "compare"), route.compare


def _required(rules: CompareRules, key: Key) -> Iterator[Finding]:
    for index, text in enumerate(rules.require_paths):
        if parse_path(text).steps.count(Wild.DEEP) > 1:
            here = (*key, "require_paths", index)
            yield Finding((here,), "a required path can have .. once")


def _money(rules: CompareRules, key: Key) -> Iterator[Finding]:
    for index, rule in enumerate(rules.money):
        if not rule.currency.startswith("$"):
            continue
        try:
            relative_to(parse_path(rule.path), parse_path(rule.currency))
        except PathError as error:
            here = (*key, "money", index)
            yield Finding(((*here, "currency"), (*here, "path")), str(error))


def _text(rule: TextRule, key: Key) -> Iterator[Finding]:
    if rule.path and rule.header:
        keys = ((*key, "header"), (*key, "path"))
        yield Finding(keys, "is in a header or at a path, not both: write a rule for each")
    fault = _fault(lambda pattern: Pattern(pattern, rule.replace), rule.pattern)
    if fault is not None:
        yield Finding(((*key, "pattern"), (*key, "replace")), fault)


def _headers(rules: CompareRules, key: Key) -> Iterator[Finding]:
    only = {name.lower() for name in rules.headers}
    for index, name in enumerate(rules.ignore_headers):
        if name.lower() in only:
            keys = ((*key, "ignore_headers", index), (*key, "headers"))
            yield Finding(keys, f"{name} is in headers, too: does it count or not?")


def _fault(use: Callable[[str], object], text: str) -> str | None:
    try:
        use(text)
    except (HookError, PatternError) as error:
        return str(error)
    return None
