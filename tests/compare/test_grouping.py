"""Groups: many differences, few bugs."""

from __future__ import annotations

from gateway.compare.grouping import GroupKey, group_of
from gateway.compare.verdict import Difference, Kind, Part
from tests.compare.making import as_json, compared


def test_the_same_bug_in_many_places_is_one_group() -> None:
    """Whatever the values and indices are."""
    live = {"lines": [{"tax": n, "id": n} for n in range(20)]}
    shadow = {"lines": [{"tax": n + 1, "id": n} for n in range(20)]}
    differences = compared(as_json(live), as_json(shadow)).differences
    groups = {group_of("invoices", each) for each in differences}
    assert groups == {GroupKey("invoices", Part.BODY, Kind.VALUE, "/lines/*/tax")}


def test_route_part_kind_and_pattern_make_a_group() -> None:
    """Each another one."""
    one = Difference(Part.BODY, Kind.VALUE, "/a/1", "/a/*", 1, 2)
    keys = [
        group_of("r", one),
        group_of("s", one),
        group_of("r", one._replace(part=Part.HEADERS)),
        group_of("r", one._replace(kind=Kind.TYPE)),
        group_of("r", one._replace(pattern="/a")),
    ]
    assert len({key.id for key in keys}) == len(keys)
    assert group_of("r", one._replace(pointer="/a/7", live=5)).id == keys[0].id


def test_an_id_is_the_same_for_ever() -> None:
    """It is in stores, links and registers; and parts cannot run into each other."""
    key = GroupKey("invoices", Part.BODY, Kind.VALUE, "/lines/*/tax")
    assert key.id == "7ea9915aaeac"
    assert key._replace(route="a", pattern="bc").id != key._replace(route="ab", pattern="c").id
    assert key._replace(pattern="/\ud800").id
