"""The door to the shadow side: decides, offers, and lets nothing out."""

from __future__ import annotations

import logging
import time
from threading import Event
from typing import Any

import pytest

from gateway.exchange import LiveOutcome
from gateway.routes import RouteTable
from gateway.settings.model import Shadow
from gateway.shadow.copy import Copy
from gateway.shadow.fanout import Fanout
from gateway.shadow.ledger import Ledger
from gateway.shadow.outcome import Outcome
from gateway.shadow.pool import ShadowPool
from gateway.shadow.switch import Switch
from gateway.shadow.upstream import ShadowUpstream
from gateway.transport import Http1Adapter, UpstreamSession
from tests.support.upstream import stalled, upstream
from tests.support.waiting import wait_for


def copy(method: str = "GET", target: str = "/a", body: bytes = b"") -> Copy:
    return Copy("id", method, target, (("Host", "h.test"),), body, had_body=bool(body))


class House:
    """A fanout to one shadow, with everything below it real."""

    def __init__(self, url: str = "http://127.0.0.1:1", **shadow: Any) -> None:
        self.switch = Switch()
        self.session = UpstreamSession(Http1Adapter(retry_stale=False))
        self.shadow = ShadowUpstream(
            Shadow(url=url, name="s", **shadow), self.session, lambda name: self.switch
        )
        self.pool = ShadowPool(threads=2, max_queue=2, max_queue_bytes=1000)
        self.ledger = Ledger(["s"])
        self.taken = 0
        self.fanout = Fanout(
            [self.shadow],
            self.pool,
            self.ledger,
            routes=RouteTable([("/private", (), False)], default=True),
        )

    def __enter__(self) -> House:
        return self

    def __exit__(self, *exc: object) -> None:
        self.pool.close(5)
        self.session.close()

    def outcome_of(self, copy: Copy, live: LiveOutcome = LiveOutcome.ANSWERED) -> Outcome:
        """The one outcome the ledger gets for a copy."""
        self.taken += len(self.fanout.offer(copy, live).taken)
        wait_for(lambda: self.ledger.total("s"), "the ledger")
        (outcome,) = self.ledger.snapshot()["s"]
        return outcome


_SKIPS: list[tuple[str, dict[str, Any], Copy, LiveOutcome, Outcome]] = [
    ("route", {"routes": ("/b",)}, copy(), LiveOutcome.ANSWERED, Outcome.SKIPPED_ROUTE),
    ("no-mirror", {}, copy(target="/private/x"), LiveOutcome.ANSWERED, Outcome.SKIPPED_ROUTE),
    ("spelled", {}, copy(target="//private/x"), LiveOutcome.ANSWERED, Outcome.SKIPPED_ROUTE),
    ("method", {"methods": ("GET",)}, copy("PUT"), LiveOutcome.ANSWERED, Outcome.SKIPPED_METHOD),
    ("percent", {"percent": 0}, copy(), LiveOutcome.ANSWERED, Outcome.SKIPPED_SAMPLED_OUT),
    ("size", {"max_body": 2}, copy(body=b"abc"), LiveOutcome.ANSWERED, Outcome.SKIPPED_TOO_LARGE),
    (
        "live-refused",
        {"mirror_refused": False},
        copy(),
        LiveOutcome.REFUSED,
        Outcome.SKIPPED_LIVE_REFUSED,
    ),
    (
        "live-failed",
        {"mirror_refused": False},
        copy(),
        LiveOutcome.FAILED,
        Outcome.SKIPPED_LIVE_REFUSED,
    ),
    (
        "abandoned",
        {"mirror_abandoned": False},
        copy(),
        LiveOutcome.ABANDONED,
        Outcome.SKIPPED_ABANDONED,
    ),
]


@pytest.mark.parametrize(
    ("settings", "copy", "live", "outcome"),
    [row[1:] for row in _SKIPS],
    ids=[row[0] for row in _SKIPS],
)
def test_a_request_that_is_not_for_the_shadow_is_skipped_with_its_reason(
    settings: dict[str, Any], copy: Copy, live: LiveOutcome, outcome: Outcome
) -> None:
    """And nothing is sent."""
    with upstream() as server, House(server.url, **settings) as house:
        assert house.outcome_of(copy, live) is outcome
        assert house.pool.snapshot().done == 0
    assert server.taken() == []


def test_a_shadow_that_is_switched_off_gets_nothing() -> None:
    """While the gateway runs."""
    with House() as house:
        house.switch = Switch(off=True)
        assert house.shadow.percent == 0
        assert house.outcome_of(copy()) is Outcome.SKIPPED_SWITCHED_OFF


def test_the_percent_can_be_changed_while_running() -> None:
    """The switch overrides the settings."""
    with upstream() as server, House(server.url, percent=0) as house:
        house.switch = Switch(percent=100)
        assert house.outcome_of(copy()) is Outcome.ANSWERED


@pytest.mark.parametrize("live", list(LiveOutcome), ids=lambda live: live.value)
def test_whatever_live_did_is_mirrored_by_default(live: LiveOutcome) -> None:
    """Refused by live or abandoned by the client included."""
    with upstream() as server, House(server.url) as house:
        assert house.outcome_of(copy(), live) is Outcome.ANSWERED
        assert house.taken == 1


@pytest.mark.parametrize("error", [ValueError, SystemExit, KeyboardInterrupt, MemoryError])
def test_what_goes_wrong_while_deciding_stays_here(
    error: type[BaseException], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It reaches neither the client nor the worker; it is counted and logged."""
    with House() as house, caplog.at_level(logging.ERROR):

        def broken(copy: Copy, live: LiveOutcome) -> Outcome:
            raise error("policy")

        monkeypatch.setattr(house.shadow, "decide", broken)
        assert house.outcome_of(copy()) is Outcome.FAILED_INTERNAL
    assert "Mirroring to s failed" in caplog.text


@pytest.mark.parametrize("error", [ValueError, SystemExit, KeyboardInterrupt, MemoryError])
@pytest.mark.parametrize("part", ["build", "begin", "forward"])
def test_what_goes_wrong_while_calling_stays_here(
    part: str,
    error: type[BaseException],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """In building the request, in sending and in reading alike."""
    with House() as house, caplog.at_level(logging.ERROR):

        def broken(*args: object, **kwargs: object) -> Outcome:
            raise error(part)

        monkeypatch.setattr(house.shadow if part == "build" else house.session, part, broken)
        assert house.outcome_of(copy()) is Outcome.FAILED_INTERNAL
        assert house.outcome_of(copy()) is Outcome.FAILED_INTERNAL
    assert "inside the gateway" in caplog.text


def test_an_offer_says_who_takes_none_and_why() -> None:
    """Skipped or dropped; the others take a copy."""
    with upstream() as server, House(server.url) as house:
        picky = Shadow(url=server.url, name="picky", methods=("PUT",))
        other = ShadowUpstream(picky, house.session, lambda name: house.switch)
        house.ledger = Ledger(["s", "picky"])
        house.fanout = Fanout(
            [other, house.shadow], house.pool, house.ledger, routes=RouteTable((), default=True)
        )
        offered = house.fanout.offer(copy(), LiveOutcome.ANSWERED)
        assert offered.taken == ("s",)
        assert offered.missed == (("picky", Outcome.SKIPPED_METHOD),)
        wait_for(lambda: house.pool.snapshot().done, "the copy")
        house.pool.close(0)
        offered = house.fanout.offer(copy("PUT"), LiveOutcome.ANSWERED)
        assert offered.taken == ()
        assert dict(offered.missed) == dict.fromkeys(["picky", "s"], Outcome.DROPPED_DRAINING)


def test_a_saturated_pool_drops_the_copy_and_says_why() -> None:
    """The ledger has it like every other end."""
    with House(timeout=5) as house:
        house.pool.close(0)
        assert house.outcome_of(copy()) is Outcome.DROPPED_DRAINING
        assert house.taken == 0


def test_refused_requests_are_skipped_for_every_shadow() -> None:
    """They never got as far as the mirror."""
    with House() as house:
        house.fanout.skip(Outcome.SKIPPED_REFUSED)
        assert house.ledger.snapshot() == {"s": {Outcome.SKIPPED_REFUSED: 1}}


def test_a_trial_that_the_pool_refused_is_not_lost() -> None:
    """The breaker lets the next copy try."""
    with House(breaker_failures=1, breaker_cooldown=0.001) as house:
        assert house.outcome_of(copy()) is Outcome.FAILED_CONNECT
        wait_for(lambda: house.shadow.breaker.is_open, "the breaker")
        house.pool.close(1)
        for _ in range(2):
            pause = time.monotonic() + 0.01
            wait_for(lambda pause=pause: time.monotonic() > pause, "the cool-down")
            house.fanout.offer(copy(), LiveOutcome.ANSWERED)
        assert house.ledger.snapshot()["s"][Outcome.DROPPED_DRAINING] == 2


def test_copies_that_waited_while_the_breaker_opened_are_not_sent() -> None:
    """It is to have a rest now, not when the queue is empty."""
    hold = Event()
    with (
        upstream(lambda r: lambda connection: stalled(connection, hold)) as server,
        House(server.url, breaker_failures=1, breaker_cooldown=60) as house,
    ):
        for _ in range(4):  # two run, two wait
            house.fanout.offer(copy(), LiveOutcome.ANSWERED)
        wait_for(lambda: len(server.taken()) == 2, "two calls")
        hold.set()
        wait_for(lambda: house.ledger.total("s") == 4, "all ends")
    assert house.ledger.snapshot()["s"] == {
        Outcome.FAILED_RESET: 2,
        Outcome.DROPPED_BREAKER_OPEN: 2,
    }
    assert len(server.taken()) == 2


class _NotSent:
    """Work that finds, when its turn comes, that it is not to be sent."""

    ends = 0.0

    def begin(self) -> Outcome:
        return Outcome.SKIPPED_SAMPLED_OUT

    finish = begin

    def fileno(self) -> int:
        return -1

    def advance(self) -> None:
        return None


def test_a_trial_that_was_not_sent_says_nothing_about_the_shadow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The breaker stays open, and lets the next one try."""
    with House(breaker_failures=1, breaker_cooldown=0.001) as house:
        assert house.outcome_of(copy()) is Outcome.FAILED_CONNECT
        wait_for(lambda: house.shadow.breaker.is_open, "the breaker")
        monkeypatch.setattr(house.shadow, "call", lambda *args: _NotSent())
        for expected in (1, 2):
            pause = time.monotonic() + 0.01
            wait_for(lambda pause=pause: time.monotonic() > pause, "the cool-down")
            house.fanout.offer(copy(), LiveOutcome.ANSWERED)
            wait_for(lambda n=expected: house.ledger.total("s") == n + 1, "the ledger")
        assert house.ledger.snapshot()["s"][Outcome.SKIPPED_SAMPLED_OUT] == 2
        assert house.shadow.breaker.is_open


@pytest.mark.parametrize(
    ("sent", "outcome"),
    [
        ([copy()] * 4, Outcome.DROPPED_QUEUE_FULL),
        ([copy("PUT", body=b"x" * 500)] * 2, Outcome.DROPPED_BYTES_FULL),
    ],
    ids=["copies", "bytes"],
)
def test_while_the_pool_is_full_it_says_so_before_live_is_asked(
    sent: list[Copy], outcome: Outcome
) -> None:
    """Nothing need be kept of an answer that nobody will compare."""
    hold = Event()
    with (
        upstream(lambda request: lambda connection: stalled(connection, hold)) as server,
        House(server.url) as house,
    ):
        assert house.fanout.gives_nothing() is None
        for each in sent:
            assert house.fanout.offer(each, LiveOutcome.ANSWERED).taken
        assert house.fanout.gives_nothing() is outcome
        hold.set()
        wait_for(lambda: house.fanout.gives_nothing() is None, "room in the pool")
