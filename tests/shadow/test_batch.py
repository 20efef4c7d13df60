"""Several calls on one thread: none waits for another."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Barrier, Event

import pytest

from gateway.settings.model import Shadow
from gateway.shadow.copy import Copy
from gateway.shadow.outcome import Outcome
from gateway.shadow.pool import ShadowPool
from gateway.shadow.switch import Switch
from gateway.shadow.upstream import ShadowUpstream
from gateway.transport import Http1Adapter, UpstreamSession
from tests.support.upstream import OK, Act, Received, Upstream, upstream
from tests.support.waiting import wait_for

COPIES = 8


class House:
    """A pool and a shadow, over as many idle connections as there will be copies."""

    def __init__(self, server: Upstream, timeout: float) -> None:
        self.server = server
        self.pool = ShadowPool(threads=32, max_queue=64, max_queue_bytes=1 << 20)
        self.adapter = Http1Adapter(retry_stale=False)
        self.shadow = ShadowUpstream(
            Shadow(url=server.url, name="s", timeout=timeout),
            UpstreamSession(self.adapter),
            lambda name: Switch(),
        )
        self.outcomes: dict[str, Outcome] = {}

    def offer(self, *targets: str) -> None:
        for target in targets:
            copy = Copy("id", "GET", target, (("Host", "h.test"),), b"", had_body=False)
            done = self._recorder(target)
            assert self.pool.offer(self.shadow.call(copy), 0, done) is None

    def _recorder(self, target: str) -> Callable[[Outcome], None]:
        def done(outcome: Outcome) -> None:
            self.outcomes[target] = outcome

        return done

    def ended(self, *targets: str) -> dict[str, Outcome]:
        """The outcomes of these, once they are all there."""
        wait_for(lambda: self.outcomes.keys() >= set(targets), f"{targets} to end")
        return {target: self.outcomes[target] for target in targets}


@contextmanager
def warm(script: Callable[[Received], Act], timeout: float = 10.0) -> Iterator[House]:
    """A house whose first calls have opened the connections; then ``script`` answers."""
    together = Barrier(COPIES)

    def first(request: Received) -> Act:
        together.wait(10)
        return OK

    with upstream(first) as server:
        house = House(server, timeout)
        targets = [f"/first{number}" for number in range(COPIES)]
        house.offer(*targets)
        house.ended(*targets)
        wait_for(lambda: not house.pool.snapshot().active, "the pool")
        server.script = script
        try:
            yield house
        finally:
            house.adapter.abort()
            assert house.pool.close(5)


def shadow_threads() -> set[str]:
    return {t.name for t in threading.enumerate() if t.name.startswith("gateway-shadow")}


def test_copies_that_gather_are_all_sent_before_an_answer_is_awaited() -> None:
    """The shadow holds every answer until it has all requests."""
    together = Barrier(COPIES)

    def script(request: Received) -> Act:
        together.wait(10)
        return OK

    targets = [f"/{number}" for number in range(COPIES)]
    with warm(script) as house:
        connections = house.server.connections
        house.offer(*targets)
        assert set(house.ended(*targets).values()) == {Outcome.ANSWERED}
        assert house.server.connections == connections, "all over idle connections"


def test_a_copy_whose_answer_trickles_holds_no_other_up() -> None:
    """It gets a thread of its own; the others end meanwhile."""
    go = Event()

    def script(request: Received) -> Act:
        if request.target != b"/slow":
            return OK
        return _parts()

    def _parts() -> Iterator[bytes]:
        yield OK[:20]
        go.wait(10)
        yield OK[20:]

    with warm(script) as house:
        house.offer("/slow", "/a", "/b")
        assert house.ended("/a", "/b") == {"/a": Outcome.ANSWERED, "/b": Outcome.ANSWERED}
        assert "/slow" not in house.outcomes
        go.set()
        assert house.ended("/slow") == {"/slow": Outcome.ANSWERED}


REFUSED = b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno"


@pytest.mark.parametrize("answer", [OK, REFUSED], ids=["well", "refused"])
def test_an_answer_whose_body_comes_later_leaves_its_connection_whole(answer: bytes) -> None:
    """Many servers send head and body apart. The next copies go over the same connections."""
    go = Event()

    def parts() -> Iterator[bytes]:
        yield answer[:-2]
        go.wait(10)
        yield answer[-2:]

    with warm(lambda request: parts()) as house:
        connections = house.server.connections
        for number in range(3):
            go.clear()
            targets = [f"/{number}{letter}" for letter in "abcd"]
            house.offer(*targets)
            wait_for(lambda: house.pool.snapshot().active == 4, "calls to wait for bodies")
            go.set()
            assert set(house.ended(*targets).values()) == {Outcome.ANSWERED}
            wait_for(lambda: not house.pool.snapshot().active, "the pool")
        assert house.server.connections == connections
        (state,) = house.adapter.snapshot().values()
        assert (state.busy, state.idle) == (0, COPIES)


def test_each_copy_of_a_batch_has_its_own_end() -> None:
    """Answered, cut off, nonsense and a stall in one batch, told apart."""
    acts: dict[bytes, Act] = {b"/ok": OK, b"/cut": None, b"/bad": b"nonsense\r\n\r\n"}
    go = Event()

    def script(request: Received) -> Act:
        return acts[request.target] if request.target in acts else lambda _: _wait(go)

    with warm(script, timeout=0.5) as house:
        house.offer("/ok", "/cut", "/bad", "/stall")
        outcomes = house.ended("/ok", "/cut", "/bad", "/stall")
        go.set()
    assert outcomes == {
        "/ok": Outcome.ANSWERED,
        "/cut": Outcome.FAILED_RESET,
        "/bad": Outcome.FAILED_BAD_ANSWER,
        "/stall": Outcome.FAILED_TIMED_OUT,
    }


def _wait(event: Event) -> None:
    event.wait(10)


def test_a_stalled_batch_ends_when_its_sockets_are_aborted() -> None:
    """What a stopping worker does after the drain time-out."""
    go = Event()
    with warm(lambda request: lambda _: _wait(go)) as house:
        house.offer("/a", "/b", "/c")
        wait_for(lambda: len(house.server.taken()) == COPIES + 3, "the copies")
        assert not house.pool.close(0)
        house.adapter.abort()
        assert house.pool.close(5)
        go.set()
        assert set(house.ended("/a", "/b", "/c").values()) == {Outcome.FAILED_RESET}
    assert not shadow_threads()


@pytest.mark.parametrize("error", [ValueError, SystemExit, KeyboardInterrupt])
def test_what_one_copy_raises_ends_that_copy_alone(
    error: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In starting it, next to others that are sent."""
    with warm(lambda request: OK) as house:
        build = house.shadow.build

        def broken(copy: Copy) -> object:
            if copy.target == "/bad":
                raise error
            return build(copy)

        monkeypatch.setattr(house.shadow, "build", broken)
        house.offer("/a", "/bad", "/b")
        assert house.ended("/a", "/bad", "/b") == {
            "/a": Outcome.ANSWERED,
            "/bad": Outcome.FAILED_INTERNAL,
            "/b": Outcome.ANSWERED,
        }
