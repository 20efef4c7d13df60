"""What is captured of live's answer on its way to the client, and what is not disturbed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Event
from typing import Any

import pytest

from gateway.compare.answer import Answer
from gateway.compare.thread import Comparisons
from gateway.compare.verdict import Comparison, Judged, Tally, Verdict
from gateway.exchange import Exchange
from gateway.mirror import Mirror
from gateway.routes import RouteTable
from gateway.settings.model import Shadow
from gateway.shadow.fanout import Fanout
from gateway.shadow.holdout import Holdout
from gateway.shadow.ledger import Ledger
from gateway.shadow.outcome import Outcome
from gateway.shadow.pool import ShadowPool
from gateway.shadow.switch import Switch
from gateway.shadow.upstream import ShadowUpstream
from gateway.transport import Http1Adapter, UpstreamSession
from tests.support.upstream import Upstream, upstream
from tests.support.waiting import wait_for
from tests.test_mirror import environ

FIELDS = [("Content-Type", "text/plain")]


class House:
    """A mirror around an application, with a real shadow and a real comparing thread."""

    def __init__(self, shadow: Upstream, holdout: float = 0.0, **settings: Any) -> None:
        self.told: list[Judged | Tally] = []
        self.watched: list[tuple[bool, float, bool]] = []
        self.session = UpstreamSession(Http1Adapter(retry_stale=False))
        self.pool = ShadowPool(threads=2, max_queue=9, max_queue_bytes=1000)
        self.ledger = Ledger(["s"])
        self.comparisons = Comparisons(
            lambda request, live, shadow: Comparison(Verdict.MATCH),
            [self.told.append],
            max_body=1000,
            max_bytes=1 << 20,
            max_queue=9,
            share=1.0,
        )
        switch = Switch()
        made = ShadowUpstream(
            Shadow(url=shadow.url, name="s", **settings), self.session, lambda name: switch
        )
        self.fanout = Fanout(
            [made],
            self.pool,
            self.ledger,
            routes=RouteTable([], default=True),
            comparing=self.comparisons,
            holdout=Holdout(holdout),
            watchers=[lambda *told: self.watched.append(told)],
        )

    def serve(
        self,
        app: Callable[..., Any],
        client: Callable[[Any], Any] = b"".join,
        start: Callable[..., Any] = lambda status, fields, exc_info=None: lambda data: None,
    ) -> Any:
        """One request, as a server makes it."""
        parts = Mirror(app, self.fanout, 1000)(environ(), start)
        try:
            return client(parts)
        finally:
            parts.close()  # type: ignore[attr-defined]

    def judged(self) -> Judged:
        wait_for(lambda: self.told, "the verdict")
        (judged,) = self.told
        assert isinstance(judged, Judged)
        return judged

    def live(self) -> Answer:
        live = self.judged().live
        assert live is not None
        return live

    def __enter__(self) -> House:
        return self

    def __exit__(self, *exc: object) -> None:
        self.pool.close(5)
        self.session.close()
        self.comparisons.close(5)
        assert self.comparisons.budget.held == 0


@pytest.fixture
def house() -> Iterator[House]:
    with upstream() as shadow, House(shadow) as built:
        yield built


def at_once(environ: Any, start: Any) -> Any:
    start("200 OK", FIELDS)
    return [b"abc", b"", b"def"]


def generated(environ: Any, start: Any) -> Any:
    start("200 OK", FIELDS)
    yield b"abc"
    yield b"def"


def written(environ: Any, start: Any) -> Any:
    write = start("200 OK", FIELDS)
    write(b"abc")
    write(b"d")
    return [b"ef"]


def changing_its_mind(environ: Any, start: Any) -> Any:
    start("500 No", [("Other", "x")])
    start("200 OK", FIELDS, (ValueError, ValueError(), None))
    return [b"abcdef"]


@pytest.mark.parametrize("app", [at_once, generated, written, changing_its_mind])
def test_the_answer_is_captured_however_it_is_made(app: Any, house: House) -> None:
    """As the client got it."""
    got: list[bytes] = []
    house.serve(app, got.extend, lambda status, fields, exc_info=None: got.append)
    live = house.live()
    assert (live.status, live.fields, live.body) == (200, tuple(FIELDS), b"abcdef")
    assert b"".join(got) == b"abcdef"


def test_fields_are_kept_by_value(house: House) -> None:
    """What anybody does to the list later is not what the client got."""
    fields = list(FIELDS)

    def app(environ: Any, start: Any) -> Any:
        start("200 OK", fields)
        fields.clear()
        return [b"x"]

    house.serve(app)
    assert house.live().fields == tuple(FIELDS)


def test_only_the_time_that_live_took_is_live_s(house: House) -> None:
    """Not that in which the client was slow to read."""
    pause = Event()

    def app(environ: Any, start: Any) -> Any:
        start("200 OK", FIELDS)
        pause.wait(0.05)
        yield b"x"
        pause.wait(0.05)
        yield b"y"

    def slow(parts: Any) -> None:
        for _ in parts:
            pause.wait(0.3)

    house.serve(app, slow)
    assert 0.1 <= house.live().seconds < 0.3


def test_a_proxy_s_own_time_to_the_head_is_taken(house: House) -> None:
    """Without what the gateway does before and after."""

    def app(environ: Any, start: Any) -> Any:
        Exchange.of(environ).upstream_seconds = 7.0
        start("200 OK", FIELDS)
        return [b"x"]

    house.serve(app)
    assert 7.0 <= house.live().seconds < 7.1


@pytest.mark.parametrize("settings", [{}, {"mirror_abandoned": False}], ids=["early", "late"])
def test_whatever_a_client_does_one_verdict_is_given(settings: dict[str, Any]) -> None:
    """Whether the offer waits for the end or not."""
    with upstream() as shadow, House(shadow, **settings) as house:
        house.serve(at_once)
        assert house.live().body == b"abcdef"


def test_a_client_that_leaves_abandons_the_comparison(house: House) -> None:
    """There is no whole answer to compare with."""
    house.serve(generated, next)
    judged = house.judged()
    assert (judged.live, judged.comparison.reason) == (None, "abandoned")


def broken(environ: Any, start: Any) -> Any:
    start("200 OK", FIELDS)
    yield b"x"
    raise ValueError("live")


def raising(environ: Any, start: Any) -> Any:
    raise ValueError("live")


@pytest.mark.parametrize("app", [broken, raising])
def test_live_s_failure_is_no_comparison_and_counts_as_failed(app: Any, house: House) -> None:
    """And passes through as it was."""
    with pytest.raises(ValueError, match="live"):
        house.serve(app)
    assert house.judged().comparison.reason == "live_failed"
    ((held_out, _, failed),) = house.watched
    assert (held_out, failed) == (False, True)


@pytest.mark.parametrize(
    ("holdout", "settings", "watched"),
    [(0.0, {}, [False]), (100.0, {}, [True]), (100.0, {"methods": ("PUT",)}, [])],
    ids=["mirrored", "held-out", "not-eligible"],
)
def test_requests_that_could_be_mirrored_are_watched(
    holdout: float, settings: dict[str, Any], watched: list[bool]
) -> None:
    """Once each, by whether they were held out; others tell nothing about mirroring."""
    with upstream() as shadow, House(shadow, holdout, **settings) as house:
        house.serve(at_once)
        assert [held_out for held_out, _, _ in house.watched] == watched
        assert all(0 < seconds < 5 and not failed for _, seconds, failed in house.watched)
        wait_for(lambda: house.ledger.total("s"), "the ledger")
        expected = {False: Outcome.ANSWERED, True: Outcome.SKIPPED_HELD_OUT}
        outcome = expected[watched[0]] if watched else Outcome.SKIPPED_METHOD
        assert house.ledger.snapshot() == {"s": {outcome: 1}}


def test_what_nobody_takes_is_not_kept(house: House) -> None:
    """A stream may go on for hours; from the offer on nothing of it is held."""
    house.pool.close(1)
    held = []

    def client(parts: Any) -> None:
        for _ in parts:
            held.append(house.comparisons.budget.held)

    house.serve(lambda environ, start: (start("200 OK", FIELDS), [b"x" * 100] * 9)[1], client)
    assert held[0] > 100
    assert set(held[2:]) == {held[-1]}
    assert held[-1] < held[0]


def test_a_failure_while_deciding_has_its_verdict_too(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ledger has a failure, so the comparison has one."""

    def broken(*args: object) -> None:
        raise ValueError("policy")

    monkeypatch.setattr(house.fanout.shadows[0], "decide", broken)
    house.serve(at_once)
    judged = house.judged()
    assert (judged.comparison.verdict, judged.comparison.reason) == (
        Verdict.SHADOW_FAILED,
        "internal",
    )
    assert house.ledger.snapshot() == {"s": {Outcome.FAILED_INTERNAL: 1}}


@pytest.mark.parametrize(
    ("outcome", "closed"),
    [
        (Outcome.DROPPED_OVERLOADED, "overloaded"),
        (Outcome.DROPPED_BREAKER_OPEN, "resting"),
    ],
    ids=["overloaded", "resting"],
)
def test_nothing_is_captured_for_a_copy_that_is_not_made(outcome: Outcome, closed: str) -> None:
    """And none is made, though by the time of the offer one could be: nobody would compare it."""
    with upstream() as shadow, House(shadow, breaker_failures=1) as house:
        breaker = house.fanout.shadows[0].breaker
        overloaded = [closed == "overloaded"]
        house.fanout.overloaded = lambda: overloaded[0]
        if closed == "resting":
            assert breaker.report(breaker.admits() or 0, failed=True)
        held = []

        def app(environ: Any, start_response: Any) -> Iterator[bytes]:
            start_response("200 OK", FIELDS)
            yield b"x" * 100
            held.append(house.comparisons.budget.held)
            overloaded[0] = False

        assert house.serve(app) == b"x" * 100
        assert held == [0]
        assert house.ledger.snapshot()["s"] == {outcome: 1}
        assert house.watched[0][0] is False  # it was none that was held out
    assert not shadow.taken()
    assert not house.told
