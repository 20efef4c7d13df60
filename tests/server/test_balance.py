"""Whose turn it is to accept a connection."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.server.balance import Balance, Manners, Seat, alone


def seats(*connections: int) -> list[Seat]:
    """Workers that accept, with so many connections each."""
    balance = Balance()
    made = [balance.seat(number) for number in range(len(connections))]
    for seat, count in zip(made, connections, strict=True):
        seat.accepts(True)
        seat.tell(count)
    return made


def test_a_worker_that_is_alone_waits_for_nobody() -> None:
    """Also with thousands of connections."""
    seat = alone()
    seat.accepts(True)
    seat.tell(4000)
    assert not seat.is_ahead()


def test_who_has_more_than_another_is_ahead() -> None:
    """Not by one, which happens by itself; and who has fewest never is."""
    assert [seat.is_ahead() for seat in seats(3, 5, 4)] == [False, True, False]


def test_of_many_a_few_more_are_no_matter() -> None:
    """A thousand and thirty beside a thousand are even enough; fifty more are not."""
    assert [seat.is_ahead() for seat in seats(1000, 1030, 1050)] == [False, False, True]


def test_nobody_waits_for_a_worker_that_accepts_none() -> None:
    """Because it stops, or has all the connections that it may have."""
    stopping, busy = seats(0, 50)
    assert busy.is_ahead()
    stopping.accepts(False)
    assert not busy.is_ahead()
    stopping.tell(7)  # as its connections go on closing
    assert not busy.is_ahead()
    stopping.accepts(True)
    assert busy.is_ahead()


def test_workers_beyond_the_seats_are_on_their_own() -> None:
    """They neither fail nor disturb the others."""
    balance = Balance()
    first, beyond = balance.seat(0), balance.seat(100_000)
    for seat, count in ((first, 5), (beyond, 0)):
        seat.accepts(True)
        seat.tell(count)
    assert not first.is_ahead()
    beyond.took_one()
    assert first.taken_by_others() == 0


@given(st.lists(st.integers(0, 2000), min_size=1, max_size=8), st.integers(1, 400))
def test_whatever_they_have_new_connections_go_to_those_with_fewest(
    connections: list[int], new: int
) -> None:
    """Somebody always takes the next one; and whoever gets one is not ahead before it."""
    having = seats(*connections)
    for _ in range(new):
        takers = [number for number, seat in enumerate(having) if not seat.is_ahead()]
        assert connections.index(min(connections)) in takers
        # The worst who may take it: the one with most.
        taker = max(takers, key=lambda number: connections[number])
        connections[taker] += 1
        having[taker].tell(connections[taker])
        assert connections[taker] <= min(connections) * 33 // 32 + 2


def test_who_is_ahead_gives_way_for_as_long_as_others_accept() -> None:
    """Whose turn it is is looked at again and again; they take one each time."""
    fewer, more = seats(0, 50)
    manners = Manners(more)
    for tick in range(300):
        assert manners.give_way(tick / 100)
        fewer.took_one()


def test_a_worker_that_accepts_nothing_is_not_waited_for() -> None:
    """It may be stuck: a tenth of a second, and then none for a second."""
    _, more = seats(0, 50)
    manners = Manners(more)
    waited = [tick for tick in range(0, 2000, 30) if manners.give_way(tick / 1000)]
    # In milliseconds: from 0, and again once the second is over.
    assert waited == [0, 30, 60, 90, 1140, 1170, 1200, 1230]


def test_one_that_was_taken_is_no_reason_to_think_others_stuck() -> None:
    """However long it takes until the next one comes."""
    _, more = seats(0, 50)
    manners = Manners(more)
    for second in range(5):
        assert manners.give_way(second)
        assert manners.waits
        manners.thank()
        assert not manners.waits


def test_who_has_caught_up_no_longer_gives_way() -> None:
    """At once, and the next time a worker has fewer its patience starts anew."""
    fewer, more = seats(0, 50)
    manners = Manners(more)
    assert manners.give_way(0.0)
    fewer.tell(50)
    assert not manners.give_way(0.01)
    fewer.tell(0)
    assert manners.give_way(0.2)
