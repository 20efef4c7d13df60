"""Which requests are never mirrored."""

from __future__ import annotations

import pytest

from gateway.ids import new_request_id
from gateway.shadow.holdout import Holdout
from gateway.shadow.sampling import position


@pytest.mark.parametrize("percent", [0.1, 2.0, 50.0])
def test_the_share_is_as_set(percent: float) -> None:
    """Within five standard deviations, of ids as they are made here."""
    ids = [new_request_id() for _ in range(20_000)]
    expected = len(ids) * percent / 100
    found = sum(Holdout(percent).has(each) for each in ids)
    assert abs(found - expected) < 5 * (expected * (1 - percent / 100)) ** 0.5 + 1


def test_the_same_request_is_always_held_out_or_never() -> None:
    """In all processes, for all shadows; a larger share only adds some."""
    ids = [f"request-{n}" for n in range(5000)]
    small = {each for each in ids if Holdout(2).has(each)}
    assert small == {each for each in ids if Holdout(2).has(each)}
    assert small < {each for each in ids if Holdout(5).has(each)}
    assert "request-37" in small


def test_it_has_nothing_to_do_with_the_sample_that_a_shadow_gets() -> None:
    """Else a shadow of a small percentage would have no held-out requests, or only such."""
    ids = [f"request-{n}" for n in range(20_000)]
    sampled = [each for each in ids if position(each, "rewrite") < 0.1]
    held = sum(Holdout(10).has(each) for each in sampled)
    assert abs(held - len(sampled) / 10) < 5 * (len(sampled) * 0.09) ** 0.5


@pytest.mark.parametrize(("percent", "has"), [(0.0, False), (100.0, True)])
def test_nobody_or_everybody(percent: float, has: bool) -> None:
    """The ends of the range are exact."""
    assert {Holdout(percent).has(new_request_id()) for _ in range(1000)} == {has}
