"""The requests of the last minutes."""

from __future__ import annotations

from gateway.isolation.sums import Groups, Sums
from gateway.isolation.window import Window


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_each_group_is_summed_for_itself() -> None:
    """A very slow one counts as slow as the bound, so that streams do not hide the rest."""
    window = Window(300, 5.0, Clock())
    window.add(False, 1.0, False)
    window.add(False, 600.0, True)
    window.add(True, 2.0, False)
    assert window.groups() == Groups(Sums(2, 6.0, 26.0, 1), Sums(1, 2.0, 4.0, 0))
    assert repr(window) == "<Window [2 mirrored, 1 held out]>"


def test_what_is_older_than_the_window_is_forgotten() -> None:
    """Step by step."""
    clock = Clock()
    window = Window(300, 5.0, clock)
    counts = []
    for _ in range(120):
        window.add(False, 1.0, False)
        clock.now += 5
        counts.append(window.groups().mirrored.requests)
    assert counts[:60] == list(range(1, 61))
    assert all(58 <= count <= 64 for count in counts[60:])


def test_it_can_begin_anew() -> None:
    """After mirroring was off."""
    window = Window(300, 5.0, Clock())
    window.add(True, 1.0, True)
    window.clear()
    assert window.groups() == Groups()
    window.add(True, 1.0, True)
    assert window.groups().held_out.requests == 1
