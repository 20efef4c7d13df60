"""Ten thousand bad exchanges are the three bugs they are."""

from __future__ import annotations

from gateway.compare.verdict import Comparison, Verdict
from gateway.store.grouping import EXCHANGE, GroupKey, keys_of
from tests.store.exchanges import difference


def test_the_same_difference_at_another_index_is_the_same_group() -> None:
    """Each group once for an exchange."""
    differences = (difference(), difference()._replace(pointer="/lines/7/tax"))
    (key,) = keys_of("next", "/a", Comparison(Verdict.BODY, differences=differences))
    assert key == ("next", "/a", "body", "value", "/lines/*/tax")
    assert key.verdict == "body"


def test_an_id_is_the_same_everywhere() -> None:
    """In every process and store; it may be in a link. Never change how it is made."""
    key = GroupKey("next", "/a", "body", "value", "/lines/*/tax")
    assert key.id == "9928344e75f7807c"
    others = [key._replace(**{name: "x"}) for name in key._fields]
    assert len({key.id, *(other.id for other in others)}) == 6


def test_parts_cannot_be_confused() -> None:
    """What belongs to which part is part of the id."""
    assert GroupKey("a", "bc", "", "", "").id != GroupKey("ab", "c", "", "", "").id


def test_a_failing_shadow_is_a_group_by_its_reason() -> None:
    """It has examples too."""
    keys = keys_of("next", "/a", Comparison(Verdict.TIMED_OUT, "timed_out"))
    assert keys == [("next", "/a", EXCHANGE, "timed_out", "timed_out")]
    assert keys[0].verdict == "timed_out"


def test_what_is_not_compared_is_in_no_group() -> None:
    """There is nothing to look at."""
    assert keys_of("next", "/a", Comparison(Verdict.NOT_COMPARED, "no_room")) == []


def test_a_pattern_that_no_database_takes_is_made_storable() -> None:
    """JSON keys are upstreams' choice."""
    odd = difference("/\x00\ud800" + "x" * 2000)
    (key,) = keys_of("next", "/a", Comparison(Verdict.BODY, differences=(odd,)))
    key.pattern.encode()
    assert len(key.pattern) < 600
    assert len(key.id) == 16


def test_one_exchange_is_in_a_bounded_number_of_groups() -> None:
    """One that differs in everything must not become a thousand rows."""
    many = tuple(difference(f"/k{i}") for i in range(500))
    assert len(keys_of("next", "/a", Comparison(Verdict.BODY, differences=many))) == 50
