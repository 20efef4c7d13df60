"""Whether a difference is still there: examples sent again, and what can be told."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.compare.answer import Answer
from gateway.compare.comparer import Comparer
from gateway.compare.redaction import Redactor
from gateway.compare.verdict import Judged
from gateway.report.recheck import Rechecked, Result, passed, recheck
from gateway.settings.comparison import Compare, Redact
from gateway.shadow.copy import Copy
from gateway.store.grouping import keys_of
from gateway.store.values import Example, ExampleHead, Group
from gateway.traffic.redacted import leniently
from tests.support.exchanges import MATCHING, WRONG, answer, judged, request

COMPARE = leniently(Comparer(Compare()).compare)
DIFFERENT = judged(answer(MATCHING, 201), answer(WRONG, 201))
FAILED = judged(answer(MATCHING), None)


def kept(exchange: Judged, pattern: str) -> tuple[Group, Example]:
    """The exchange as the store has it, and its group at a place."""
    keys = keys_of(exchange.shadow, exchange.route, exchange.comparison)
    key = next(each for each in keys if each.pattern == pattern)
    group = Group(key.id, *key, key.verdict, 1, 1, 1.0, 0.0, 1.0, "open", None, 0, 0, 1)
    copy = exchange.request
    head = ExampleHead(7, key.id, 1.0, copy.request_id, copy.method, copy.target, 200, 200, 100)
    return group, Example(head, exchange)


def checked(exchange: Judged, now: Answer | str, pattern: str = "/vat", **more: Any) -> Rechecked:
    group, example = kept(exchange, pattern)
    (result,) = recheck([example], group, lambda copy: now, COMPARE, **more)
    return result


TABLE = {
    "live's own answer": (DIFFERENT, answer(MATCHING, 201), "/vat", Result.FIXED, ""),
    "as before": (DIFFERENT, answer(WRONG, 201), "/vat", Result.STILL, '"1.43", shadow "1.42"'),
    "wrong in another way": (
        DIFFERENT,
        answer(MATCHING | {"vat": 1}, 201),
        "/vat",
        Result.STILL,
        "another way",
    ),
    "only elsewhere": (
        DIFFERENT,
        answer(WRONG | {"vat": "1.43"}, 201),
        "/vat",
        Result.FIXED,
        "elsewhere in 1",
    ),
    "a sibling status": (DIFFERENT, answer(MATCHING, 200), "/vat", Result.FIXED, "elsewhere"),
    "it is there already": (
        DIFFERENT,
        answer({"error": "paid"}, 409),
        "/vat",
        Result.UNKNOWN,
        "state",
    ),
    "it wants credentials": (
        DIFFERENT,
        answer({"error": "who?"}, 401),
        "/vat",
        Result.UNKNOWN,
        "credentials",
    ),
    "no answer": (DIFFERENT, "refused", "/vat", Result.UNKNOWN, "no answer: refused"),
    "it failed and answers now": (FAILED, answer(WRONG), "refused", Result.FIXED, "answered 200"),
    "it failed and still does": (FAILED, "timed_out", "refused", Result.STILL, "timed_out"),
    "all is gone": (DIFFERENT, answer([], 201), "/vat", Result.STILL, "another way"),
}


@pytest.mark.parametrize(("exchange", "now", "pattern", "result", "why"), TABLE.values(), ids=TABLE)
def test_what_the_shadow_says_now_decides(
    exchange: Judged, now: Answer | str, pattern: str, result: Result, why: str
) -> None:
    """Fixed, still different, or not to be told; and why."""
    found = checked(exchange, now, pattern)
    assert found.result is result, found
    assert why in found.why


def redacted(exchange: Judged, *paths: str) -> Judged:
    return Redactor(Compare(redact=Redact(paths=paths)), b"k" * 32).redacted(exchange)


def test_a_value_that_was_redacted_cannot_be_told() -> None:
    """Only a digest of live's is there; equal or not, nobody knows."""
    found = checked(redacted(DIFFERENT, "$.vat"), answer(MATCHING, 201))
    assert (found.result, found.why) == (Result.UNKNOWN, "live's value was redacted")


def test_redacted_values_elsewhere_do_not_matter() -> None:
    """They do not count as differences, and the place in question is told."""
    assert checked(redacted(DIFFERENT, "$.id"), answer(MATCHING, 201)).result is Result.FIXED


def test_a_redacted_target_is_not_sent() -> None:
    """It would ask for something else."""
    copy = request("/invoices?token=abc")
    group, example = kept(redacted(judged(answer(MATCHING), answer(WRONG), copy=copy)), "/vat")
    sent: list[Copy] = []
    (found,) = recheck([example], group, lambda copy: sent.append(copy) or "x", COMPARE)
    assert (found.result, sent) == (Result.UNKNOWN, [])
    assert "not sent: its target" in found.why


def test_a_whole_body_that_was_redacted_is_not_sent() -> None:
    """There is nothing of it left."""
    copy = request("/upload")._replace(body=b"\x00binary", fields=(), had_body=True)
    exchange = judged(answer(MATCHING), answer(WRONG), copy=copy)
    found = checked(redacted(exchange, "$.name"), answer(MATCHING))
    assert (found.result, found.why) == (Result.UNKNOWN, "not sent: its whole body was redacted")


def test_parts_that_were_redacted_are_said() -> None:
    """It was sent, but not as it was."""
    copy = request(body={"name": "Ada"}, fields=(("Authorization", "Bearer s3cret"),))
    exchange = redacted(judged(answer(MATCHING), answer(WRONG), copy=copy), "$.name")
    found = checked(exchange, answer(MATCHING))
    assert found.result is Result.FIXED
    assert "sent without Authorization" in found.why
    assert "redacted values in its body" in found.why


def test_credentials_that_are_given_are_not_missed() -> None:
    """Whoever rechecks puts them in."""
    copy = request(fields=(("Authorization", "Bearer s3cret"),))
    exchange = redacted(judged(answer(MATCHING), answer(WRONG), copy=copy))
    assert checked(exchange, answer(MATCHING), given=["authorization"]).why == ""


def test_an_answer_that_was_not_kept_cannot_be_told() -> None:
    """Large ones are known by their digest only, or not at all."""
    live = answer(MATCHING)._replace(body=None, digest=None)
    found = checked(DIFFERENT._replace(live=live), answer(MATCHING))
    assert (found.result, "too little" in found.why) == (Result.UNKNOWN, True)


@pytest.mark.parametrize(
    ("results", "clean"),
    [
        ([Result.FIXED], True),
        ([Result.FIXED, Result.UNKNOWN], True),
        ([Result.FIXED, Result.STILL], False),
        ([Result.UNKNOWN], None),
        ([], None),
    ],
    ids=["fixed", "one unknown", "one still", "all unknown", "none"],
)
def test_a_pass_is_clean_if_something_is_fixed_and_nothing_is_not(
    results: list[Result], clean: bool | None
) -> None:
    """What cannot be told is no proof of anything."""
    assert passed(Rechecked(1, "GET", "/", result) for result in results) is clean
