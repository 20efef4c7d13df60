"""Which rule applies to a request: by path prefix or pattern, and method.

Matching looks at the target as the client sent it, with only the escapes of
unreserved characters undone (``%61`` is ``a``, RFC 3986 section 6.2.2.2), so
that one address cannot be written two ways. ``%2F`` stays what it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")

_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]")
_WILDCARD = re.compile(r"\*\*|\*")


def canonical_path(path: str) -> str:
    """The path as it is compared with rules."""
    if "%" not in path:
        return path
    return _ESCAPE.sub(_unescaped, path)


def _unescaped(escape: re.Match[str]) -> str:
    char = chr(int(escape[0][1:], 16))
    return char if _UNRESERVED.match(char) else escape[0]


class PathRule:
    """One path rule. ``/a`` is a prefix of whole segments; ``*`` stands for one
    segment and ``**`` for any number, and a rule with either matches in full.
    """

    __slots__ = ("_match", "pattern", "specificity")

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self._match = re.compile(_expression(pattern), re.DOTALL).fullmatch
        literal = _WILDCARD.sub("", pattern)
        # More literal text first, then fewer wildcards.
        self.specificity = (len(literal.rstrip("/")), -len(_WILDCARD.findall(pattern)))

    def matches(self, path: str) -> bool:
        """Whether the rule covers a canonical path."""
        return self._match(path) is not None

    def __repr__(self) -> str:
        return f"<PathRule {self.pattern}>"


def _expression(pattern: str) -> str:
    pattern = canonical_path(pattern)
    if "*" not in pattern:
        return re.escape(pattern) + (".*" if pattern.endswith("/") else "(?:/.*)?")
    parts, end = [], 0
    for wildcard in _WILDCARD.finditer(pattern):
        parts.append(re.escape(pattern[end : wildcard.start()]))
        parts.append(".*" if wildcard[0] == "**" else "[^/]*")
        end = wildcard.end()
    return "".join(parts) + re.escape(pattern[end:])


class Matcher:
    """Whether any of some paths and methods covers a request; empty means all."""

    __slots__ = ("_methods", "_paths")

    def __init__(self, paths: Iterable[str] = (), methods: Iterable[str] = ()) -> None:
        self._paths = tuple(PathRule(path) for path in paths)
        self._methods = frozenset(methods)

    def covers_path(self, path: str) -> bool:
        """Whether a canonical path is covered."""
        return not self._paths or any(rule.matches(path) for rule in self._paths)

    def covers_method(self, method: str) -> bool:
        """Whether a method is covered."""
        return not self._methods or method in self._methods


class RouteTable(Generic[T]):
    """Rules with a value each; the most specific one that matches wins.

    ``rules``: (path pattern, methods or empty for all, value).
    """

    def __init__(self, rules: Iterable[tuple[str, Sequence[str], T]], default: T) -> None:
        compiled = [(PathRule(path), frozenset(methods), value) for path, methods, value in rules]
        compiled.sort(key=lambda rule: (*rule[0].specificity, bool(rule[1])), reverse=True)
        self._rules = compiled
        self._default = default

    def find(self, method: str, path: str) -> T:
        """The value of the most specific rule, or the default. ``path``: as sent."""
        if not self._rules:
            return self._default
        path = canonical_path(path)
        for rule, methods, value in self._rules:
            if (not methods or method in methods) and rule.matches(path):
                return value
        return self._default
