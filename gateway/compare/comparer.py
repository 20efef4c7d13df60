"""From two answers to a verdict: pure, without threads, files and sockets.

Stands on the shadow's side, behind both answers: nobody waits for it. The status comes
first, then the header fields, then the bodies; the first that differs names the verdict,
and all differences are collected. A hook has the last word.

What it is given may be hostile: the time it takes is bounded by the size of bodies
(``compare.max_body``), whatever is in them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

from gateway.compare.answer import Answer
from gateway.compare.content import Bodies
from gateway.compare.fields import compare_fields
from gateway.compare.found import Found
from gateway.compare.leaves import Patience
from gateway.compare.patterns import TooSlow
from gateway.compare.rules import Rules
from gateway.compare.verdict import Comparison, Difference, Kind, NotCompared, Part, Verdict
from gateway.errors import GatewayError
from gateway.routes import RouteTable
from gateway.settings.comparison import Compare, CompareRules
from gateway.shadow.copy import Copy
from gateway.target import path_of

# RFC 9110 section 6.4.1: these have no body, whatever their fields say.
_BODYLESS = frozenset({204, 304})
_ORDER = (Part.STATUS, Part.HEADERS, Part.BODY)
_VERDICTS = {
    Part.STATUS: Verdict.STATUS,
    Part.HEADERS: Verdict.HEADERS,
    Part.BODY: Verdict.BODY,
}


class _RulesFailed(GatewayError):
    """A hook raised, took too long, or returned what is no list of differences."""


class Comparer:
    """Compares answers by the rules of their route.

    ``config``: the general rules and limits. ``routes``: (path pattern, methods or empty
    for all, the route's own rules). ``clock``: processor time of the calling thread.

    Threads: any thread may call it; nothing of a comparison is kept.
    """

    def __init__(
        self,
        config: Compare,
        routes: Iterable[tuple[str, Sequence[str], CompareRules | None]] = (),
        *,
        clock: Callable[[], float] = time.thread_time,
    ) -> None:
        """Raises what a rule cannot be compiled for (``PathError``, ``PatternError``,
        ``HookError``); settings that were loaded are checked for that.
        """
        own = [(path, methods, Rules(config, rules)) for path, methods, rules in routes]
        self._rules = RouteTable(own, Rules(config))
        self._bodies = Bodies(config.max_body, config.max_depth)
        self._max_differences = config.max_differences
        self._time_limit = config.time_limit
        self._clock = clock

    def compares(self, method: str, target: str) -> bool:
        """Whether exchanges of this kind are compared at all. ``target``: as sent."""
        return self._rules.find(method, path_of(target)).enabled

    def compare(self, request: Copy, live: Answer, shadow: Answer) -> Comparison:
        """The verdict on the shadow's answer, live's being right by definition."""
        rules = self._rules.find(request.method, path_of(request.target))
        if not rules.enabled:
            return Comparison(Verdict.NOT_COMPARED, NotCompared.SWITCHED_OFF.value)
        found = Found(self._max_differences)
        try:
            unknown = self._look(request, live, shadow, rules, found)
            if rules.hook is not None:
                self._ask(rules.hook, request, live, shadow, found)
        except (_RulesFailed, TooSlow):
            return Comparison(Verdict.NOT_COMPARED, NotCompared.RULES_FAILED.value)
        return _judged(found, unknown)

    def _look(
        self, request: Copy, live: Answer, shadow: Answer, rules: Rules, found: Found
    ) -> NotCompared | None:
        patience = Patience(self._time_limit, self._clock)
        if live.status != shadow.status:
            values = live.status, shadow.status
            found.add(Difference(Part.STATUS, Kind.STATUS, "", "", *values))
        compare_fields(live.fields, shadow.fields, rules, found, patience)
        bodyless = live.status in _BODYLESS and shadow.status in _BODYLESS
        if request.method == "HEAD" or bodyless:
            return None
        return self._bodies.compare(live, shadow, rules, found, patience)

    def _ask(
        self,
        hook: Callable[..., object],
        request: Copy,
        live: Answer,
        shadow: Answer,
        found: Found,
    ) -> None:
        """Lets the hook say which differences count, its own included."""
        before = tuple(found.differences)
        began = self._clock()
        try:
            answer = hook(request, live, shadow, before)
            counted = list(answer)  # type: ignore[call-overload]
        except Exception as error:  # Stated boundary: the hook is the user's code.
            raise _RulesFailed(f"{type(error).__name__}: {error}") from error
        if self._clock() - began > self._time_limit or not all(map(_is_difference, counted)):
            raise _RulesFailed("too slow, or no differences")
        found.ignored += sum(each not in counted for each in before)
        found.differences = counted[: self._max_differences]

    def __repr__(self) -> str:
        return f"<Comparer {self._rules!r}>"


def _judged(found: Found, unknown: NotCompared | None) -> Comparison:
    differences = tuple(found.differences)
    parts = {difference.part for difference in differences}
    for part in _ORDER:
        if part in parts:
            verdict = _VERDICTS[part]
            return Comparison(verdict, "", differences, found.ignored, found.drift())
    if unknown is not None:
        return Comparison(Verdict.NOT_COMPARED, unknown.value)
    return Comparison(Verdict.MATCH, "", (), found.ignored, found.drift())


def _is_difference(value: object) -> bool:
    return (
        isinstance(value, Difference)
        and isinstance(value.part, Part)
        and isinstance(value.kind, Kind)
        and isinstance(value.pointer, str)
        and isinstance(value.pattern, str)
    )
