"""Two bodies side by side: which lines belong together, and what in them differs.

What counts as a difference the comparison has said (``Difference``); what only looks
different (ignored by a rule, or the same number written otherwise) is told apart from it.
Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from typing import Literal, NamedTuple

from gateway.admin.dashboard.lines import Line
from gateway.compare.verdict import Difference, Part

Mark = Literal["same", "differs", "ignored"]

# Equal lines around those that differ which stay in sight.
_CONTEXT = 3
# Folding fewer would hide more than it saves.
_FEWEST = 4
# Beyond so many pairs of lines difflib may take seconds; with junk left out it does not.
_MOST_PAIRS = 400_000


class Cell(NamedTuple):
    """One side of a row: ``marked`` is the part of the text that the other side has not."""

    before: str
    marked: str
    after: str


class Row(NamedTuple):
    """Lines that belong together; None: the other side has none.

    ``here``: it shows the difference that is looked at.
    """

    mark: Mark
    live: Cell | None
    shadow: Cell | None
    here: bool = False


class Stretch(NamedTuple):
    """Rows in a row. ``folded``: equal ones, of no interest."""

    folded: bool
    rows: list[Row]


class Places:
    """Where a body differs, as the comparison said it."""

    def __init__(self, differences: Iterable[Difference]) -> None:
        body = [each for each in differences if each.part is Part.BODY]
        self._live = {each.pointer for each in body}
        self._shadow = {
            each.pointer if each.shadow_pointer is None else each.shadow_pointer for each in body
        }

    def covers(self, live: Line | None, shadow: Line | None) -> bool:
        """Whether a difference is about one of these lines."""
        return _within(live, self._live) or _within(shadow, self._shadow)


def _within(line: Line | None, places: set[str]) -> bool:
    if line is None or not places:
        return False
    if line.pointer is None:
        return True
    pointer = line.pointer
    while pointer not in places:
        if not pointer:
            return False
        pointer = pointer.rpartition("/")[0]
    return True


def side_by_side(
    live: Sequence[Line], shadow: Sequence[Line], places: Places, here: Places | None = None
) -> list[Stretch]:
    """Both sides, with what is equal and of no interest folded. ``here``: see ``Row``."""
    rows = []
    for one, other in _aligned(live, shadow):
        row = _row(one, other, places)
        looked_at = here is not None and row.mark == "differs" and here.covers(one, other)
        rows.append(row._replace(here=looked_at))
    return _folded(rows)


def _aligned(
    live: Sequence[Line], shadow: Sequence[Line]
) -> Iterator[tuple[Line | None, Line | None]]:
    ours, theirs = [line.text for line in live], [line.text for line in shadow]
    junk = len(ours) * len(theirs) > _MOST_PAIRS
    blocks = SequenceMatcher(None, ours, theirs, autojunk=junk).get_opcodes()
    for _, start, end, other_start, other_end in blocks:
        length = max(end - start, other_end - other_start)
        for offset in range(length):
            yield (
                live[start + offset] if start + offset < end else None,
                shadow[other_start + offset] if other_start + offset < other_end else None,
            )


def _row(live: Line | None, shadow: Line | None, places: Places) -> Row:
    if live is not None and shadow is not None and live.text == shadow.text:
        # A line of a whole that is in another order, or of another type, looks the same.
        return Row("same", _cell(live), _cell(shadow))
    mark: Mark = "differs" if places.covers(live, shadow) else "ignored"
    if live is None or shadow is None:
        return Row(mark, _whole(live), _whole(shadow))
    return Row(mark, *_parts(live, shadow))


def _cell(line: Line) -> Cell:
    return Cell(line.text + line.tail, "", "")


def _whole(line: Line | None) -> Cell | None:
    if line is None:
        return None
    indent = len(line.text) - len(line.text.lstrip())
    return Cell(line.text[:indent], line.text[indent:], line.tail)


def _parts(live: Line, shadow: Line) -> tuple[Cell, Cell]:
    """What both begin and end with is not what differs."""
    ours, theirs = live.text, shadow.text
    shortest = min(len(ours), len(theirs))
    start = 0
    while start < shortest and ours[start] == theirs[start]:
        start += 1
    end = 0
    while end < shortest - start and ours[-1 - end] == theirs[-1 - end]:
        end += 1
    # A whole word is easier to see than a letter.
    start, end = _to_word(ours, theirs, start, end)
    return _cut(live, start, end), _cut(shadow, start, end)


def _to_word(ours: str, theirs: str, start: int, end: int) -> tuple[int, int]:
    while start and _in_word(ours[start - 1]):
        start -= 1
    while end and _in_word(ours[len(ours) - end]):
        end -= 1
    return start, end


def _in_word(letter: str) -> bool:
    return letter.isalnum() or letter in "_-.+"


def _cut(line: Line, start: int, end: int) -> Cell:
    last = len(line.text) - end
    return Cell(line.text[:start], line.text[start:last], line.text[last:] + line.tail)


def _folded(rows: list[Row]) -> list[Stretch]:
    """Stretches of equal rows away from others are folded."""
    near: set[int] = set()
    for index, row in enumerate(rows):
        if row.mark != "same":
            near.update(range(index - _CONTEXT, index + _CONTEXT + 1))
    stretches: list[Stretch] = []
    for index, row in enumerate(rows):
        folded = index not in near
        if not stretches or stretches[-1].folded is not folded:
            stretches.append(Stretch(folded, []))
        stretches[-1].rows.append(row)
    return [Stretch(each.folded and len(each.rows) >= _FEWEST, each.rows) for each in stretches]
