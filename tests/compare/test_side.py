"""The whole comparison in one process: real upstreams, real pool, every request counted once."""

from __future__ import annotations

import io
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest

from gateway import Gateway, Live, Settings, Shadow
from gateway.compare.verdict import Count, Judged, Tally
from gateway.compare.wanted import compares
from gateway.errors import Refusal
from gateway.metrics import Metrics
from gateway.settings.addresses import Addresses
from gateway.settings.comparison import Compare, CompareRules
from gateway.settings.floor import Floor
from gateway.settings.isolation import Isolation
from gateway.settings.model import Mirror, Route
from gateway.shadow.copy import Copy
from gateway.shadow.outcome import Outcome
from tests.support.upstream import Received, Upstream, reset, stalled, upstream
from tests.support.waiting import wait_for


def answer(body: bytes, status: str = "200 OK", *fields: bytes) -> bytes:
    head = b"HTTP/1.1 %s\r\nContent-Length: %d\r\n" % (status.encode(), len(body))
    return head + b"".join(field + b"\r\n" for field in fields) + b"\r\n" + body


JSON = b"Content-Type: application/json"


def live_script(request: Received) -> Any:
    target = request.target
    if target.startswith(b"/broken"):
        return lambda connection: connection.sendall(answer(b"x" * 100)[:60])
    return answer(b'{"total": 100, "at": "a"}', "200 OK", JSON)


def shadow_script(request: Received) -> Any:
    """Each path misbehaves in its way."""
    if request.target == b"/differs":
        return answer(b'{"total": 101, "at": "a"}', "200 OK", JSON)
    if request.target == b"/status":
        return answer(b"", "500 No")
    if request.target == b"/at":
        return answer(b'{"at": "b", "total": 100}', "200 OK", JSON)
    if request.target == b"/reset":
        return reset
    if request.target == b"/slow":
        return lambda connection: stalled(connection, Event(), 2)
    return answer(b'{"total":100,"at":"a"}', "200 OK", JSON)


class Counted(Metrics):
    """The five counts, and the ledger."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()
        self.verdicts: Counter[tuple[str, str, str]] = Counter()
        self.switched: list[str] = []

    def verdict(self, shadow: str, verdict: str, reason: str, counts_as: str, number: int) -> None:
        self.counts[shadow, counts_as] += number
        self.verdicts[shadow, verdict, reason] += number


class House:
    """A gateway between two upstreams."""

    def __init__(self, live: Upstream, shadow: Upstream, hooks: Any = None, **changes: Any) -> None:
        self.metrics = Counted()
        made = {
            "shadows": (Shadow(url=shadow.url, name="s", timeout=0.5, breaker_failures=0),),
            "isolation": Isolation(holdout=0),
            **changes,
        }
        settings = Settings(live=Live(url=live.url), **made)
        self.gateway = Gateway(settings, metrics=self.metrics, **(hooks or {}))
        self.requests = 0

    def ask(self, target: str = "/same", client: Callable[[Any], None] = list, **more: Any) -> None:
        """One request; ``client`` reads the answer, or does not."""
        environ = {"RAW_URI": target, "PATH_INFO": target, "wsgi.input": io.BytesIO(b""), **more}
        setup_testing_defaults(environ)
        environ["QUERY_STRING"] = ""
        self.requests += 1
        parts = self.gateway(environ, lambda status, fields, exc_info=None: lambda data: None)
        try:
            client(parts)
        except (OSError, Refusal):
            pass
        finally:
            parts.close()  # type: ignore[attr-defined]

    @property
    def comparison(self) -> Any:
        return self.gateway.shadow_side.comparison

    def outcomes(self, shadow: str = "s") -> Counter[str]:
        counted: Counter[str] = Counter()
        for outcome, number in self.gateway.ledger.snapshot()[shadow].items():
            counted[outcome.outcome] += number
        return counted

    def settle(self) -> None:
        """Until every copy has ended and every pair is judged."""
        wait_for(
            lambda: all(
                sum(self.outcomes(each.name).values()) == self.requests
                for each in self.gateway.shadow_side.shadows
            ),
            "the ledger",
        )
        self.gateway.close()

    def check_the_law(self, shadow: str = "s") -> Counter[str]:
        """The five counts with the ledger's skips and drops are the live requests."""
        outcomes = self.outcomes(shadow)
        counts = Counter({c: n for (name, c), n in self.metrics.counts.items() if name == shadow})
        compared = sum(counts.values())
        assert outcomes["skipped"] + outcomes["dropped"] + compared == self.requests
        assert outcomes["failed"] == counts[Count.SHADOW_FAILED.value]
        assert outcomes["answered"] == compared - counts[Count.SHADOW_FAILED.value]
        assert self.comparison is None or self.comparison.comparisons.budget.held == 0
        return counts


@contextmanager
def house(**changes: Any) -> Iterator[House]:
    with upstream(live_script) as live, upstream(shadow_script) as shadow:
        built = House(live, shadow, **changes)
        try:
            yield built
        finally:
            built.gateway.close(0)


def leave_early(parts: Any) -> None:
    next(iter(parts))


def test_every_request_is_counted_once_whatever_becomes_of_it() -> None:
    """Matches, differences, failures, skips, and what cannot be compared: one sum."""
    rules = CompareRules(ignore_paths=("$.at",))
    routes = (
        Route(path="/at", compare=rules),
        Route(path="/off", compare=CompareRules(enabled=False)),
        Route(path="/private", mirror=False),
    )
    with house(routes=routes) as built:
        for target in ("/same", "/same", "/differs", "/status", "/at", "/off"):
            built.ask(target)
        for target in ("/reset", "/slow", "/private"):
            built.ask(target)
        built.ask("/same", leave_early)
        built.ask("/broken")
        built.settle()
        counts = built.check_the_law()
    assert counts == {
        "match": 2,
        "match_after_ignoring": 1,
        "differs": 2,
        "shadow_failed": 2,
        "not_comparable": 3,
    }
    assert built.metrics.verdicts == {
        ("s", "match", ""): 3,
        ("s", "body", ""): 1,
        ("s", "status", ""): 1,
        ("s", "shadow_failed", "reset"): 1,
        ("s", "timed_out", "timed_out"): 1,
        ("s", "not_compared", "switched_off"): 1,
        ("s", "not_compared", "abandoned"): 1,
        ("s", "not_compared", "live_failed"): 1,
    }
    assert built.outcomes()["skipped"] == 1


def test_what_the_gateway_refused_and_mirrors_all_the_same_is_not_comparable() -> None:
    """Live was not asked."""
    refused = Addresses(deny=("192.0.2.1",))
    with house(mirror=Mirror(refused_by_gateway=True), addresses=refused) as built:
        built.ask("/same", REMOTE_ADDR="192.0.2.1")
        built.settle()
        assert built.check_the_law() == {"not_comparable": 1}
    assert built.metrics.verdicts == {("s", "not_compared", "live_not_asked"): 1}


@pytest.mark.parametrize(
    ("limits", "reason"),
    [({"max_bytes": 100}, "no_room"), ({"max_queue": 1}, "queue_full")],
    ids=["bytes", "queue"],
)
def test_beyond_the_bounds_exchanges_are_not_compared_but_counted(
    limits: dict[str, int], reason: str
) -> None:
    """The sum holds."""
    with house(compare=Compare(**limits)) as built:
        for _ in range(20):
            built.ask("/same")
        built.settle()
        counts = built.check_the_law()
    assert sum(counts.values()) == 20
    assert built.metrics.verdicts["s", "not_compared", reason] >= 1


def test_large_bodies_are_compared_by_digest() -> None:
    """Not kept, and the same all the same."""
    body = b"x" * 300_000
    with upstream(lambda r: answer(body)) as live, upstream(lambda r: answer(body)) as shadow:
        built = House(live, shadow)
        built.ask()
        built.settle()
    assert built.check_the_law() == {"match": 1}


def test_a_shadow_that_never_stops_talking_differs() -> None:
    """It is cut off; what there was is enough to tell."""
    endless = b"HTTP/1.1 200 OK\r\nContent-Length: 50000000\r\n\r\n" + b"x" * 5_000_000
    with upstream(lambda r: answer(b"x")) as live, upstream(lambda r: endless) as shadow:
        built = House(live, shadow, shadows=(Shadow(url=shadow.url, name="s", timeout=5.0),))
        built.ask()
        built.settle()
        counts = built.check_the_law()
    assert sum(counts.values()) == 1
    assert counts["match"] == counts["shadow_failed"] == 0


def test_an_answer_cut_off_for_its_framing_is_not_taken_for_a_whole_one() -> None:
    """Tiny chunks are mostly framing: what was read of the body is small, and no body."""
    chunks = b"1\r\nx\r\n" * 800_000
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    with upstream(lambda r: answer(b"x")) as live, upstream(lambda r: head + chunks) as shadow:
        built = House(live, shadow, shadows=(Shadow(url=shadow.url, name="s", timeout=9.0),))
        stored: list[Any] = []
        built.comparison.sinks.append(stored.append)
        built.ask()
        built.settle()
    (judged,) = stored
    assert (judged.answer.body, judged.answer.digest) == (None, None)


def test_a_failure_without_a_request_has_its_verdict_too() -> None:
    """As where a host's request cannot be copied."""
    with house() as built:
        built.requests += 1
        built.gateway.fanout.skip(Outcome.FAILED_INTERNAL)
        built.settle()
        assert built.check_the_law() == {"shadow_failed": 1}


def test_two_shadows_are_compared_each_for_itself() -> None:
    """One captured answer of live serves both."""
    with (
        upstream(live_script) as live,
        upstream(shadow_script) as one,
        upstream(lambda r: answer(b"", "404 No")) as two,
    ):
        shadows = (Shadow(url=one.url, name="s"), Shadow(url=two.url, name="t"))
        built = House(live, one, shadows=shadows)
        for _ in range(3):
            built.ask("/same")
        built.settle()
        assert built.check_the_law() == {"match": 3}
        assert built.check_the_law("t") == {"differs": 3}


def test_held_out_requests_are_skipped_and_measured() -> None:
    """Stable by request id, for all shadows; the rest is mirrored."""
    with house(isolation=Isolation(holdout=50)) as built:
        for number in range(40):
            built.ask("/same", HTTP_X_REQUEST_ID=f"request-{number}")
        built.settle()
        built.check_the_law()
        held_out = built.gateway.ledger.snapshot()["s"][Outcome.SKIPPED_HELD_OUT]
        guard = built.gateway.shadow_side.guard
        assert guard is not None
        guard.look()
        mirrored, held = guard.state.groups
    assert 5 < held_out < 35
    assert (held.requests, mirrored.requests) == (held_out, 40 - held_out)


def test_hooks_choose_change_and_are_told() -> None:
    """Skips and failures of theirs are in the ledger, and the sum holds."""
    told: list[Judged] = []
    hooks = {
        "should_mirror": lambda request: request.target != "/not-this",
        "rewrite": lambda request: request._replace(
            target={"/rewritten": "/differs"}[request.target]
        ),
        "on_verdict": told.append,
    }
    with house(hooks=hooks) as built:
        for target in ("/not-this", "/rewritten", "/raises"):
            built.ask(target)
        built.settle()
        counts = built.check_the_law()
    assert counts == {"differs": 1}
    assert built.gateway.ledger.snapshot()["s"] == {
        Outcome.SKIPPED_HOOK: 1,
        Outcome.ANSWERED: 1,
        Outcome.DROPPED_HOOK_FAILED: 1,
    }
    (judged,) = told
    assert judged.request.target == "/differs"


def test_hooks_that_block_for_ever_keep_neither_live_nor_closing_waiting() -> None:
    """The copies are dropped, each once."""
    stuck = Event()

    def block(request: Copy) -> Any:
        return stuck.wait(60)

    hooks = {"should_mirror": block, "on_verdict": block}
    with house(hooks=hooks, mirror=Mirror(drain_timeout=0.2)) as built:
        began = time.monotonic()
        for _ in range(20):
            built.ask("/same")
        built.gateway.close()
        assert time.monotonic() - began < 5
        assert built.check_the_law() == {}
    assert built.outcomes() == {"dropped": 20}
    stuck.set()


def test_live_is_read_twice_to_know_the_floor() -> None:
    """Counted apart; at most at its rate, and the sums hold for it too."""
    seen: Counter[bytes] = Counter()

    def restless(request: Received) -> bytes:
        seen[request.target] += 1
        return answer(b'{"n": %d}' % seen[request.target], "200 OK", JSON)

    with upstream(restless) as live, upstream(restless) as shadow:
        built = House(live, shadow, floor=Floor(enabled=True, max_rate=0.001))
        for number in range(5):
            built.ask(f"/{number}")
        built.settle()
        assert built.check_the_law("live") == {"differs": 1}
        assert sum(built.check_the_law().values()) == 5
    assert len(live.taken()) == 6
    assert len(shadow.taken()) == 5


@pytest.mark.parametrize(
    ("general", "route", "expected"),
    [
        (None, None, True),
        (False, None, False),
        (False, CompareRules(enabled=True), True),
        (True, CompareRules(enabled=False), True),
    ],
)
def test_where_nothing_is_compared_nothing_is_captured(
    general: bool | None, route: CompareRules | None, expected: bool
) -> None:
    """There is no thread and no budget; requests are mirrored as before."""
    routes = (Route(path="/a", compare=route),)
    with house(compare=Compare(enabled=general), routes=routes) as built:
        assert compares(built.gateway.settings) is expected
        assert (built.gateway.shadow_side.comparison is not None) is expected
        built.ask()
        built.settle()
    assert built.outcomes() == {"answered": 1}


def test_sinks_get_every_verdict() -> None:
    """Whoever stores them adds itself."""
    stored: list[Judged | Tally] = []
    with house() as built:
        built.comparison.sinks.append(stored.append)
        built.ask()
        built.settle()
    (judged,) = stored
    assert isinstance(judged, Judged)
    assert judged.live is not None
    assert judged.answer is not None
    assert judged.live.body == b'{"total": 100, "at": "a"}'
    assert 0 < judged.live.seconds < 5
    assert 0 < judged.answer.seconds < 5
