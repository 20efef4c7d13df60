"""One side's answer, kept while it streams past."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.compare.answer import Answer
from gateway.compare.capture import MOST_DIGESTED, Capture
from gateway.compare.verdict import NotCompared
from tests.compare.halves import bounds

FIELDS = [("Content-Type", "a"), ("Connection", "X-Y"), ("X-Y", "1"), ("Set-Cookie", "1")]
KEPT = (("Content-Type", "a"), ("Set-Cookie", "1"))


def captured(*parts: Any, **limits: int) -> Capture:
    capture = Capture(bounds(**limits))
    for part in parts:
        capture.add(part)
    capture.ended(200, FIELDS, 0.5)
    return capture


def test_an_answer_in_one_part_is_kept_as_it_is() -> None:
    """The very object: nothing is copied on the request's thread. Hop-by-hop fields are not it."""
    body = b"x" * 100
    answer = captured(b"", body).answer()
    assert answer == Answer(200, KEPT, body, 100, 0.5)
    assert isinstance(answer, Answer)
    assert answer.body is body


@example([b"x" * 400, b"y" * 600])
@example([b"x" * 400, b"y" * 601])
@example([b"x" * 400, b"y" * 700, b"z" * 100])
@given(st.lists(st.binary(max_size=400), max_size=12))
def test_parts_are_one_body_or_one_digest(parts: list[bytes]) -> None:
    """However it was cut; and the budget gets back what it gave."""
    whole = b"".join(parts)
    capture = captured(*parts)
    answer = capture.answer()
    assert isinstance(answer, Answer)
    assert answer.size == len(whole)
    if len(whole) <= 1000:
        assert (answer.body, answer.digest) == (whole, None)
    else:
        assert (answer.body, answer.digest) == (None, blake2b(whole, digest_size=32).digest())
        assert capture.held == 0
    assert capture.answer() == answer
    budget = capture._bounds.budget
    assert budget.held == capture.held >= (len(whole) if answer.body else 0)
    capture.give_up()
    assert budget.held == 0


def test_of_more_than_a_shadow_is_read_of_there_is_no_digest() -> None:
    """It would take time on live's thread, and have no counterpart."""
    half = b"x" * (MOST_DIGESTED // 2)
    assert captured(half, half).answer().digest is not None  # type: ignore[union-attr]
    answer = captured(half, half, b"x").answer()
    assert answer == Answer(200, KEPT, None, MOST_DIGESTED + 1, 0.5, None)


def test_an_answer_that_was_not_read_to_its_end_has_neither_body_nor_digest() -> None:
    """Nobody can tell what the rest was."""
    capture = captured(b"abc")
    capture.cut_off()
    assert capture.answer() == Answer(200, KEPT, None, 3, 0.5, None)
    assert capture._bounds.budget.held == 0


def test_without_room_nothing_is_kept() -> None:
    """Many small parts cost what they take, not what they say."""
    capture = captured(*[b"x"] * 100, limit=1000)
    assert capture.answer() is NotCompared.NO_ROOM
    assert capture._bounds.budget.held == 0


@pytest.mark.parametrize("part", ["text", None, 7, bytearray(b"x"), memoryview(b"x")])
def test_what_is_no_bytes_is_not_captured_and_does_not_raise(part: Any) -> None:
    """The server will say what is wrong with it; bytes that can change are no value."""
    assert captured(b"x", part, b"y").answer() is NotCompared.NO_ROOM


def test_its_repr_says_what_is_kept() -> None:
    """For whoever debugs."""
    assert repr(captured(b"abc")) == "<Capture of 3 bytes, all kept>"
    assert "a digest kept" in repr(captured(b"x" * 2000))
    capture = captured(b"abc")
    capture.give_up()
    assert "nothing kept" in repr(capture)
