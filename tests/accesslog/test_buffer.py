"""What waits is bounded in bytes, and every line is written or counted."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from gateway.accesslog.buffer import LineBuffer


def test_lines_come_out_in_their_order() -> None:
    """And once."""
    buffer = LineBuffer(1000)
    for line in (b"a\n", b"b\n", b"c\n"):
        buffer.offer(line)
    assert buffer.take() == [b"a\n", b"b\n", b"c\n"]
    assert buffer.take() == []


def test_the_first_that_waits_is_told_apart() -> None:
    """It wakes the writer; the others need not."""
    buffer = LineBuffer(1000)
    assert [buffer.offer(b"x\n") for _ in range(3)] == [True, False, False]
    buffer.take()
    assert buffer.offer(b"x\n")


def test_what_does_not_fit_is_lost_and_counted() -> None:
    """Until what was taken has been written, not merely taken."""
    buffer = LineBuffer(1000)
    offered = [buffer.offer(b"x" * 99 + b"\n") for _ in range(10)]
    taken = buffer.take()
    assert (len(taken), buffer.lost) == (6, 4)
    assert len(offered) == len(taken) + buffer.lost
    assert not buffer.offer(b"x" * 200)
    buffer.settle(taken, lost=1)
    assert (buffer.held, buffer.lost) == (0, 6)
    assert buffer.offer(b"x" * 200)


def test_a_closed_buffer_takes_nothing() -> None:
    """What comes after the end is lost too."""
    buffer = LineBuffer(1000)
    buffer.close()
    assert not buffer.offer(b"x\n")
    assert (buffer.take(), buffer.lost) == ([], 1)


def test_lines_that_could_not_be_made_are_counted() -> None:
    """With the others."""
    buffer = LineBuffer(1000)
    buffer.lose()
    assert repr(buffer) == "<LineBuffer 0 of 1000 bytes held | 1 lines lost>"


def test_taken_and_lost_are_all_that_was_offered_by_many_threads() -> None:
    """None is counted twice, none vanishes, and the bound holds."""
    buffer = LineBuffer(20_000)
    taken = []

    def offer(number: int) -> None:
        for each in range(1000):
            buffer.offer(b"%d %d\n" % (number, each))
            assert buffer.held <= 20_000
            if each % 97 == 0:
                lines = buffer.take()
                taken.extend(lines)
                buffer.settle(lines, 0)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(offer, range(8)))
    lines = buffer.take()
    buffer.settle(lines, 0)
    taken += lines
    assert len(taken) + buffer.lost == 8000
    assert len(set(taken)) == len(taken)
    assert buffer.held == 0
