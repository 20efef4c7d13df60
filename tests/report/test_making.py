"""What a report says of real stores, written by the gateway's own writer."""

from __future__ import annotations

import time
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from gateway.compare.verdict import Comparison, Verdict
from gateway.known.entry import Entry
from gateway.known.register import Register
from gateway.report.gather import cost
from gateway.store.reader import open_reader
from gateway.store.store import Pauses, Store
from gateway.store.values import FLOOR, Filter
from tests.report.asking import one, report_of
from tests.support.exchanges import (
    MATCHING,
    answer,
    judged,
    matching,
    request,
    sqlite,
    wrong,
)

FAR = date.today() + timedelta(days=30)
PAST = date.today() - timedelta(days=1)


def entry(pattern: str, expires: date = FAR, **more: object) -> Entry:
    return Entry(
        id="e" + pattern.replace("/", "-").replace("*", "x"),
        pattern=pattern,
        reason="half cents",
        owner="billing",
        expires=expires,
        **more,  # type: ignore[arg-type]
    )


def test_the_counts_are_the_stores(tmp_path: Path) -> None:
    """All five, the rate of those compared, and live's requests."""
    uncompared = Comparison(Verdict.NOT_COMPARED, "too_large")
    exchanges = [
        *matching(90),
        *wrong(10),
        judged(answer(MATCHING), None),
        judged(answer(MATCHING), answer(MATCHING), verdict=uncompared),
    ]
    found = one(report_of(tmp_path, exchanges))
    counts = found.counts
    assert (counts.match, counts.differs) == (90, 10)
    assert (counts.not_comparable, counts.shadow_failed) == (1, 1)
    assert (found.match.number, found.match.of, found.live_requests) == (90, 100, 102)
    assert (found.failed.number, found.failed.of) == (1, 101)
    assert [(r.name, r.number) for r in found.not_compared] == [("too_large", 1)]
    assert [(r.name, r.number) for r in found.failures] == [("refused", 1)]


def test_the_wrong_field_comes_first_and_what_follows_from_it_with_it(tmp_path: Path) -> None:
    """Tax and total are wrong in the same exchanges: the tax by more of itself, so it leads."""
    found = one(report_of(tmp_path, [*matching(20), *wrong(10)]))
    (finding,) = found.findings
    assert (finding.group.pattern, finding.group.number) == ("/vat", 10)
    assert [group.pattern for group in finding.follows] == ["/total"]
    shown = finding.shown
    assert shown is not None
    assert (shown.live, shown.shadow, shown.target) == ('"1.43"', '"1.42"', "/invoices")
    assert found.groups == 2


def test_what_differs_alone_too_is_a_finding_of_its_own(tmp_path: Path) -> None:
    """A total that is wrong where the tax is right does not follow from the tax."""
    alone = judged(answer(MATCHING), answer(MATCHING | {"total": "9.00"}))
    found = one(report_of(tmp_path, [*wrong(3), *[alone] * 4]))
    assert [each.group.pattern for each in found.findings] == ["/total", "/vat"]


def test_what_never_differs_together_are_two_bugs(tmp_path: Path) -> None:
    """Though they are as frequent."""
    one_way = judged(answer(MATCHING), answer(MATCHING | {"net": "7.51"}))
    other = judged(answer(MATCHING), answer(MATCHING | {"id": "inv-2"}))
    found = one(report_of(tmp_path, [*[one_way] * 3, *[other] * 3]))
    assert [(each.group.pattern, each.follows) for each in found.findings] == [
        ("/net", []),
        ("/id", []),
    ]


def test_what_is_known_leads_nothing_that_is_not(tmp_path: Path) -> None:
    """Else it would hide it."""
    found = one(report_of(tmp_path, wrong(3), Register([entry("/vat")])))
    assert [(each.group.pattern, each.known) for each in found.findings] == [
        ("/vat", "e-vat"),
        ("/total", None),
    ]


@pytest.mark.parametrize(
    ("method", "later", "reads", "first"),
    [
        ("POST", 5, 8, "order"),
        ("GET", 5, 8, "list"),
        ("POST", -5, 8, "list"),
        ("POST", 5, 30, "list"),
    ],
    ids=["it changed something", "it only asks", "others came before", "it is too seldom"],
)
def test_the_cause_comes_before_what_is_read_of_it(
    method: str, later: int, reads: int, first: str, tmp_path: Path
) -> None:
    """An order is wrong once, and listed wrongly by everybody who looks."""
    began = time.time() - 600
    orders = wrong(2, route="order", copy=request(method=method), at=began)
    lists = wrong(reads, route="list", copy=request(method="GET"), at=began + later)
    found = one(report_of(tmp_path, [*orders, *lists])).findings
    assert found[0].group.route == first
    assert found[0].begins is (first == "order")


def test_routes_do_not_lead_each_other(tmp_path: Path) -> None:
    """The same field of another route may be another bug."""
    found = one(report_of(tmp_path, [*wrong(3), *wrong(2, route="list")]))
    assert [each.group.route for each in found.findings] == ["invoices", "list"]


def test_a_failure_is_shown_by_its_reason(tmp_path: Path) -> None:
    """With the request, and live's status."""
    found = one(report_of(tmp_path, [judged(answer(MATCHING, 201), None)]))
    (finding,) = found.findings
    assert (finding.group.kind, finding.group.pattern) == ("shadow_failed", "refused")
    assert finding.shown is not None
    assert (finding.shown.live, finding.shown.shadow) == ("201", None)


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([], 0),
        ([entry("/vat"), entry("/total")], 10),
        ([entry("/*")], 10),
        ([entry("/vat")], 0),
        ([entry("/vat"), entry("/total", PAST)], 0),
        ([entry("/vat"), entry("/total", limit=9)], 0),
        ([entry("/vat"), entry("/total", route="other")], 0),
    ],
    ids=["none", "both", "a pattern", "one of two", "expired", "exceeded", "of another route"],
)
def test_what_is_known_counts_where_all_of_an_exchange_is_known(
    entries: list[Entry], expected: int, tmp_path: Path
) -> None:
    """An exchange with one unexpected difference is unexpected. The strict rate stays beside."""
    found = one(report_of(tmp_path, [*matching(90), *wrong(10)], Register(entries)))
    assert found.expected == expected
    assert (found.match.number, found.match_or_known.number) == (90, 90 + expected)


def test_never_too_much_is_expected(tmp_path: Path) -> None:
    """Where groups overlap, exchanges are counted as unexpected rather than not."""
    three = [judged(answer({"a": 1, "b": 1, "c": 1}), answer({"a": 2, "b": 2, "c": 2}))] * 6
    known = [judged(answer({"a": 1}), answer({"a": 2}))] * 10
    found = one(report_of(tmp_path, [*three, *known], Register([entry("/a")])))
    assert 0 <= found.expected <= 10


def test_known_failures_are_no_failures(tmp_path: Path) -> None:
    """Only where the entry names them."""
    exchanges = [*matching(10), judged(answer(MATCHING), None)]
    found = one(report_of(tmp_path, exchanges, Register([entry("refused", part="exchange")])))
    assert found.failed.number == 0
    assert found.counts.shadow_failed == 1


def test_an_expired_entry_that_is_hit_makes_it_not_ready(tmp_path: Path) -> None:
    """And the entry is named."""
    report = report_of(tmp_path, wrong(10), Register([entry("/vat", PAST)]), require_match=0.0)
    assert report.outcome == "not ready"
    (judged_,) = report.shadows
    assert any("e-vat is expired" in reason for reason in judged_.decision.reasons)
    (known,) = judged_.about.known
    assert (known.hits, known.state, known.excuses) == (10, "expired", False)


def test_money_is_added_up_by_day_and_currency(tmp_path: Path) -> None:
    """Over all routes, with those beside it."""
    found = one(report_of(tmp_path, [*wrong(7), *wrong(3, route="list")]))
    (day,) = found.drift
    assert (day.currency, day.total, day.number) == ("EUR", Decimal(-10), 10)
    assert [each.total for each in day.routes] == [Decimal(-7), Decimal(-3)]


def test_blind_spots_are_what_live_answered_and_nobody_compared(tmp_path: Path) -> None:
    """A kind that failed always, one that was compared once, and a rare shape of a common kind."""
    exchanges = [
        *matching(40),
        *(judged(answer({}), None, copy=request("/x", "GET"), route="x") for _ in range(5)),
        judged(answer({}), answer({}), copy=request("/y", "DELETE"), route="y"),
        *matching(2, copy=request("/invoices?dry_run=1")),
    ]
    covered = one(report_of(tmp_path, exchanges)).covered
    spots = [(s.method, s.route, s.shape is None, s.live, s.compared) for s in covered.spots]
    assert spots == [
        ("GET", "x", True, 5, 0),
        ("DELETE", "y", True, 1, 1),
        ("POST", "invoices", False, 2, 2),
    ]
    assert covered.kinds == 3
    assert covered.share == pytest.approx(42 / 48)


def test_latency_is_told_of_pairs(tmp_path: Path) -> None:
    """A shadow that is twice as slow, exchange by exchange."""
    exchanges = [
        judged(answer(MATCHING, seconds=s), answer(MATCHING, seconds=2 * s))
        for s in (0.01 + index / 10_000 for index in range(150))
    ]
    found = one(report_of(tmp_path, exchanges))
    assert found.paired is not None
    assert (found.paired.pairs, found.paired.population) == (150, 150)
    assert found.paired.each.estimate == pytest.approx(2)
    assert found.paired.difference.estimate == pytest.approx(0.01745)


def test_the_same_store_gives_the_same_report(tmp_path: Path) -> None:
    """Figures of chance included."""
    one_of_them = report_of(tmp_path, [*matching(300), *wrong(5)])
    with open_reader(sqlite(tmp_path)) as reader:
        from_store = reader.pairs(Filter(shadow="rewrite"))
    assert len(from_store.pairs) == 305
    assert one(one_of_them) == one(report_of(tmp_path, []))


def test_the_floor_stands_beside_the_rate(tmp_path: Path) -> None:
    """Live against live, and in no shadow's figures."""
    floor = [*matching(9, name=FLOOR), *wrong(1, name=FLOOR)]
    report = report_of(tmp_path, [*matching(50), *floor])
    found = one(report)
    assert found.counts.total == 50
    assert found.floor is not None
    assert (found.floor.number, found.floor.of) == (9, 10)


def test_shadows_are_told_apart(tmp_path: Path) -> None:
    """Each has its own decision; the report is as good as the worst."""
    report = report_of(tmp_path, [*matching(10, name="good"), *wrong(10, name="bad")])
    outcomes = {each.about.shadow: each.decision.outcome for each in report.shadows}
    assert outcomes == {"bad": "not ready", "good": "too little evidence"}
    assert (report.outcome, report.exit_status) == ("not ready", 1)


def test_isolation_is_mirrored_less_held_out(tmp_path: Path) -> None:
    """With intervals; nothing where nothing was held out."""
    store = Store(sqlite(tmp_path), pauses=Pauses(turn=0.01))
    for index in range(200):
        store.note_isolation(held_out=index % 4 == 0, seconds=0.01 + index % 7 / 1000, failed=False)
    store.start()
    assert store.close(30)
    with open_reader(sqlite(tmp_path)) as reader:
        found = cost(reader, Filter(), 95.0)
        assert cost(reader, Filter(until=1.0), 95.0) is None
    assert found is not None
    assert (found.mirrored.number, found.held_out.number) == (150, 50)
    assert found.latency is not None
    assert found.latency.low <= 0 <= found.latency.high


def test_an_empty_time_proves_nothing(tmp_path: Path) -> None:
    """Whatever there is of other times."""
    report = report_of(tmp_path, wrong(5), where=Filter(until=1.0))
    assert report.exit_status == 3
    assert one(report).counts.total == 0
