"""A host's hooks see requests before shadows do, and hurt nobody."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, current_thread
from typing import Any

import pytest

from gateway.hooks import Hooks
from gateway.shadow.copy import Copy
from gateway.shadow.outcome import Outcome
from gateway.shadow.vetting import Vetting
from tests.support.waiting import wait_for

SENT = Copy("id", "GET", "/a?b", (("Host", "h.test"),), b"abc", True, trace="trace")
Vetted = list[tuple[Copy | None, Outcome]]


@contextmanager
def vetting(**hooks: Any) -> Iterator[tuple[Vetting, Vetted]]:
    made = Vetting(Hooks(**hooks), max_copies=3, max_bytes=100)
    vetted: Vetted = []
    try:
        yield made, vetted
    finally:
        made.close(5)


def become(**hooks: Any) -> tuple[Copy | None, Outcome]:
    """What becomes of a request."""
    with vetting(**hooks) as (made, vetted):
        assert made.offer(SENT, lambda *told: vetted.append(told))
        wait_for(lambda: vetted, "the hooks")
    assert len(vetted) == 1
    return vetted[0]


def test_a_request_is_sent_if_the_host_says_so() -> None:
    """As it is, or as it was rewritten; it stays the same request, in the same trace."""
    assert become(should_mirror=lambda request: True)[0] == SENT
    assert become(should_mirror=lambda r: False) == (None, Outcome.SKIPPED_HOOK)
    changed = become(rewrite=lambda r: Copy("other", "PUT", "/v2" + r.target, (), b"x", True))[0]
    assert changed == Copy("id", "PUT", "/v2/a?b", (), b"x", True, trace="trace")


def test_what_is_not_to_be_mirrored_is_not_rewritten() -> None:
    """The question comes first."""
    asked: list[Copy] = []
    assert become(should_mirror=lambda r: 0, rewrite=asked.append)[0] is None
    assert asked == []


def raising(request: Copy) -> Any:
    raise SystemExit("a hook")


@pytest.mark.parametrize(
    "hooks",
    [
        {"should_mirror": raising},
        {"rewrite": raising},
        {"rewrite": lambda r: None},
        {"rewrite": lambda r: tuple(r)},
        {"rewrite": lambda r: r._replace(body="text")},
        {"rewrite": lambda r: r._replace(fields=((1, "x"),))},
        {"rewrite": lambda r: r._replace(target=b"/bytes")},
    ],
    ids=["should-raises", "raises", "none", "tuple", "body", "field", "target"],
)
def test_a_request_that_a_hook_failed_with_is_not_sent(hooks: dict[str, Any]) -> None:
    """Least of all as it was: it was to be rewritten for a reason."""
    assert become(**hooks) == (None, Outcome.DROPPED_HOOK_FAILED)


def test_hooks_run_on_a_thread_of_their_own() -> None:
    """Neither a request's nor one that a process waits for when it ends."""
    seen = []
    become(should_mirror=lambda request: seen.append(current_thread()))
    assert seen[0].name == "gateway-hooks"
    assert seen[0].daemon


def test_a_hook_that_blocks_keeps_nobody_waiting() -> None:
    """What has no room is refused at once; closing is bounded, and drops each copy once."""
    stuck, begun = Event(), Event()

    def block(request: Copy) -> bool:
        begun.set()
        return bool(stuck.wait(30))

    with vetting(should_mirror=block) as (made, vetted):
        began = time.monotonic()
        taken = [made.offer(SENT, lambda *told: vetted.append(told)) for _ in range(5)]
        assert taken == [True] * 3 + [False] * 2
        assert begun.wait(5)
        made.close(0.1)
        assert time.monotonic() - began < 2
        assert vetted == [(None, Outcome.DROPPED_DRAINING)] * 3
        stuck.set()
    assert len(vetted) == 3


def test_large_bodies_take_the_room_that_they_need() -> None:
    """A hundred bytes in this one."""
    with vetting(should_mirror=lambda r: True) as (made, _):
        assert not made.offer(SENT._replace(body=b"x" * 101), lambda *told: None)
