"""Which rule applies to a request: by path prefix or pattern, and method.

Matching looks at the target as the client sent it, with only the escapes of
unreserved characters undone (``%61`` is ``a``, RFC 3986 section 6.2.2.2), so
that one address cannot be written two ways. ``%2F`` stays what it is. Upstreams may
read more into a path than that: ``find_all``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeVar

from gateway.readings import readings

T = TypeVar("T")
U = TypeVar("U")

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
    segment or a part of one, ``**`` for any number, and a rule with either
    matches in full.
    """

    __slots__ = ("_last", "_pieces", "_prefix", "pattern", "specificity")

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        literal = _WILDCARD.sub("", pattern)
        # More literal text first, then fewer wildcards.
        self.specificity = (len(literal.rstrip("/")), -len(_WILDCARD.findall(pattern)))
        canonical = canonical_path(pattern)
        self._prefix = None if "*" in pattern else canonical
        *pieces, last = canonical.split("**")
        self._pieces = [re.compile(_piece(piece)) for piece in pieces]
        self._last = re.compile(_piece(last) + r"\Z")

    def matches(self, path: str) -> bool:
        """Whether the rule covers a canonical path."""
        prefix = self._prefix
        if prefix is None:
            return self._matches_pieces(path)
        inside = prefix.endswith("/") or path[len(prefix) : len(prefix) + 1] in ("", "/")
        return path.startswith(prefix) and inside

    def _matches_pieces(self, path: str) -> bool:
        """What stands between the ``**`` is found once each, leftmost: a path that a
        client chose makes this search neither again nor back over what was found."""
        position = 0
        for number, piece in enumerate(self._pieces):
            found = piece.search(path, position) if number else piece.match(path)
            if found is None:
                return False
            position = found.end()
        find_last = self._last.search if self._pieces else self._last.match
        return find_last(path, position) is not None

    def __repr__(self) -> str:
        return f"<PathRule {self.pattern}>"


def _piece(pattern: str) -> str:
    return "[^/]*".join(re.escape(part) for part in pattern.split("*"))


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
        if "%" in path:
            path = canonical_path(path)
        for rule, methods, value in self._rules:
            if (not methods or method in methods) and rule.matches(path):
                return value
        return self._default

    def find_all(self, method: str, path: str) -> Sequence[T]:
        """What ``find`` says, and after it the other values that apply where an upstream
        reads the path in another way; all there are, where it may be read in too many.
        For rules that keep requests out."""
        if not self._rules:
            return [self._default]
        found = [self.find(method, path)]
        others = readings(path)
        if others is None or others:
            every = self._all() if others is None else (self.find(method, o) for o in others)
            for value in every:
                if all(value is not known for known in found):
                    found.append(value)
        return found

    def _all(self) -> list[T]:
        return [self._default, *(value for _, _, value in self._rules)]

    def map(self, make: Callable[[T], U]) -> RouteTable[U]:
        """A table with the same rules and values made from these, once for each rule."""
        made: RouteTable[U] = RouteTable((), make(self._default))
        made._rules = [(rule, methods, make(value)) for rule, methods, value in self._rules]
        return made
