"""A replay's figures, for people and for programs."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from gateway.compare.answer import Answer
from gateway.compare.comparer import Comparer
from gateway.compare.verdict import Count
from gateway.settings.comparison import Compare
from gateway.traffic.recorded import Recorded
from gateway.traffic.replay import Replayed
from gateway.traffic.results import Results, Times
from gateway.traffic.summary import document_of, printable, text_of
from tests.traffic.exchanges import AT, answer, copy, recorded


def replayed(got: Answer | str, exchange: Recorded | None = None, lag: float = 0.0) -> Replayed:
    return Replayed(exchange or recorded(live=answer(b'{"total": 10.10}')), got, AT, lag)


@pytest.fixture
def results() -> Results:
    """Of each kind something."""
    made = Results(Comparer(Compare()).compare)
    for _ in range(6):
        made.add(replayed(answer(b'{"total": 10.1}')))
    for total in (b"11", b"12"):
        made.add(replayed(answer(b'{"total": ' + total + b"}")))
    made.add(replayed(answer(b'{"total": 11}', status=500)))
    made.add(replayed("reset"))
    made.add(replayed("read_timed_out"))
    made.add(replayed(answer(), recorded()._replace(live=None)))
    return made


def test_the_counts_are_kept_apart(results: Results) -> None:
    """And sum up to what was sent."""
    assert results.counts == {
        Count.MATCH: 6,
        Count.DIFFERS: 3,
        Count.SHADOW_FAILED: 2,
        Count.NOT_COMPARABLE: 1,
    }
    assert sum(results.counts.values()) == results.sent == 12
    assert results.comparable == 11
    assert results.match_percent == pytest.approx(600 / 11)


def test_differences_are_grouped(results: Results) -> None:
    """By what they say, the most frequent first, with an example."""
    groups = list(results.by_count())
    assert [(key.part, key.kind, key.pattern, group.count) for key, group in groups] == [
        ("body", "value", "/total", 3),
        ("status", "status", "", 1),
    ]
    difference = groups[0][1].difference
    assert (difference.live, difference.shadow) == (Decimal("10.10"), 11)


def test_an_exchange_counts_once_for_a_group() -> None:
    """Ten lines that differ are one exchange that does."""
    made = Results(Comparer(Compare()).compare)
    live, now = ({"lines": [{"n": n + more} for n in range(10)]} for more in (0, 1))
    exchange = recorded(live=answer(json.dumps(live).encode()))
    made.add(replayed(answer(json.dumps(now).encode()), exchange))
    ((key, group),) = made.by_count()
    assert (key.pattern, group.count, group.difference.pointer) == ("/lines/*/n", 1, "/lines/0/n")


def test_groups_are_bounded() -> None:
    """A target that differs in everything is no reason to hold everything."""
    made = Results(Comparer(Compare(max_differences=1000)).compare)
    for number in range(3):
        live = {f"{number}-{member}-x": 1 for member in range(600)}
        exchange = recorded(live=answer(json.dumps(live).encode()))
        made.add(replayed(answer(b"{}"), exchange))
    assert len(made.groups) == 1000
    assert made.ungrouped == 800


def test_text_for_people(results: Results) -> None:
    """What was sent, answered, compared, and where it differed."""
    text = "\n".join(text_of(results, "http://localhost:3000", 2.0))
    assert "sent 12 to http://localhost:3000 in 2.0 s (6.0/s)" in text
    assert "200: 9, 500: 1" in text
    assert "read_timed_out: 1, reset: 1" in text
    assert "54.55 % match (6 match, 3 differ, 1 not comparable, 2 failed)" in text
    assert "3  GET body value /total" in text
    assert "live 10.10, here 11, as in /invoices/1" in text


def test_json_for_programs(results: Results) -> None:
    """The same, with numbers as they were."""
    text = document_of(results, "http://localhost:3000", 2.0)
    document = json.loads(text, parse_float=Decimal)
    assert document["counts"] == {
        "match": 6,
        "match_after_ignoring": 0,
        "differs": 3,
        "not_comparable": 1,
        "shadow_failed": 2,
    }
    assert document["groups"][0]["live"] == Decimal("10.10")
    assert document["not_compared"] == {"live_failed": 1}
    assert document["failed"] == {"reset": 1, "read_timed_out": 1}


def test_without_comparing_there_is_nothing_said_of_it() -> None:
    """Not "0 % match"."""
    made = Results()
    made.add(replayed(answer()))
    assert "compared" not in "".join(text_of(made, "u", 1))
    assert "counts" not in json.loads(document_of(made, "u", 1))


def test_nothing_sent_is_a_summary_too() -> None:
    """Without figures of nothing."""
    assert list(text_of(Results(), "u", 0.0)) == ["sent 0 to u in 0.0 s"]
    assert json.loads(document_of(Results(), "u", 0.0))["latency"] is None


def test_a_late_client_is_told() -> None:
    """Latencies that it measured say little of the target."""
    made = Results()
    made.add(replayed(answer(), lag=0.5))
    assert "--concurrency" in "".join(text_of(made, "u", 1))


def test_percentiles_are_values_that_occurred() -> None:
    """Nearest rank, worst included."""
    assert Times.of([float(n) for n in range(100, 0, -1)]) == (50, 99, 100)
    assert Times.of([3.0]) == (3, 3, 3)
    assert Times.of([]) is None


@pytest.mark.parametrize("char", ["\x1b", "\x00", "\x9b", "\u202e", "\n", "\r", "\x7f"])
def test_nothing_a_target_says_reaches_a_terminal_that_would_obey(char: str) -> None:
    """Neither in values nor in names."""
    assert printable(f"a{char}[2Jb") == "a?[2Jb"
    live = json.dumps({f"a{char}": f"b{char}"}).encode()
    made = Results(Comparer(Compare()).compare)
    exchange = recorded(copy(f"GE{char}T", f"/{char}"), answer(live), route=f"r{char}")
    made.add(replayed(answer(b"{}"), exchange))
    assert all(line.isprintable() for line in text_of(made, "u", 1))
