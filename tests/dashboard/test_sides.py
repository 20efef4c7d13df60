"""Two bodies side by side."""

from __future__ import annotations

import json
import time
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.admin.dashboard.lines import Line, json_lines, json_value
from gateway.admin.dashboard.sides import Places, Row, side_by_side
from gateway.compare.verdict import Difference, Kind, Part
from tests.dashboard.test_lines import JSON


def lines(value: Any) -> list[Line]:
    return json_lines(json_value(json.dumps(value).encode()))


def difference(pointer: str, shadow: str | None = None, kind: Kind = Kind.VALUE) -> Difference:
    return Difference(Part.BODY, kind, pointer, pointer, shadow_pointer=shadow)


def rows(live: Any, shadow: Any, *differences: Difference) -> list[Row]:
    stretches = side_by_side(lines(live), lines(shadow), Places(differences))
    return [row for stretch in stretches for row in stretch.rows]


def marks(found: list[Row], mark: str) -> list[tuple[str | None, str | None]]:
    return [
        (row.live and row.live.marked, row.shadow and row.shadow.marked)
        for row in found
        if row.mark == mark
    ]


def test_what_differs_is_marked_and_nothing_else() -> None:
    """The number, not the line; whole words."""
    found = rows({"a": 1.43, "b": 2}, {"a": 1.42, "b": 2}, difference("/a"))
    assert marks(found, "differs") == [("1.43", "1.42")]
    assert marks(found, "ignored") == []


def test_what_a_rule_ignores_is_told_apart() -> None:
    """It looks different, and does not count."""
    found = rows({"id": 1, "a": 1}, {"id": 2, "a": 3}, difference("/a"))
    assert marks(found, "ignored") == [("1", "2")]
    assert marks(found, "differs") == [("1", "3")]


def test_what_only_one_side_has_stands_alone() -> None:
    """All of it, with what is in it."""
    found = rows({"a": 1}, {"a": 1, "b": {"c": 2}}, difference("/b", kind=Kind.ADDED))
    missing = [row for row in found if row.mark == "differs"]
    assert len(missing) == 3
    assert all(row.live is None for row in missing)


def test_an_item_at_another_index_is_found_at_its_own_place() -> None:
    """Where the comparison put items together by a key, it says both places."""
    live = [{"k": 1, "v": 5}, {"k": 2, "v": 6}]
    shadow = [{"k": 2, "v": 6}, {"k": 1, "v": 7}]
    found = rows(live, shadow, difference("/0/v", "/1/v"))
    marked = [row for row in found if row.mark == "differs"]
    assert any(row.shadow and "7" in row.shadow.marked for row in marked)


def test_equal_lines_away_from_others_are_folded() -> None:
    """Three before and after stay."""
    live = list(range(100))
    shadow = [0 if value == 50 else value for value in live]
    found = side_by_side(lines(live), lines(shadow), Places([difference("/50")]))
    assert [(each.folded, len(each.rows)) for each in found] == [
        (True, 48),
        (False, 7),
        (True, 47),
    ]


@given(JSON, JSON)
def test_both_sides_are_there_in_full(live: Any, shadow: Any) -> None:
    """Whatever differs, no line is lost, made up or out of order."""
    found = rows(live, shadow, difference(""))
    for side, value in (("live", live), ("shadow", shadow)):
        cells = [getattr(row, side) for row in found]
        shown = ["".join(cell) for cell in cells if cell is not None]
        assert shown == [line.text + line.tail for line in lines(value)]
    for row in found:
        assert row.live is not None or row.shadow is not None


def test_hostile_bodies_cost_no_more_than_moments() -> None:
    """Thousands of lines that are all alike, or all different."""
    began = time.thread_time()
    many = [Line(str(n % 7)) for n in range(5000)]
    side_by_side(many, list(reversed(many)), Places([]))
    different = [Line(str(n)) for n in range(5000)]
    side_by_side(different, [Line(f"x{n}") for n in range(5000)], Places([]))
    assert time.thread_time() - began < 5


@given(st.text(), st.text())
def test_any_two_lines(one: str, other: str) -> None:
    """Cut into parts they are the same lines."""
    (found,) = side_by_side([Line(one)], [Line(other)], Places([difference("")]))
    (row,) = found.rows
    assert row.live is not None
    assert row.shadow is not None
    assert ("".join(row.live), "".join(row.shadow)) == (one, other)
