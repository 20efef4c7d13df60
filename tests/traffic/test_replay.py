"""The replay's loop: in time, in order, in bounds, whatever the target does."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator

import pytest

from gateway.compare.answer import Answer
from gateway.shadow.copy import Copy
from gateway.traffic.pacing import Pace
from gateway.traffic.recorded import Recorded
from gateway.traffic.replay import Replay
from tests.support.waiting import wait_for
from tests.traffic.exchanges import AT, answer, copy, recorded


def exchanges(number: int, spacing: float = 0.0) -> Iterator[Recorded]:
    return (recorded(copy(target=f"/{n}"), at=AT + n * spacing) for n in range(number))


def test_every_exchange_is_sent_once() -> None:
    """By however many senders."""
    sent: Counter[str] = Counter()

    def send(request: Copy) -> Answer:
        sent[request.target] += 1
        return answer()

    replay = Replay(exchanges(500), send, Pace(speed=None), concurrency=16)
    results = list(replay)
    assert len(results) == 500
    assert set(sent.values()) == {1}
    assert {each.recorded.request.target for each in results} == set(sent)


def test_one_sender_keeps_the_order() -> None:
    """For requests that build on each other."""
    sent: list[str] = []

    def send(request: Copy) -> Answer:
        sent.append(request.target)
        return answer()

    list(Replay(exchanges(50), send, Pace(speed=None), concurrency=1))
    assert sent == [f"/{n}" for n in range(50)]


def test_no_more_are_in_progress_than_allowed() -> None:
    """And as many as that, if there are."""
    lock, now, most = threading.Lock(), 0, 0
    together = threading.Barrier(4)

    def send(request: Copy) -> Answer:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        together.wait(10)
        with lock:
            now -= 1
        return answer()

    assert len(list(Replay(exchanges(40), send, Pace(speed=None), concurrency=4))) == 40
    assert most == 4


def test_a_slow_target_does_not_slow_the_requests_down() -> None:
    """An open loop: the second is sent when it is due, though the first is not answered."""
    answered, sent = threading.Event(), threading.Semaphore(0)

    def send(request: Copy) -> Answer:
        sent.release()
        answered.wait(10)
        return answer()

    replay = Replay(exchanges(3, 0.01), send, Pace(), concurrency=3)
    results: list[object] = []
    collector = threading.Thread(target=lambda: results.extend(replay))
    collector.start()
    for _ in range(3):
        assert sent.acquire(timeout=10)
    assert results == []
    answered.set()
    collector.join(10)
    assert len(results) == 3


def test_what_is_sent_late_says_so() -> None:
    """With one sender the second waits for the first: a figure of ours, not the target's."""
    first = threading.Event()

    def send(request: Copy) -> Answer:
        if not first.is_set():
            first.wait(0.2)
            first.set()
        return answer()

    results = list(Replay(exchanges(2), send, Pace(), concurrency=1))
    assert results[0].lag < 0.15 <= results[1].lag


def test_the_spacing_is_kept() -> None:
    """Nothing is sent before it is due."""
    results = list(Replay(exchanges(4, 0.05), lambda request: answer(), Pace(), concurrency=4))
    at = sorted(each.at for each in results)
    assert at[-1] - at[0] >= 0.14


def test_a_file_that_cannot_be_read_on_is_told_after_what_was_sent() -> None:
    """Not swallowed by a thread."""

    def broken() -> Iterator[Recorded]:
        yield from exchanges(3)
        raise OSError("disk on fire")

    sent: list[object] = []
    replay = Replay(broken(), lambda request: answer(), Pace(speed=None), concurrency=2)
    with pytest.raises(OSError, match="disk on fire"):
        sent.extend(replay)
    assert len(sent) == 3


def test_it_can_be_stopped() -> None:
    """At once, in the middle of a pause; no thread is left."""
    before = threading.active_count()
    replay = Replay(exchanges(10, 3600), lambda request: answer(), Pace(), concurrency=4)
    for _ in replay:
        break
    assert list(replay.stop(5)) == []
    wait_for(lambda: threading.active_count() == before, "the senders to end")


def test_what_is_on_its_way_is_waited_for_when_it_is_stopped() -> None:
    """A bounded time."""
    going_on = threading.Event()
    sent = threading.Event()

    def send(request: Copy) -> Answer:
        if request.target == "/1":
            sent.set()
            going_on.wait(10)
        return answer()

    replay = Replay(exchanges(10, 0.01), send, Pace(), concurrency=2)
    for _ in replay:
        break
    assert sent.wait(10)
    replay._stop.set()
    going_on.set()
    assert "/1" in {each.recorded.request.target for each in replay.stop(5)}


def test_answers_that_nobody_looks_at_are_bounded() -> None:
    """A slow comparison slows the senders, and that is lag; memory it takes none."""
    sent = 0

    def send(request: Copy) -> Answer:
        nonlocal sent
        sent += 1
        return answer()

    replay = Replay(exchanges(1000), send, Pace(speed=None), concurrency=2)
    for _ in replay:
        break
    wait_for(lambda: sent >= 5, "the senders to be as far as they may")
    assert sent <= 10
    list(replay.stop(5))


def test_what_had_no_answer_is_a_result_too() -> None:
    """Its word."""
    (only,) = Replay(exchanges(1), lambda request: "reset", Pace(), concurrency=3)
    assert only.got == "reset"
