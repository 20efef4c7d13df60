"""The floor's settings, together with others."""

from __future__ import annotations

import pytest

from gateway.settings import Settings
from gateway.settings.comparison import Compare, CompareRules
from gateway.settings.floor import Floor
from gateway.settings.isolation_rules import floor_findings
from gateway.settings.model import Live, Route, Shadow

ON = Floor(enabled=True)


def found(**changes: object) -> list[str]:
    settings = Settings(live=Live(url="http://live"), **changes)  # type: ignore[arg-type]
    return [finding.message for finding in floor_findings(settings)]


@pytest.mark.parametrize(("floor", "number"), [(ON, 1), (Floor(), 0)], ids=["on", "off"])
def test_the_floor_has_the_name_live_for_itself(floor: Floor, number: int) -> None:
    """Two sums under one name would be none."""
    shadows = (Shadow(url="http://a", name="live"), Shadow(url="http://b", name="alive"))
    assert len(found(floor=floor, shadows=shadows)) == number


def test_a_floor_without_a_comparison_is_a_mistake() -> None:
    """Live would be read twice for nothing."""
    off = Compare(enabled=False)
    assert found(floor=ON, compare=off) == ["has no effect where nothing is compared"]
    route = Route(path="/a", compare=CompareRules(enabled=True))
    assert found(floor=ON, compare=off, routes=(route,)) == found(floor=ON) == []
