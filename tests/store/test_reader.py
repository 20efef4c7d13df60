"""What was put in can be asked for, of both databases."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from gateway.compare.verdict import Comparison, Tally, Verdict
from gateway.shadow.outcome import Outcome
from gateway.store.errors import StoreMissing
from gateway.store.reader import Reader, open_reader
from gateway.store.store import Plan
from gateway.store.values import FLOOR, Filter, LedgerCount
from tests.store.conftest import MakeStore, running
from tests.store.exchanges import NOON, answer, cent, difference, failed, judged

Read = Callable[[str], Reader]

TAX, DUE = difference("/lines/*/tax"), difference("/due")


def test_counts_and_verdicts(make_store: MakeStore, url: str, read: Read) -> None:
    """The five counts, by shadow and route."""
    with running(make_store, url) as store:
        for _ in range(3):
            store.put(judged())
        store.put(judged(ignored=2))
        store.put(judged(differences=[TAX], route="/bills"))
        store.put(failed("reset"))
        store.put(Tally("next", "/bills", Comparison(Verdict.NOT_COMPARED, "no_room"), 5))
        store.put(judged(shadow="other"))
    reader = read(url)
    counts = reader.summary(Filter(shadow="next")).counts
    assert (counts.match, counts.match_after_ignoring, counts.differs) == (3, 1, 1)
    assert (counts.not_comparable, counts.shadow_failed) == (5, 1)
    assert (counts.matches, counts.compared, counts.total) == (4, 5, 11)
    assert reader.summary().counts.total == 12
    assert reader.summary(Filter(route="/bills")).verdicts == {"not_compared": 5, "body": 1}
    assert reader.summary(Filter(verdict="shadow_failed")).counts.total == 1
    assert [(v.verdict, v.reason, v.number) for v in reader.verdicts(Filter(route="/bills"))] == [
        ("not_compared", "no_room", 5),
        ("body", "", 1),
    ]
    assert reader.shadows() == ["next", "other"]
    assert reader.routes() == ["/bills", "/invoices"]
    assert reader.routes(Filter(shadow="other")) == ["/invoices"]


def test_the_ledger_and_live_requests(make_store: MakeStore, url: str, read: Read) -> None:
    """Only what is new since the last turn is added; nothing is counted twice."""
    outcomes = {"next": {Outcome.ANSWERED: 5, Outcome.DROPPED_QUEUE_FULL: 2}}
    store = make_store(url, ledger=lambda: outcomes)
    for status in (200, 200, 404, None, 7000):
        store.note_request("GET", "/a", status)
    store.note_request("BREW", None, 200)
    for _ in range(3):
        store._turn()
    outcomes["next"][Outcome.ANSWERED] = 6
    store._turn()
    reader = read(url)
    assert reader.ledger() == [
        LedgerCount("next", "answered", "", 6),
        LedgerCount("next", "dropped", "queue_full", 2),
    ]
    summary = reader.summary()
    # The ledger has 8, and 6 answers were noted: the other two are on their way.
    assert (summary.live_requests, summary.ledger) == (8, {"answered": 6, "dropped": 2})
    assert reader.summary(Filter(route="default")).live_requests == 1
    assert reader.summary(Filter(route="default")).ledger == {}


def test_a_series_is_by_steps(make_store: MakeStore, url: str, read: Read) -> None:
    """Steps without anything are left out; the sum of all is the summary."""
    outcomes = {"next": {Outcome.DROPPED_BYTES_FULL: 2}}
    with running(make_store, url, ledger=lambda: outcomes) as store:
        for minute in (0, 1, 1, 5):
            store.put(judged(at=NOON - 600 + 60 * minute, differences=[TAX] if minute else []))
        store.note_request("GET", "/a", 200)
    reader = read(url)
    points = reader.series(Filter(since=NOON - 3600))
    base = NOON - 30 - 600
    assert [p.at for p in points] == [base, base + 60, base + 300, NOON - 30]
    assert [p.counts.total for p in points] == [1, 2, 1, 0]
    assert points[1].verdicts == {"body": 2}
    assert (points[1].latency.live.number, points[1].latency.shadow.number) == (2, 2)
    assert (points[3].live, points[3].ledger, points[3].drops) == (
        2,
        {"dropped": 2},
        {"bytes_full": 2},
    )
    assert len(reader.series(Filter(since=NOON - 3600), step=300)) == 3
    # Without a beginning there may be figures by the hour.
    assert [p.at for p in reader.series()] == [NOON // 3600 * 3600]


def test_times_bound_what_is_asked(make_store: MakeStore, url: str, read: Read) -> None:
    """From the minute of ``since`` on, up to ``until``."""
    with running(make_store, url) as store:
        for minute in range(10):
            store.put(judged(at=NOON - 60 * minute, differences=[TAX]))
    reader = read(url)
    where = Filter(since=NOON - 300, until=NOON - 60)
    assert reader.summary(where).counts.total == 5
    (group,) = reader.groups(where).groups
    assert group.number == 5
    assert reader.summary(Filter(since=NOON + 60)).counts.total == 0
    assert reader.summary(Filter(since=NOON + 60)).first_at is None


def test_latency_of_both_sides(make_store: MakeStore, url: str, read: Read) -> None:
    """Only where both answered."""
    with running(make_store, url) as store:
        for number in range(1, 101):
            live, shadow = answer(seconds=number / 1000), answer(seconds=number / 500)
            store.put(judged(live=live, shadows=shadow))
        store.put(failed())
    latency = read(url).latency()
    assert (latency.live.number, latency.shadow.number) == (100, 100)
    assert latency.live.mean == pytest.approx(0.0505)
    assert latency.live.p50 == pytest.approx(0.050, rel=0.2)
    assert latency.shadow.p99 == pytest.approx(0.198, rel=0.2)


def test_pairs_are_an_even_sample(make_store: MakeStore, url: str, read: Read) -> None:
    """Of all routes and days together, whatever each has kept."""
    plan = Plan(pairs_per_day=100)
    with running(make_store, url, plan) as store:
        for number in range(3000):
            busy = number % 3 != 0
            store.put(
                judged(
                    route="/busy" if busy else "/calm",
                    live=answer(seconds=float(number)),
                    shadows=answer(seconds=2.0 * number),
                )
            )
    reader = read(url)
    sample = reader.pairs()
    assert sample.population == 3000
    assert 100 <= len(sample.pairs) <= 200
    assert all(pair.shadow == 2 * pair.live for pair in sample.pairs)
    share = sum(pair.route == "/busy" for pair in sample.pairs) / len(sample.pairs)
    assert 0.5 < share < 0.83
    mean = sum(pair.live for pair in sample.pairs) / len(sample.pairs)
    assert 1000 < mean < 2000
    assert len(reader.pairs(Filter(route="/calm")).pairs) in (99, 100)
    assert reader.pairs(Filter(route="/calm")).population == 1000
    assert len(reader.pairs(limit=7).pairs) == 7
    assert reader.pairs(Filter(since=NOON + 60)).pairs == []


def test_few_pairs_are_all_kept(make_store: MakeStore, url: str, read: Read) -> None:
    """The sample is the population."""
    with running(make_store, url) as store:
        for _ in range(20):
            store.put(judged())
    sample = read(url).pairs()
    assert sample.population == len(sample.pairs) == 20


def test_groups_are_the_bugs(make_store: MakeStore, url: str, read: Read) -> None:
    """Each with count, share, first and last seen; filtered, ordered, page by page."""
    with running(make_store, url) as store:
        for number in range(6):
            store.put(judged(at=NOON + number, differences=[TAX]))
        store.put(judged(at=NOON - 5, differences=[TAX, DUE]))
        store.put(judged())
        store.put(failed("connect"))
        store.put(judged(shadow="other", route="/bills", differences=[DUE]))
    reader = read(url)
    page = reader.groups()
    assert page.total == 4
    tax = page.groups[0]
    assert (tax.pattern, tax.part, tax.kind, tax.verdict) == (
        "/lines/*/tax",
        "body",
        "value",
        "body",
    )
    assert (tax.number, tax.alone, tax.share) == (7, 6, 7 / 8)
    assert (tax.first_seen, tax.last_seen, tax.state) == (NOON - 5, NOON + 5, "open")
    assert tax.examples == 6
    (fails,) = reader.groups(Filter(verdict="shadow_failed")).groups
    assert (fails.part, fails.pattern, fails.share) == ("exchange", "connect", 1 / 9)
    assert reader.groups(Filter(shadow="other")).total == 1
    assert reader.groups(Filter(route="/bills")).groups[0].share == 1
    assert reader.groups(order="first_seen").groups[-1].first_seen == NOON - 5
    pages = [reader.groups(limit=3, offset=offset) for offset in (0, 3, 6)]
    assert [len(p.groups) for p in pages] == [3, 1, 0]
    assert {p.total for p in pages} == {4}
    assert len({g.id for p in pages for g in p.groups}) == 4
    assert (reader.summary().open_groups, reader.summary().closed_groups) == (4, 0)
    # One of its own, by the beginning of its id too.
    assert reader.group(tax.id) == reader.group(tax.id[:8]) == tax
    assert reader.group("ffff") is reader.group("") is reader.group("%") is None
    nothing = reader.group(tax.id, Filter(since=NOON + 3600))
    assert nothing is not None
    assert (nothing.number, nothing.share) == (0, 0)


@pytest.mark.parametrize("wanted", ["", "%", "____", "%%%%", "'--x"])
def test_a_group_is_never_found_by_chance(
    make_store: MakeStore, url: str, read: Read, wanted: str
) -> None:
    """Also where there is only one."""
    with running(make_store, url) as store:
        store.put(judged(differences=[TAX]))
    assert read(url).group(wanted) is None
    assert not read(url).close_group(wanted)


def test_an_example_comes_back_in_full(make_store: MakeStore, url: str, read: Read) -> None:
    """The exchange as it was put in."""
    exchange = judged(differences=[TAX], drift=[cent()])
    with running(make_store, url) as store:
        store.put(exchange)
    reader = read(url)
    (group,) = reader.groups().groups
    (head,) = reader.examples(group.id)
    assert (head.method, head.target, head.live_status) == ("POST", "/invoices?page=1", 200)
    example = reader.example(head.id)
    assert example is not None
    assert (example.head, example.judged) == (head, exchange)
    assert reader.example(head.id + 1) is None
    assert reader.examples("ffff") == []


def test_kept_are_the_newest_and_the_smallest(make_store: MakeStore, url: str, read: Read) -> None:
    """Also over many turns."""
    plan = Plan(examples_per_group=4)
    sizes = [50, 40, 60, 30, 70, 20, 80, 10, 90]
    store = make_store(url, plan)
    for number, size in enumerate(sizes):
        store.put(judged(at=NOON + 60 * number, body=b"x" * size, differences=[TAX]))
        store._turn()
    reader = read(url)
    heads = reader.examples(reader.groups().groups[0].id)
    assert [h.at - NOON for h in heads] == [8 * 60, 7 * 60, 5 * 60, 3 * 60]
    store.close()


def test_a_group_closes_and_reopens_when_it_recurs(
    make_store: MakeStore, url: str, read: Read
) -> None:
    """By hand, by clean rechecks; and what was on its way when it closed opens nothing."""
    store = make_store(url)
    store.put(judged(at=NOON - 60, differences=[TAX]))
    store._turn()
    reader = read(url)
    group = reader.groups().groups[0].id

    def state() -> tuple[str, int, int]:
        found = reader.group(group)
        assert found is not None
        return found.state, found.passes, found.reopened

    assert reader.close_group(group)
    assert state() == ("closed", 0, 0)
    assert reader.groups(state="open").total == 0
    assert reader.groups(state="closed").total == reader.summary().closed_groups == 1
    store.put(judged(at=NOON - 1, differences=[TAX]))
    store._turn()
    assert state() == ("closed", 0, 0)
    store.put(judged(at=NOON + 1, differences=[TAX]))
    store._turn()
    assert state() == ("open", 0, 1)
    for expected in (("open", 1, 1), ("open", 2, 1), ("closed", 3, 1)):
        assert reader.record_recheck(group, True, close_after=3) is not None
        assert state() == expected
    assert reader.record_recheck(group, True, close_after=3)
    assert state() == ("closed", 4, 1)
    assert reader.record_recheck(group, False)
    assert state() == ("open", 0, 2)
    assert reader.close_group(group)
    assert reader.reopen_group(group)
    assert state() == ("open", 0, 2)
    assert not reader.close_group("ffff")
    assert not reader.reopen_group("ffff")
    assert reader.record_recheck("ffff", True) is None
    store.close()


def test_money_drifts_are_exact_over_many_turns(
    make_store: MakeStore, url: str, read: Read
) -> None:
    """No binary floats anywhere."""
    store = make_store(url)
    for amount in ("0.1", "0.2", "-1", "123456789012345678901234567890.5"):
        store.put(judged(drift=[cent(amount), cent("1", "CHF")]))
        store._turn()
    store.put(judged(at=NOON + 86400, drift=[cent("5")]))
    store._turn()
    reader = read(url)
    rows = reader.drift(Filter(until=NOON + 3600))
    assert [(r.day, r.currency, r.number, r.up, r.down) for r in rows] == [
        ("2026-06-15", "CHF", 4, 4, 0),
        ("2026-06-15", "EUR", 4, 3, 1),
    ]
    assert rows[1].total == Decimal("123456789012345678901234567889.8")
    assert [r.total for r in reader.drift(Filter(since=NOON + 86400))] == [5]
    store.close()


def test_coverage_shows_what_was_never_compared(
    make_store: MakeStore, url: str, read: Read
) -> None:
    """Beside what clients asked."""
    with running(make_store, url) as store:
        for _ in range(10):
            store.note_request("POST", "/invoices", 200)
        store.note_request("DELETE", "/invoices", 204)
        for _ in range(3):
            store.put(judged())
        store.put(judged(Verdict.NOT_COMPARED, reason="no_room", body=b'{"rare": 1}'))
    rows = read(url).coverage()
    assert [(r.method, r.status, r.shape, r.live, r.mirrored, r.compared) for r in rows] == [
        ("POST", 200, "?page {amount,currency}", 10, 3, 3),
        ("POST", 200, "?page {rare}", 10, 1, 0),
        ("DELETE", 204, "", 1, 0, 0),
    ]
    assert {r.shadow for r in rows} == {"next"}


def test_noise_is_what_differs_alone(make_store: MakeStore, url: str, read: Read) -> None:
    """By place, whatever the kind of difference."""
    with running(make_store, url) as store:
        for _ in range(9):
            store.put(judged(differences=[DUE]))
        store.put(judged(differences=[DUE, TAX]))
        store.put(judged())
        store.put(failed())
    first, second = read(url).noise()
    assert (first.pattern, first.kinds, first.differs, first.alone) == ("/due", ["value"], 10, 9)
    assert (second.pattern, second.differs, second.alone, second.compared) == (
        TAX.pattern,
        1,
        0,
        11,
    )


def test_isolation_has_both_sides(make_store: MakeStore, url: str, read: Read) -> None:
    """With what an interval needs."""
    with running(make_store, url) as store:
        for number in range(10):
            store.note_isolation(False, 0.1, number == 0)
        store.note_isolation(True, 0.2, False)
    isolation = read(url).isolation()
    mirrored = isolation.mirrored
    assert (mirrored.number, mirrored.errors) == (10, 1)
    assert mirrored.sum == pytest.approx(1.0)
    assert mirrored.sum_of_squares == pytest.approx(0.1)
    assert mirrored.latency.p50 == pytest.approx(0.1, rel=0.2)
    assert (isolation.held_out.number, isolation.held_out.sum) == (1, 0.2)


def test_the_floor_is_kept_apart(make_store: MakeStore, url: str, read: Read) -> None:
    """Live against live is in no figure of the shadows."""
    with running(make_store, url) as store:
        store.put(judged(shadow=FLOOR))
        store.put(judged(shadow=FLOOR, differences=[DUE]))
        store.put(judged())
    reader = read(url)
    assert (reader.floor().compared, reader.floor().differs) == (2, 1)
    assert reader.summary().counts.total == 1
    assert reader.groups().total == 0
    assert reader.groups(Filter(shadow=FLOOR)).groups[0].share == 0.5
    assert reader.shadows() == ["next"]
    assert reader.coverage()[0].mirrored == 1


def test_the_store_tells_of_itself(make_store: MakeStore, url: str, read: Read) -> None:
    """Its size, its version, when it was last written, and what was lost."""
    with running(make_store, url) as store:
        store.put(judged(drift=[cent("NaN")]))
    health = read(url).health()
    assert (health.schema, health.written_at, health.lost) == (1, NOON, {"drift": 1})
    assert health.size > 0
    assert health.url == url


def test_odd_text_is_stored(make_store: MakeStore, url: str, read: Read) -> None:
    """NUL and lone surrogates in keys, values and targets; text that looks like SQL."""
    odd = difference("/\x00\ud800'; DROP TABLE gateway_groups; --", live="\ud800\x00", shadow=None)
    with running(make_store, url) as store:
        store.put(judged(differences=[odd], target="/a?\x00\ud800=1", request_id="\x00"))
    reader = read(url)
    (group,) = reader.groups().groups
    (head,) = reader.examples(group.id)
    example = reader.example(head.id)
    assert example is not None
    assert example.judged.comparison.differences == (odd,)


def test_a_reader_makes_no_store(tmp_path: Path) -> None:
    """Somebody who asks in the wrong folder is told so."""
    with pytest.raises(StoreMissing, match="there is no store"):
        open_reader(f"sqlite:///{tmp_path}/gateway.db")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "empty.db").touch()
    with pytest.raises(StoreMissing, match="no gateway has kept figures"):
        open_reader(f"sqlite:///{tmp_path}/empty.db")
    assert [path.name for path in tmp_path.iterdir()] == ["empty.db"]
