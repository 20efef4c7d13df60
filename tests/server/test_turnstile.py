"""Who goes in, who waits and who is refused."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from threading import Lock, Thread
from typing import Any

from gateway.admission.delay import Delay
from gateway.admission.limit import FEW, AdaptiveLimit, FixedLimit
from gateway.admission.priority import Priority
from gateway.server.turnstile import Turnstile, turnstile_for
from gateway.settings.admission import Admission
from tests.support.waiting import wait_for


@dataclass(eq=False)
class Arrived:
    """What the turnstile looks at of a connection."""

    priority: Priority = Priority.NORMAL
    waited: float = 0.0
    received: float = field(init=False)

    def __post_init__(self) -> None:
        self.received = time.monotonic() - self.waited

    @property
    def asked(self) -> tuple[str, str]:
        return "GET", f"/{self.priority.name}"


def priority_of(method: str, target: str) -> Priority:
    return Priority[target[1:]]


def turnstile(limit: int, longest: float = 60.0) -> Turnstile:
    return Turnstile(FixedLimit(limit), Delay(30.0, longest), priority_of)


def enter(gate: Turnstile, arrived: Arrived) -> bool | None:
    conn: Any = arrived
    return gate.enter(conn)


def released(gate: Turnstile) -> list[tuple[Any, bool]]:
    return list(gate.released())


def test_so_many_go_in_and_the_next_one_waits_for_a_place() -> None:
    """Whoever leaves lets one in."""
    gate, third = turnstile(2), Arrived()
    assert [enter(gate, Arrived()), enter(gate, Arrived()), enter(gate, third)] == [
        True,
        True,
        None,
    ]
    assert released(gate) == []
    gate.leave()
    assert released(gate) == [(third, True)]
    assert repr(gate) == "<Turnstile [2 in of 2, 0 waiting | 0 refused]>"


def test_nobody_overtakes_who_waits() -> None:
    """A new request goes behind them, even when there is room at this moment."""
    gate, second, third = turnstile(1), Arrived(), Arrived()
    enter(gate, Arrived())
    enter(gate, second)
    gate.leave()
    assert enter(gate, third) is None
    assert released(gate) == [(second, True)]


def test_the_more_important_goes_first() -> None:
    """Then by arrival."""
    gate = turnstile(1)
    enter(gate, Arrived())
    low, normal, high, later = (
        Arrived(Priority.LOW),
        Arrived(),
        Arrived(Priority.HIGH),
        Arrived(),
    )
    for each in (low, normal, high, later):
        assert enter(gate, each) is None
    order = []
    for _ in range(4):
        gate.leave()
        [(conn, admitted)] = released(gate)
        assert admitted
        order.append(conn)
    assert order == [high, normal, later, low]


def test_who_has_waited_too_long_in_the_kernel_is_refused_at_the_door() -> None:
    """Its time counts from its arrival, not from when a thread got round to it."""
    gate = turnstile(50, longest=0.1)
    for _ in range(FEW):
        assert enter(gate, Arrived(waited=0.2)) is True, "a few are never too many"
    assert enter(gate, Arrived(waited=0.2)) is False
    assert enter(gate, Arrived(waited=0.05)) is True
    assert gate.snapshot().refused == 1


def test_who_has_waited_too_long_here_is_refused_without_a_place() -> None:
    """Nobody has to leave for that; those in time go on waiting."""
    gate = turnstile(1, longest=0.05)
    enter(gate, Arrived())
    late, in_time = Arrived(waited=0.04), Arrived(waited=-60.0)
    enter(gate, late)
    enter(gate, in_time)
    found = wait_for(lambda: released(gate), "the first to be late")
    assert found == [(late, False)]
    assert gate.snapshot().waiting == 1


def test_late_ones_can_be_taken_out_without_letting_others_in() -> None:
    """By a thread that must run nothing."""
    gate = turnstile(1, longest=0.05)
    enter(gate, Arrived())
    late, in_time = Arrived(waited=0.04), Arrived(waited=-60.0)
    enter(gate, late)
    enter(gate, in_time)
    gate.leave()
    found = wait_for(lambda: list(gate.late()), "the first to be late")
    assert found == [late]
    assert released(gate) == [(in_time, True)]


def test_the_limit_holds_under_many_threads_and_every_place_comes_back() -> None:
    """Never more in than the limit; in + refused is everybody; nobody is left behind."""
    gate, lock = turnstile(3), Lock()
    counts = {"in": 0, "most": 0, "done": 0}

    def work() -> None:
        with lock:
            counts["in"] += 1
            counts["most"] = max(counts["most"], counts["in"])
        with lock:
            counts["in"] -= 1
            counts["done"] += 1
        gate.leave()

    def visit() -> None:
        for _ in range(300):
            if enter(gate, Arrived()):
                work()
            for _, admitted in gate.released():
                assert admitted
                work()

    threads = [Thread(target=visit) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for _ in gate.released():
        work()
    assert counts["most"] <= 3
    assert counts["done"] == 8 * 300
    assert gate.snapshot()[1:3] == (0, 0)


def test_it_watches_how_late_threads_wake() -> None:
    """A limit that was shrunk grows back when threads are on time, and the watch stops."""
    limit = AdaptiveLimit(64, 0.5)
    limit.observe(1.0, 64)
    gate = Turnstile(limit, Delay(30.0, 60.0), lambda method, target: Priority.NORMAL)
    while enter(gate, Arrived()):
        pass
    gate.start()
    wait_for(lambda: limit.value > 51, "the limit to grow")
    gate.stop()


def test_off_means_that_nobody_is_refused() -> None:
    """All threads may be in; whoever is next waits, however long."""
    gate = turnstile_for(Admission(mode="off"), 2)
    assert enter(gate, Arrived()) is True
    assert enter(gate, Arrived(waited=1e6)) is True
    assert enter(gate, Arrived(waited=1e6)) is None


def test_unread_requests_are_refused_only_while_a_queue_stands_and_by_priority() -> None:
    """Each by how long it has waited, and not one when all is well."""
    delay = Delay(0.001, 60.0)
    gate = Turnstile(FixedLimit(1), delay, priority_of)
    long_ago = time.monotonic() - 0.1
    assert not gate.too_late(long_ago)
    began = time.monotonic() - 1.0
    for number in range(300):  # nobody waits less than a tenth of a second, for a second
        delay.began(0.1, began + number / 300)
    assert gate.too_late(long_ago)
    assert not gate.too_late(time.monotonic())
    refused = [gate.refuses(long_ago, "GET", f"/{p}") for p in ("HIGH", "NORMAL", "LOW")]
    assert refused == [False, True, True]
    assert gate.snapshot().refused == 2
