"""Recordings without secrets, and comparing with what is left."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.compare.answer import Answer
from gateway.compare.comparer import Comparer
from gateway.compare.verdict import Verdict
from gateway.settings.comparison import Compare, Redact
from gateway.traffic.redacted import has_hidden_body, is_redacted, leniently, redacting
from tests.traffic.exchanges import answer, copy, recorded

CONFIG = Compare(redact=Redact(paths=("$.name", "$.lines[*].note"), headers=("X-Tenant",)))


def kept(document: Any, config: Compare = CONFIG) -> Answer:
    """Live's answer, as it is in a recording."""
    live = redacting(config)(recorded(live=answer(json.dumps(document).encode()))).live
    assert live is not None
    return live


def compared(live: Answer, document: Any) -> tuple[Verdict, list[str]]:
    """What comes of comparing a new answer with it."""
    compare = leniently(Comparer(CONFIG).compare)
    comparison = compare(copy(), live, answer(json.dumps(document).encode()))
    return comparison.verdict, sorted(each.pointer for each in comparison.differences)


def test_credentials_and_what_is_configured_are_not_in_it() -> None:
    """Neither in the request nor in the answer."""
    request = copy(
        "POST",
        "/a?token=secret1&b=1",
        ("Authorization", "Bearer secret2"),
        ("Cookie", "sid=secret3"),
        ("X-Tenant", "secret4"),
        ("X-Key", "secret5"),
        ("Content-Type", "application/json"),
        body=b'{"name": "secret6", "password": "secret7", "total": 1}',
    )
    live = answer(b'{"name": "secret8"}', ("Set-Cookie", "sid=secret9"))
    found = redacting(CONFIG, ("X-Key",))(recorded(request, live, route="r"))
    assert "secret" not in repr(found)
    assert json.loads(found.request.body)["total"] == 1
    assert found.route == "r"


def test_fields_with_digests_are_known() -> None:
    """They are not sent again; those without are."""
    request = copy("GET", "/", ("Authorization", "Bearer x"), ("Cookie", "a=1; b=2"), ("X", "1"))
    found = redacting(CONFIG)(recorded(request)).request
    assert [field[0] for field in found.fields if is_redacted(field)] == ["Authorization", "Cookie"]


@pytest.mark.parametrize(
    ("body", "hidden"),
    [(b"\x00\x01", True), (b"", False), (b'{"name": "x"}', False), (b"{}", False)],
    ids=["binary", "empty", "json", "nothing-secret"],
)
def test_a_body_of_which_nothing_is_left_is_known(body: bytes, hidden: bool) -> None:
    """Sending a digest in its place would test nothing."""
    assert has_hidden_body(redacting(CONFIG)(recorded(copy("POST", body=body))).request) is hidden


def test_of_a_body_that_was_too_large_there_is_no_digest() -> None:
    """A keyed one equals no other, and would be taken for a difference."""
    live = Answer(200, (), None, 10**6, 0.1, b"\1" * 32)
    found = redacting(CONFIG)(recorded(live=live)).live
    assert found == live._replace(digest=None)


@pytest.mark.parametrize(
    ("live", "now", "verdict", "pointers"),
    [
        ({"name": "A", "n": 1}, {"name": "A", "n": 1}, Verdict.MATCH, []),
        ({"name": "A", "n": 1}, {"name": "B", "n": 1}, Verdict.MATCH, []),
        ({"name": "A", "n": 1}, {"name": "B", "n": 2}, Verdict.BODY, ["/n"]),
        ({"name": "A"}, {}, Verdict.BODY, ["/name"]),
        ({"name": "A"}, {"name": 7}, Verdict.BODY, ["/name"]),
        ({"name": "A"}, {"name": ""}, Verdict.BODY, ["/name"]),
        ({"name": "A"}, {"name": None}, Verdict.BODY, ["/name"]),
        ({"name": 7}, {"name": 8.5}, Verdict.MATCH, []),
        ({"name": True}, {"name": False}, Verdict.MATCH, []),
        ({"name": {"a": 1}}, {"name": {"b": 2}}, Verdict.MATCH, []),
        ({"name": ""}, {"name": "A"}, Verdict.BODY, ["/name"]),
        (
            {"lines": [{"note": "x", "n": 1}]},
            {"lines": [{"note": "y", "n": 2}]},
            Verdict.BODY,
            ["/lines/0/n"],
        ),
    ],
    ids=[
        "same",
        "unknown",
        "another",
        "missing",
        "type",
        "empty",
        "null",
        "number",
        "boolean",
        "object",
        "was-empty",
        "array",
    ],
)
def test_digests_tell_what_can_be_told(
    live: Any, now: Any, verdict: Verdict, pointers: list[str]
) -> None:
    """That a value is missing, empty or of another type; not whether it is the same."""
    assert compared(kept(live), now) == (verdict, pointers)


def test_a_match_after_leaving_out_digests_is_one_after_ignoring() -> None:
    """It is not the same as having seen that they are equal."""
    compare = leniently(Comparer(CONFIG).compare)
    comparison = compare(copy(), kept({"name": "A"}), answer(b'{"name": "A"}'))
    assert (comparison.verdict, comparison.ignored) == (Verdict.MATCH, 1)


def test_of_a_hidden_body_nothing_can_be_said() -> None:
    """Except that the status or a field differs."""
    compare = leniently(Comparer(CONFIG).compare)
    plain = (("Content-Type", "text/plain"),)
    live = redacting(CONFIG)(recorded(live=answer(b"hello", *plain))).live
    assert live is not None
    comparison = compare(copy(), live, answer(b"hello", *plain))
    assert (comparison.verdict, comparison.reason) == (Verdict.NOT_COMPARED, "redacted")
    comparison = compare(copy(), live, answer(b"hello", *plain, status=500))
    assert comparison.verdict is Verdict.STATUS
