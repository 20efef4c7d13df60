"""Live as its own shadow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from gateway.exchange import LiveOutcome
from gateway.routes import RouteTable
from gateway.settings.floor import Floor
from gateway.settings.model import Live
from gateway.shadow.copy import Copy
from gateway.shadow.floor import FloorShadow, Rate
from gateway.shadow.outcome import Outcome
from gateway.shadow.switch import Switch
from gateway.transport import UpstreamSession
from tests.support.upstream import Upstream, upstream


@contextmanager
def floor(live: Upstream, other: Upstream | None = None, **changes: Any) -> Iterator[FloorShadow]:
    settings = Floor(enabled=True, **{"max_rate": 1e9, **changes})
    lives = [("/other", (), Live(url=other.url))] if other else []
    session = UpstreamSession()
    try:
        yield FloorShadow(
            settings,
            RouteTable(lives, Live(url=live.url + "/base")),
            session,
            lambda name: Switch(),
            id_field="X-Id",
        )
    finally:
        session.close()


def request(method: str = "GET", target: str = "/a?b", body: bytes = b"") -> Copy:
    return Copy("the-id", method, target, (("Host", "h.test"), ("Accept", "x")), body, bool(body))


@pytest.mark.parametrize(
    ("copy", "live", "outcome"),
    [
        (request(), LiveOutcome.ANSWERED, None),
        (request("HEAD"), LiveOutcome.ANSWERED, Outcome.SKIPPED_METHOD),
        (request("POST"), LiveOutcome.ANSWERED, Outcome.SKIPPED_METHOD),
        (request(), LiveOutcome.REFUSED, Outcome.SKIPPED_LIVE_REFUSED),
        (request(), LiveOutcome.FAILED, Outcome.SKIPPED_LIVE_REFUSED),
        (request(), LiveOutcome.ABANDONED, Outcome.SKIPPED_LIVE_REFUSED),
        (request(), LiveOutcome.NOT_ASKED, Outcome.SKIPPED_LIVE_REFUSED),
        (request(body=b"x"), LiveOutcome.ANSWERED, Outcome.SKIPPED_LIVE_REFUSED),
    ],
    ids=["get", "head", "post", "refused", "failed", "abandoned", "not-asked", "with-a-body"],
)
def test_only_gets_that_live_answered_well_are_read_twice(
    copy: Copy, live: LiveOutcome, outcome: Outcome | None
) -> None:
    """Nothing that could change anything, and nothing that live has trouble with."""
    with upstream() as server, floor(server) as shadow:
        assert shadow.decide(copy, live) is outcome


def test_the_second_read_is_like_the_first() -> None:
    """Same target, fields and id, nothing that says it is a copy; the route's own upstream."""
    with upstream() as server, upstream() as other, floor(server, other) as shadow:
        for target in ("/a?b", "/other/x"):
            assert shadow.call(request(target=target)).finish() is Outcome.ANSWERED
        (read,), (elsewhere,) = server.taken(), other.taken()
    assert (read.method, read.target) == ("GET", b"/base/a?b")
    assert read.fields == [("Host", "h.test"), ("Accept", "x"), ("X-Id", "the-id")]
    assert elsewhere.target == b"/other/x"


def test_the_rate_is_capped() -> None:
    """By what was sent, not by what was looked at; beyond it nothing is even offered."""
    with upstream() as server, floor(server, max_rate=0.001) as shadow:
        for _ in range(3):
            assert shadow.decide(request(), LiveOutcome.ANSWERED) is None
        calls = [shadow.call(request()) for _ in range(3)]
        assert [call.finish() for call in calls] == [
            Outcome.ANSWERED,
            Outcome.SKIPPED_SAMPLED_OUT,
            Outcome.SKIPPED_SAMPLED_OUT,
        ]
        assert shadow.decide(request(), LiveOutcome.ANSWERED) is Outcome.SKIPPED_SAMPLED_OUT
        assert len(server.taken()) == 1


def test_a_rate_is_kept_in_the_long_run() -> None:
    """Evenly: whatever was not taken is not saved up."""
    now = 0.0
    rate = Rate(10, clock=lambda: now)
    taken = 0
    for step in range(2000):
        now = step / 1000 if step < 1000 else 99 + step / 1000
        taken += rate.allows() and rate.take()
    assert taken == 20
