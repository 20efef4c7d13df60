"""Sampling: exact, stable, monotonic."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ids import new_request_id
from gateway.shadow.copy import Copy
from gateway.shadow.sampling import Sampler


def copy(request_id: str = "id", *fields: tuple[str, str]) -> Copy:
    return Copy(request_id, "GET", "/", fields, b"", had_body=False)


@pytest.mark.parametrize("percent", [1, 10, 50, 99])
def test_the_share_is_exact_over_many_requests(percent: int) -> None:
    """Over 100,000 real request ids, within half a percent."""
    sampler = Sampler("request-id", "shadow")
    inside = sum(sampler.admits(copy(new_request_id()), percent) for _ in range(100_000))
    assert abs(inside / 1000 - percent) < 0.5


def test_the_share_is_exact_for_keys_that_differ_little() -> None:
    """Numbered customers are the usual key."""
    sampler = Sampler("header:X-Customer", "shadow")
    copies = (copy("same", ("X-Customer", str(n))) for n in range(100_000))
    assert abs(sum(sampler.admits(c, 10) for c in copies) / 1000 - 10) < 0.5


@given(st.text(max_size=40), st.floats(0, 100), st.floats(0, 100))
def test_raising_the_percentage_only_adds(key: str, one: float, other: float) -> None:
    """Nobody who was in falls out, and the same key always falls on the same side."""
    low, high = sorted((one, other))
    samplers = [Sampler("header:K", "s"), Sampler("header:K", "s")]
    keyed = copy("id", ("K", key))
    assert samplers[0].admits(keyed, low) <= samplers[1].admits(keyed, high)


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        ("header:X-User", ("x-user", "ann")),
        ("cookie:sid", ("Cookie", "a=1; sid=ann; b=2")),
    ],
    ids=["header", "cookie"],
)
def test_a_users_whole_session_falls_on_one_side(rule: str, field: tuple[str, str]) -> None:
    """Whatever the requests' own ids are."""
    sampler = Sampler(rule, "s")
    sides = {sampler.admits(copy(new_request_id(), field), 50) for _ in range(200)}
    assert len(sides) == 1


def test_without_the_field_the_request_id_decides() -> None:
    """Else all anonymous requests would fall on one side."""
    sampler = Sampler("cookie:sid", "s")
    sides = {sampler.admits(copy(new_request_id(), ("Cookie", "other=1")), 50) for _ in range(200)}
    assert sides == {True, False}


def test_two_shadows_sample_independently() -> None:
    """Else two at 10 % would always get the same 10 %."""
    one, two = Sampler("request-id", "one"), Sampler("request-id", "two")
    copies = [copy(new_request_id()) for _ in range(1000)]
    assert [one.admits(c, 50) for c in copies] != [two.admits(c, 50) for c in copies]


@pytest.mark.parametrize(("percent", "admitted"), [(0, False), (100, True)])
def test_the_ends_of_the_scale_are_exact(percent: int, admitted: bool) -> None:
    """None at 0, all at 100."""
    sampler = Sampler("request-id", "s")
    assert {sampler.admits(copy(new_request_id()), percent) for _ in range(500)} == {admitted}
