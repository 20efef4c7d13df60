"""Both halves come together, in whatever order their ends come."""

from __future__ import annotations

from collections import Counter
from threading import Barrier, Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.compare.pairing import Half, Pairing
from gateway.compare.verdict import NotCompared
from gateway.exchange import LiveOutcome
from gateway.shadow.outcome import Outcome
from tests.compare.halves import Table, bounds, request

ENDS = [o for o in Outcome if o.outcome in ("answered", "failed", "dropped", "skipped")]


NO_ANSWER = {
    LiveOutcome.FAILED: NotCompared.LIVE_FAILED,
    LiveOutcome.ABANDONED: NotCompared.ABANDONED,
    LiveOutcome.NOT_ASKED: NotCompared.LIVE_NOT_ASKED,
}


def finish(half: Half) -> None:
    """What the desk does in the end."""
    assert half.claim()
    assert not half.claim()
    half.finish()


@given(
    st.lists(st.sampled_from(ENDS), max_size=4),
    st.sampled_from(list(LiveOutcome)),
    st.booleans(),
    st.randoms(use_true_random=False),
    st.sampled_from([0, 3000, 1 << 20]),
)
def test_each_half_is_settled_once_whatever_the_order(
    outcomes: list[Outcome], live: LiveOutcome, early: bool, random: object, limit: int
) -> None:
    """Those that were sent; the others never. Every byte is given back."""
    table, bound = Table(), bounds(limit=limit)
    pairing = Pairing(table, bound, 10, "route", 1.0)
    pairing.live.add(b"live")
    halves: list[Half] = []

    def offer() -> None:
        halves.extend(pairing.half(f"s{n}", request(b"x" * 10)) for n in range(len(outcomes)))
        pairing.offered()

    def live_ends() -> None:
        pairing.live_ended(live, 200, (), 0.1)
        again = LiveOutcome.ABANDONED if live is LiveOutcome.FAILED else LiveOutcome.FAILED
        pairing.live_ended(again)  # only the first counts

    def half_ends(number: int) -> None:
        halves[number].add(b"shadow")
        halves[number].ended(200, (), 0.2)
        halves[number].finish_call(outcomes[number])
        halves[number].finish_call(Outcome.FAILED_INTERNAL)  # likewise

    steps = [(lambda n=n: half_ends(n)) for n in range(len(outcomes))]
    if early:  # offered before live's answer has ended
        offer()
        steps.append(live_ends)
        random.shuffle(steps)  # type: ignore[attr-defined]
    else:
        live_ends()
        offer()
        random.shuffle(steps)  # type: ignore[attr-defined]
    for step in steps:
        step()
    judged = [o for o in outcomes if o.outcome in ("answered", "failed")]
    assert Counter(h.outcome for h in table.settled) == Counter(judged)
    assert pairing.no_answer is NO_ANSWER.get(live)
    for half in table.settled:
        finish(half)
    assert bound.budget.held == 0


@pytest.mark.parametrize("live", list(LiveOutcome), ids=lambda live: live.value)
def test_why_live_has_no_answer_is_known(live: LiveOutcome) -> None:
    """A 4xx or 5xx is one."""
    pairing = Pairing(Table(), bounds(), 0, "", 0.0)
    pairing.live_ended(live)
    assert pairing.no_answer is NO_ANSWER.get(live)


def test_where_no_shadow_took_a_copy_nothing_is_captured() -> None:
    """Live may stream on for hours."""
    bound = bounds()
    pairing = Pairing(Table(), bound, 0, "", 0.0)
    pairing.live.add(b"x" * 100)
    pairing.offered()
    for _ in range(100):
        pairing.live.add(b"x" * 100)
    assert pairing.live.held == 0
    pairing.live_ended(LiveOutcome.ANSWERED)
    assert bound.budget.held == 0


def test_whoever_holds_it_may_make_halves_after_the_offer() -> None:
    """As the hooks' stage does."""
    table, bound = Table(), bounds()
    pairing = Pairing(table, bound, 0, "", 0.0)
    pairing.hold()
    pairing.live.add(b"live")
    pairing.offered()
    pairing.live_ended(LiveOutcome.ANSWERED, 200)
    half = pairing.half("s", request())
    pairing.let_go()
    half.finish_call(Outcome.ANSWERED)
    assert table.settled == [half]
    assert pairing.live.answer().body == b"live"  # type: ignore[union-attr]
    finish(half)
    assert bound.budget.held == 0


def test_without_room_the_request_is_kept_without_its_body() -> None:
    """And nothing of the answers; the pair is settled all the same."""
    table, bound = Table(), bounds(limit=100)
    pairing = Pairing(table, bound, 10, "", 0.0)
    half = pairing.half("s", request(b"x" * 10))
    assert half.request.body == b""
    half.add(b"x")
    half.finish_call(Outcome.ANSWERED)
    pairing.live_ended(LiveOutcome.ANSWERED)
    assert half.answer() is pairing.live.answer() is NotCompared.NO_ROOM
    assert table.settled == [half]
    assert bound.budget.held == 0


def test_ends_at_the_same_moment_settle_it_once() -> None:
    """Live's thread and the shadows' race; every half has one of two winners."""
    for _ in range(50):
        table, bound = Table(), bounds()
        pairing = Pairing(table, bound, 0, "", 0.0)
        halves = [pairing.half(str(n), request()) for n in range(3)]
        pairing.offered()
        gate = Barrier(4)

        def live(gate: Barrier = gate, pairing: Pairing = pairing) -> None:
            gate.wait()
            pairing.live_ended(LiveOutcome.ANSWERED, 200)

        def shadow(half: Half, gate: Barrier = gate) -> None:
            gate.wait()
            half.finish_call(Outcome.ANSWERED)

        threads = [Thread(target=live), *(Thread(target=shadow, args=[h]) for h in halves)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(map(id, table.settled)) == sorted(map(id, halves))
        for half in halves:
            finish(half)
        assert bound.budget.held == 0
