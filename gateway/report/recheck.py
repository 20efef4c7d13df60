"""Whether a difference is still there: kept examples, sent to the shadow once more.

Their answers are compared with what live answered then, by the rules of today. Not done
here: sending, which is given, and remembering the result, which is the store's.

An example can be told only if it can be sent as it was, and if the shadow still answers
it in the same way: a payment that was made cannot be made again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import Enum

from msgspec import Struct

from gateway.compare.answer import Answer
from gateway.compare.verdict import Comparison, Difference, Verdict
from gateway.known.entry import EXCHANGE
from gateway.report.findings import differences_of
from gateway.report.redacted import fields_of, in_value, missing_from, not_sendable
from gateway.report.texts import value_text
from gateway.shadow.copy import Copy
from gateway.store.grouping import key_of
from gateway.store.values import Example, Group

# An answer, or in one word why there is none.
Send = Callable[[Copy], Answer | str]
Compare = Callable[[Copy, Answer, Answer], Comparison]

_REFUSED = frozenset({401, 403})
# What a difference of values is, of which nothing is known where live's is not.
_VALUES = frozenset({"value", "content", "order"})


class Result(Enum):
    """What became of a difference."""

    FIXED = "fixed"
    STILL = "still differs"
    UNKNOWN = "cannot be told"


class Rechecked(Struct, frozen=True):
    """One example. ``why``: for a person; "" where there is nothing to add."""

    example: int
    method: str
    target: str
    result: Result
    why: str = ""


def recheck(
    examples: Iterable[Example],
    group: Group,
    send: Send,
    compare: Compare,
    given: Sequence[str] = (),
) -> list[Rechecked]:
    """One after the other. ``given``: names of fields that the sender puts in by itself."""
    have = {name.lower() for name in given}
    return [_one(example, group, send, compare, have) for example in examples]


def passed(results: Iterable[Rechecked]) -> bool | None:
    """Whether it is a clean pass. None: nothing can be told, so it is no pass at all."""
    found = {each.result for each in results}
    if Result.STILL in found:
        return False
    return True if Result.FIXED in found else None


def _one(
    example: Example, group: Group, send: Send, compare: Compare, given: set[str]
) -> Rechecked:
    request = example.judged.request
    reason = not_sendable(request)
    if reason:
        result, why = Result.UNKNOWN, f"not sent: {reason}"
    else:
        result, why = _asked(example, group, send(request), compare)
        cautions = _cautions(request, given)
        why = "; ".join([why, *cautions] if why else cautions)
    return Rechecked(example.head.id, request.method, request.target, result, why)


def _cautions(request: Copy, given: set[str]) -> list[str]:
    """In which way it was not what the shadow had been sent."""
    hidden = [name for name in fields_of(request.fields) if name.lower() not in given]
    found = [f"sent without {', '.join(hidden)}, which was redacted"] if hidden else []
    if "its body" in missing_from(request):
        found.append("sent with redacted values in its body")
    return found


def _asked(
    example: Example, group: Group, answer: Answer | str, compare: Compare
) -> tuple[Result, str]:
    live = example.judged.live
    if group.part == EXCHANGE:
        return _answered(group, answer)
    if isinstance(answer, str):
        return Result.UNKNOWN, f"no answer: {answer}"
    if live is None or (live.body is None and live.digest is None and group.part == "body"):
        return Result.UNKNOWN, "too little of live's answer was kept"
    comparison = compare(example.judged.request, live, answer)
    if comparison.verdict is Verdict.NOT_COMPARED:
        return Result.UNKNOWN, f"not compared: {comparison.reason}"
    if _hides(example, group):
        return Result.UNKNOWN, "live's value was redacted"
    return _told(group, live, answer, comparison.differences)


def _hides(example: Example, group: Group) -> bool:
    """Whether what is to be compared was redacted. That something is there, can be told."""
    own = differences_of(example, group)
    return group.kind in _VALUES and bool(own) and all(in_value(each.live) for each in own)


def _answered(group: Group, answer: Answer | str) -> tuple[Result, str]:
    """For a group of failures: any answer is one."""
    if isinstance(answer, str):
        return Result.STILL, f"no answer: {answer}"
    return Result.FIXED, f"answered {answer.status}"


def _told(
    group: Group, live: Answer, answer: Answer, differences: Sequence[Difference]
) -> tuple[Result, str]:
    same = [each for each in differences if key_of(group.shadow, group.route, each).id == group.id]
    if same:
        first = same[0]
        return Result.STILL, f"live {value_text(first.live)}, shadow {value_text(first.shadow)}"
    if group.part != "status" and live.status // 100 != answer.status // 100:
        return Result.UNKNOWN, _other_status(live, answer)
    here = [each for each in differences if _is_there(each, group)]
    if here:
        return Result.STILL, f"differs in another way now: {here[0].kind.value}"
    others = f"differs elsewhere in {len(differences)} places" if differences else ""
    return Result.FIXED, others


def _is_there(difference: Difference, group: Group) -> bool:
    """At the group's place, or above it: what is in a missing object is missing."""
    pattern = difference.pattern
    above = group.pattern == pattern or group.pattern.startswith(f"{pattern}/")
    return difference.part.value == group.part and above


def _other_status(live: Answer, answer: Answer) -> str:
    why = f"answered {answer.status}, live had {live.status}"
    if answer.status in _REFUSED:
        return f"{why}: it may want credentials"
    return f"{why}: it may not be in the state that it was in"
