"""Exchanges become numbers, and every one is in all the sums it belongs to."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from gateway.compare.verdict import Comparison, Judged, Kind, Tally, Verdict
from gateway.store.counting import Counting, Shapes, Sheet, add_tally, minute_of
from gateway.store.grouping import keys_of
from gateway.store.values import OTHER
from tests.store.exchanges import NOON, cent, difference, failed, judged

DIFFERENCES = [
    difference("/a"),
    difference("/a")._replace(kind=Kind.MISSING),
    difference("/b"),
]
EXCHANGES = st.builds(
    judged,
    st.sampled_from(Verdict),
    differences=st.lists(st.sampled_from(DIFFERENCES), max_size=3),
    ignored=st.integers(0, 1),
    shadow=st.sampled_from(["one", "two"]),
    route=st.sampled_from(["/a", "/b"]),
    at=st.integers(0, 300).map(lambda seconds: NOON + seconds),
    method=st.sampled_from(["GET", "BREW"]),
)


def counted(*exchanges: Judged, max_groups: int = 100) -> Sheet:
    sheet, counting = Sheet(10_000), Counting(pairs_per_day=10, max_groups=max_groups)
    for each in exchanges:
        keys = keys_of(each.shadow, each.route, each.comparison)
        counting.add(sheet, each, each.route, keys, "")
    return sheet


@given(st.lists(EXCHANGES, max_size=40))
def test_nothing_is_lost_and_nothing_is_counted_twice(exchanges: list[Judged]) -> None:
    """Verdicts, coverage, latencies: each sum is that of the exchanges themselves."""
    sheet = counted(*exchanges)
    expected = Counter(
        (minute_of(e.at), e.shadow, e.route, e.comparison.counts_as.value) for e in exchanges
    )
    found: Counter[tuple[object, ...]] = Counter()
    for key, (number,) in sheet.verdicts.rows.items():
        found[key[:4]] += number
    assert found == expected
    assert sum(row[0] for row in sheet.coverage.rows.values()) == len(exchanges)
    assert sum(sum(row[:-1]) for row in sheet.latency.rows.values()) == 2 * len(exchanges)
    assert len(sheet.pairs) <= len(exchanges)


@given(st.lists(EXCHANGES, max_size=40))
def test_a_group_has_each_exchange_once(exchanges: list[Judged]) -> None:
    """``alone`` where there is no other place in it."""
    sheet = counted(*exchanges)
    numbers: Counter[str] = Counter()
    alone: Counter[str] = Counter()
    for exchange in exchanges:
        keys = keys_of(exchange.shadow, exchange.route, exchange.comparison)
        numbers.update(key.id for key in keys)
        if len({key.place for key in keys}) == 1:
            alone[keys[0].id] += 1
    rows = sheet.group_counts.rows.items()
    for index, expected in enumerate((numbers, alone)):
        found: Counter[str] = Counter()
        for (_, group), row in rows:
            found[group] += row[index]
        assert +found == expected


def test_a_failing_shadow_has_no_latency() -> None:
    """It would make the slowest shadow look fast."""
    assert not counted(failed()).latency.rows


def test_uncommon_methods_are_one() -> None:
    """Clients choose them."""
    sheet = counted(judged(method="BREW"), judged(method="PROPFIND"))
    assert [key[3] for key in sheet.coverage.rows] == ["OTHER"]


def test_groups_beyond_the_bound_are_one_for_each_kind_of_difference() -> None:
    """Nothing grows with what upstreams put into their JSON keys; counts stay exact."""
    sheet = counted(*(judged(differences=[difference(f"/k{i}")]) for i in range(50)), max_groups=10)
    patterns = {seen.key.pattern for seen in sheet.groups.values()}
    assert len(patterns) == 11
    assert OTHER in patterns
    assert sum(row[0] for row in sheet.group_counts.rows.values()) == 50


def test_money_is_added_exactly_with_its_sign() -> None:
    """A cent that always rounds up is a loss however small each is."""
    up = [judged(drift=[cent("0.1")]) for _ in range(1000)]
    down = [judged(drift=[cent("-0.3")]) for _ in range(10)]
    sheet = counted(*up, *down, judged(drift=[cent("2", "CHF")]))
    rows = {key[3]: row for key, row in sheet.drift.rows.items()}
    assert rows["EUR"] == [Decimal("97.0"), 1010, 1000, 10]
    assert rows["CHF"] == [2, 1, 1, 0]


def test_amounts_beyond_all_money_are_left_out() -> None:
    """An upstream can write 1e999999 too; it is counted as left out."""
    sheet = counted(*(judged(drift=[cent(text)]) for text in ("1e999999", "1e40", "NaN", "5")))
    assert [row[0] for row in sheet.drift.rows.values()] == [5]
    assert sheet.lost["drift"] == 3


def test_shapes_are_few_for_each_route() -> None:
    """What comes after is one."""
    shapes = Shapes(most=3)
    found = {shapes.bounded("s", "/a", str(number)) for number in range(10)}
    assert found == {"0", "1", "2", OTHER}
    assert shapes.bounded("s", "/a", "2") == "2"
    assert shapes.bounded("s", "/b", "9") == "9"


def test_exchanges_told_of_by_number_are_counted() -> None:
    """There was no room for more than their verdict."""
    sheet = Sheet(10)
    add_tally(sheet, Tally("s", "/a", Comparison(Verdict.NOT_COMPARED, "no_room"), 7), "/a", NOON)
    ((key, row),) = sheet.verdicts.rows.items()
    assert key[1:] == ("s", "/a", "not_comparable", "not_compared", "no_room")
    assert row == [7]


def test_a_sheet_says_what_it_has() -> None:
    """For logs and debuggers."""
    assert Sheet(1).is_empty()
    assert (
        repr(counted(judged(differences=[difference()]))) == "<Sheet [5 keys, 1 groups, 1 pairs]>"
    )
