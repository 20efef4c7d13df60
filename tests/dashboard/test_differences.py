"""Groups of differences as the bugs they are."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from gateway.admin.dashboard import differences as module
from gateway.admin.dashboard.differences import Causes, Listed, listed, shown
from gateway.compare.verdict import Comparison, Difference, Judged, Kind, Part, Verdict
from gateway.known.register import Register
from gateway.known.standing import standing
from gateway.store.values import Filter
from tests.dashboard.filling import STATUS, TAX, answer, copy
from tests.known.test_entry import entry

pytest.importorskip("sqlalchemy")

from gateway.store.reader import Reader, open_reader
from gateway.store.store import Store

NOW = 1_772_350_200.0
TODAY = date(2026, 3, 1)
TOTAL = Difference(Part.BODY, Kind.VALUE, "/total", "/total", Decimal("119.43"), Decimal("119.42"))


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    """Five invoices with a wrong tax, and so a wrong total; two with another status."""
    url = f"sqlite:///{tmp_path}/gateway.db"
    store = Store(url, clock=lambda: NOW)
    for number in range(7):
        found = (TAX, TOTAL) if number < 5 else (STATUS,)
        comparison = Comparison(Verdict.BODY, "", found)
        ours, theirs = answer(b"{}", 0.01), answer(b"{}", 0.01)
        at = NOW - 60 + number
        store.put(Judged("rewrite", copy(number), "invoices", at, ours, theirs, comparison))
    store.start()
    assert store.close(20)
    with open_reader(url, clock=lambda: NOW) as opened:
        yield opened


def first(reader: Reader, causes: Causes, *entries: Any) -> list[Listed]:
    known = standing(Register(entries), reader, TODAY)
    groups = shown(listed(reader, Filter(), known), "unexpected")
    return causes.first(reader, groups, known)


def test_what_follows_from_another_difference_is_told_with_it(reader: Reader) -> None:
    """One bug, one line: the tax, with the total that it makes wrong, and both values."""
    tax, status = first(reader, Causes(lambda: NOW))
    assert tax.group.pattern == TAX.pattern
    assert [group.pattern for group in tax.follows] == [TOTAL.pattern]
    assert tax.shown is not None
    assert (tax.shown.live, tax.shown.shadow) == ("1.43", "1.42")
    assert (status.group.part, status.follows) == ("status", [])


def test_an_entry_of_the_register_takes_its_group_out(reader: Reader) -> None:
    """At once; what followed from it stands for itself."""
    causes = Causes(lambda: NOW)
    first(reader, causes)
    total, _ = first(reader, causes, entry(pattern=TAX.pattern, expires=TODAY))
    assert total.group.pattern == TOTAL.pattern
    assert total.follows == []


def test_examples_are_looked_into_now_and_then(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not at every look at the page; numbers are always those of now."""
    asked = []
    real = module.findings
    monkeypatch.setattr(module, "findings", lambda *given: asked.append(1) or real(*given))
    now = [NOW]
    causes = Causes(lambda: now[0])
    assert first(reader, causes) == first(reader, causes)
    assert len(asked) == 1
    now[0] += 16
    first(reader, causes)
    assert len(asked) == 2
