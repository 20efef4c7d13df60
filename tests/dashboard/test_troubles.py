"""What is wrong now, and what to do: told of the moment, not of a day."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.admin.dashboard.troubles import Moment, Trouble, recent, troubles
from gateway.shadow.outcome import Outcome
from gateway.store.values import LedgerCount

REFUSED = "no connection to http://127.0.0.1:9002: Connection refused"


def shadow(name: str = "rewrite", **more: Any) -> dict[str, Any]:
    """As the admin application tells of one that is well."""
    well = {
        "name": name,
        "url": "http://127.0.0.1:9002",
        "percent": 100.0,
        "off": False,
        "why": "",
        "resting_workers": 0,
        "unreachable": None,
    }
    return well | more


def counts(name: str = "rewrite", **numbers: int) -> list[LedgerCount]:
    """A ledger; names are those of ``Outcome``, in lower case."""
    return [
        LedgerCount(name, *Outcome[word.upper()].value, number) for word, number in numbers.items()
    ]


def told(recent: list[LedgerCount] | None = None, **more: Any) -> list[Trouble]:
    return troubles(Moment(None, 2, [shadow(**more)]), recent or [])


def test_where_all_is_well_nothing_is_told() -> None:
    """Also not of one failure among many, and of drops that are meant."""
    assert told(counts(answered=100)) == []
    assert told(counts(answered=1000, failed_reset=9, dropped_draining=500)) == []
    assert told(counts(dropped_breaker_open=5, answered=10)) == []


def test_a_shadow_that_is_down_is_told_at_once() -> None:
    """Before any request failed, and with the reason that the system gives."""
    (one,) = told(unreachable=REFUSED)
    assert (one.level, one.about, one.state) == ("bad", "rewrite", "unreachable")
    assert "Connection refused" in one.text
    assert one.advice.startswith("Start it")
    assert "Clients do not notice" in one.advice


def test_a_shadow_that_is_back_is_told_of_no_more() -> None:
    """The failures of the last minute are over."""
    assert told(counts(failed_connect=80, answered=2)) == []
    (tls,) = told(counts(failed_connect=80, answered=2), url="https://rewrite")
    assert "80 of 82 copies" in tls.text
    assert "certificate" in tls.advice


@pytest.mark.parametrize(
    ("recent", "text", "advice"),
    [
        (counts(failed_timed_out=30, answered=10), "does not answer in time", "timeout"),
        (counts(failed_reset=30, answered=10), "breaks connections", "log"),
        (counts(failed_bad_answer=30, answered=10), "not HTTP", "url"),
        (counts(failed_internal=30, answered=10), "gateway's own", "log"),
        (counts(dropped_queue_full=30, answered=10), "slower than", "rewrite --percent"),
        (counts(dropped_bytes_full=30, answered=10), "bodies", "max_queue_bytes"),
        (counts(dropped_overloaded=30, answered=10), "live needs", "rewrite --percent"),
        (counts(dropped_hook_failed=30, answered=10), "hook", "traceback"),
    ],
    ids=lambda value: value[0].reason if isinstance(value, list) else None,
)
def test_failures_and_drops_of_the_last_minute(
    recent: list[LedgerCount], text: str, advice: str
) -> None:
    """Each with its number, and what can be done about it."""
    (one,) = told(recent)
    assert text in one.text
    assert "30 of 40 copies" in one.text
    assert advice in one.advice
    level = {"failed": ("bad", "failing"), "dropped": ("early", "dropping")}
    assert (one.level, one.state) == level[recent[0].outcome]


@pytest.mark.parametrize(
    ("failed", "level"), [(11, "bad"), (10, "early")], ids=["hardly there", "now and then"]
)
def test_how_bad_failures_are(failed: int, level: str) -> None:
    """A few are worth a look, and may be over; it says of which time they are."""
    (one,) = told(counts(failed_reset=failed, answered=100 - failed))
    assert (one.level, one.state) == (level, "failing")
    assert f"{failed} of 100 copies failed in the last two minutes" in one.text


def test_every_reason_of_the_ledger_has_words() -> None:
    """But drops that follow from something else, and are no trouble."""
    for outcome in Outcome:
        if outcome.outcome == "failed" and outcome is not Outcome.FAILED_CONNECT:
            (one,) = told(counts(**{outcome.name.lower(): 5}))
            assert f"({outcome.reason})" not in one.text
        if outcome.outcome == "dropped":
            found = told(counts(**{outcome.name.lower(): 5}))
            consequence = outcome in {Outcome.DROPPED_BREAKER_OPEN, Outcome.DROPPED_DRAINING}
            assert len(found) == (not consequence), outcome


def test_a_rest_is_explained() -> None:
    """By what it comes from, if that is known."""
    (one,) = told(counts(failed_reset=50, dropped_breaker_open=900), resting_workers=2)
    assert "breaks connections" in one.text
    assert "given a rest" in one.advice
    assert one.state == "resting"
    (one,) = told(counts(answered=500, failed_reset=1), resting_workers=2)
    assert "given a rest in 2 workers" in one.text
    assert one.level == "early"


@pytest.mark.parametrize(
    ("why", "level", "text"),
    [("", "early", "is switched off"), ("isolation", "bad", "cost live more than its budget")],
    ids=["by a person", "by itself"],
)
def test_a_shadow_that_is_off(why: str, level: str, text: str) -> None:
    """Who switched it, and how to go on."""
    (one,) = told(off=True, why=why)
    assert (one.level, one.state) == (level, "off")
    assert text in one.text
    assert "gateway shadow rewrite --reset" in one.advice


@pytest.mark.parametrize(
    ("answered", "said"), [(20, "this minute"), (19, "both")], ids=["enough", "too few"]
)
def test_what_is_over_is_soon_forgotten(answered: int, said: str) -> None:
    """This minute's ledger is enough, as soon as there is something in it."""

    def ledger(since: float) -> list[LedgerCount]:
        now = counts(answered=answered, skipped_route=500)
        return now if since == 1000.0 else [*now, *counts(failed_reset=50)]

    assert bool(told(recent(ledger, 1000.0))) is (said == "both")


def test_live_and_the_workers_come_first() -> None:
    """What clients notice is worse than anything a shadow does."""
    moment = Moment("no connection to x: y", 0, [shadow(off=True), shadow("b", unreachable="z")])
    found = troubles(moment, [])
    assert [each.about for each in found] == ["live", "workers", "b", "rewrite"]
    assert "502" in found[0].advice
