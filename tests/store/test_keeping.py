"""A few examples of each group: the newest and the smallest."""

from __future__ import annotations

from gateway.compare.verdict import Judged
from gateway.store.keeping import Keeping, size_of
from tests.store.exchanges import NOON, answer, judged


def keeping(**more: int) -> Keeping:
    bounds = {"each": 3, "largest": 10_000, "most": 100, "most_bytes": 1_000_000} | more
    return Keeping(**bounds, pause=30.0)


def offer(keep: Keeping, judged: Judged, groups: list[str]) -> None:
    keep.offer(judged, keep.wanted(judged, groups))


def test_of_ten_thousand_a_few_are_taken() -> None:
    """And none of the rest is held."""
    keep = keeping()
    for number in range(10_000):
        offer(keep, judged(request_id=str(number), at=NOON + number / 1000), ["g"])
    assert [c.judged.request.request_id for c in keep.take()] == ["0", "1", "2"]


def test_a_smaller_one_is_always_taken() -> None:
    """A test is made of it."""
    keep = keeping()
    for size in (50, 50, 50, 60, 40, 50, 30):
        offer(keep, judged(body=b"x" * size), ["g"])
    assert [len(c.judged.request.body) for c in keep.take()] == [50, 50, 50, 40, 30]


def test_one_that_is_new_is_taken_now_and_then() -> None:
    """It shows that the difference is still there."""
    keep = keeping()
    for second in range(100):
        offer(keep, judged(at=NOON + second), ["g"])
    assert [c.judged.at - NOON for c in keep.take()] == [0, 1, 2, 32, 62, 92]


def test_each_group_has_its_own() -> None:
    """One exchange may be an example of several."""
    keep = keeping(each=1)
    offer(keep, judged(), ["g", "h"])
    offer(keep, judged(), ["g"])
    assert [c.group for c in keep.take()] == ["g", "h"]


def test_a_large_one_loses_its_answers_bodies() -> None:
    """What differs is in its differences anyway."""
    keep = keeping()
    offer(keep, judged(live=answer(body=b"x" * 20_000)), ["g"])
    (candidate,) = keep.take()
    assert candidate.judged.live is not None
    assert candidate.judged.live.body is None
    assert candidate.size > 20_000


def test_a_large_request_is_no_example() -> None:
    """It could not be sent again without its body."""
    keep = keeping()
    offer(keep, judged(body=b"x" * 20_000), ["g"])
    assert keep.take() == []


def test_what_waits_is_bounded_by_bytes() -> None:
    """What finds no room is counted, and there is room again once some are written."""
    one = judged(body=b"x" * 1000)
    keep = keeping(most_bytes=2 * size_of(one) + 10)
    for group in "abcd":
        offer(keep, one, [group])
    assert keep.lost == 2
    waiting = keep.take()
    offer(keep, one, ["e"])
    assert keep.lost == 3
    keep.settled(waiting)
    offer(keep, one, ["e"])
    assert len(keep.take()) == 1


def test_what_waits_is_bounded_by_number() -> None:
    """Small ones cost too."""
    keep = keeping(most=2)
    offer(keep, judged(), ["a", "b", "c"])
    assert (len(keep.take()), keep.lost) == (2, 1)


def test_none_are_taken_where_none_are_wanted() -> None:
    """``examples_per_group = 0``."""
    keep = keeping(each=0)
    offer(keep, judged(), ["g"])
    assert keep.take() == []
