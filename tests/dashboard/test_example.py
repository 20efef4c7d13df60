"""A kept exchange as a page shows it."""

from __future__ import annotations

import gzip
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.admin.dashboard.example import Pair, pair_of, request_body
from gateway.compare.answer import Answer
from gateway.compare.verdict import Comparison, Difference, Judged, Kind, Part, Verdict
from tests.dashboard.filling import FIELD, STATUS, TAX, answer, copy, invoice


def pair(live: Answer | None, shadow: Answer | None, *differences: Difference) -> Pair:
    comparison = Comparison(Verdict.BODY, "reset", differences)
    return pair_of(Judged("s", copy(1), "", 0.0, live, shadow, comparison))


def shown(found: Pair, side: str) -> str:
    rows = [row for stretch in found.body for row in stretch.rows]
    return "\n".join("".join(getattr(row, side) or ()) for row in rows)


def test_bodies_are_shown_decoded_and_laid_out() -> None:
    """Also if they were compressed, in another order, or in another charset."""
    packed = answer(gzip.compress(invoice("1.43")), 0.1, 200, ("Content-Encoding", "gzip"))
    found = pair(packed, answer(invoice("1.42"), 0.1), TAX)
    assert '"tax": 1.43' in shown(found, "live")
    assert '"tax": 1.42' in shown(found, "shadow")
    assert [row.mark for s in found.body for row in s.rows if row.mark != "same"] == ["differs"]


def test_what_cannot_be_decoded_is_shown_as_sent() -> None:
    """And why."""
    broken = answer(b"no gzip", 0.1, 200, ("Content-Encoding", "gzip"))
    found = pair(broken, answer(b"text", 0.1))
    assert shown(found, "live").strip() == "no gzip"
    assert found.notes[0].startswith("as sent: ")


def test_a_body_that_was_not_kept_is_said() -> None:
    """Its size, and its digest if there is one."""
    large = Answer(200, (), None, 10**6, 0.1, b"\xab" * 32)
    found = pair(large, Answer(200, (), None, 10**7, 0.1))
    assert found.notes == (
        "1000000 bytes, not kept, BLAKE2b abababababababab…",
        "10000000 bytes, not kept",
    )
    assert found.body == []


def test_a_side_without_an_answer_is_none() -> None:
    """The other is shown."""
    found = pair(answer(b"{}", 0.1), None)
    assert found.shadow is None
    assert found.reason == "reset"
    assert shown(found, "live") == "{}"


def test_fields_are_put_side_by_side_by_name() -> None:
    """Whatever their case; repeats together; what counts is told from what is ignored."""
    ours = answer(b"", 0.1, 200, ("X-Powered-By", "old"), ("Set-Cookie", "a"), ("Set-Cookie", "b"))
    theirs = answer(b"", 0.1, 200, ("x-powered-by", "new"), ("X-More", "1"))
    theirs = theirs._replace(fields=tuple(f for f in theirs.fields if f[0] != "Date"))
    found = {row.name: row for row in pair(ours, theirs, FIELD).fields}
    assert found["X-Powered-By"][2:4] == ("old", "new")
    assert found["X-Powered-By"].mark == "differs"
    assert found["Date"].mark == "ignored"
    assert found["Date"].shadow is None
    assert found["Set-Cookie"].live == "a\nb"
    assert found["X-More"].live is None
    assert found["Content-Type"].mark == "same"


def test_a_status_that_counts() -> None:
    """Only if the comparison said so."""
    assert pair(answer(b"", 0.1), answer(b"", 0.1, 404), STATUS).status_differs
    assert not pair(answer(b"", 0.1), answer(b"", 0.1, 404)).status_differs


def test_a_request_without_a_body() -> None:
    """Nothing to show."""
    assert request_body(b"", ()).lines == []


ANSWERS = st.none() | st.builds(
    Answer,
    st.integers(100, 599),
    st.lists(st.tuples(st.text(max_size=8), st.text(max_size=8)), max_size=3).map(tuple),
    st.none() | st.binary(max_size=200),
    st.integers(0, 10**9),
    st.floats(0, 100),
    st.none() | st.binary(min_size=32, max_size=32),
)


@given(ANSWERS, ANSWERS, st.sampled_from(list(Part)), st.sampled_from(list(Kind)), st.text())
def test_any_two_answers(live: Any, shadow: Any, part: Part, kind: Kind, pointer: str) -> None:
    """Nothing that was kept breaks a page."""
    difference = Difference(part, kind, pointer, pointer)
    assert pair(live, shadow, difference).differences == (difference,)
