"""Keys that are fetched: when, how often, and who waits."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from threading import Event, Thread

import pytest

from gateway.auth.jwks import RemoteKeys
from gateway.auth.keyset import KeySet
from tests.auth import issuer
from tests.support.turning import Turning
from tests.support.waiting import wait_for

ONE, TWO = issuer.jwk("EdDSA", "one"), issuer.jwk("ES256", "two")


class Issuer:
    """What is fetched: a set, an error, or nothing until it is let go."""

    def __init__(self, document: bytes) -> None:
        self.document: bytes | Exception = document
        self.fetches = 0
        self.go = Event()
        self.go.set()

    def fetch(self) -> bytes:
        self.fetches += 1
        assert self.go.wait(10)
        if isinstance(self.document, Exception):
            raise self.document
        return self.document


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def source() -> Issuer:
    return Issuer(issuer.jwks(ONE))


@pytest.fixture
def remote(source: Issuer, clock: Clock) -> Iterator[RemoteKeys]:
    made = RemoteKeys(source.fetch, name="https://issuer.test/keys", clock=clock, patience=5.0)
    yield made
    source.go.set()
    made.close(10)


def fetched(remote: RemoteKeys, times: int, source: Issuer) -> KeySet | None:
    """Wait until a fetch is over, and there were so many."""
    wait_for(lambda: source.fetches >= times and "gateway-jwks" not in _threads(), "a fetch")
    assert source.fetches == times
    return remote.keys


def _threads() -> set[str]:
    return {thread.name for thread in threading.enumerate()}


def test_making_one_fetches_nothing(remote: RemoteKeys, source: Issuer) -> None:
    """A gateway that is checked, or not used, asks nobody."""
    assert remote.keys is None
    assert source.fetches == 0


def test_the_first_tick_fetches_and_waits_for_nothing(remote: RemoteKeys, source: Issuer) -> None:
    """The housekeeper has other things to do."""
    source.go.clear()
    remote.refresh()
    remote.refresh()
    assert remote.keys is None
    source.go.set()
    assert repr(fetched(remote, 1, source)) == "<KeySet one>"


def test_the_first_request_waits_for_the_first_keys(remote: RemoteKeys, source: Issuer) -> None:
    """Also where nobody calls refresh."""
    assert repr(remote.newer(None)) == "<KeySet one>"
    assert source.fetches == 1


def test_who_waits_for_keys_lets_others_run(remote: RemoteKeys, source: Issuer) -> None:
    """Where many requests take turns on one thread: the issuer may hang."""
    source.go.clear()
    got: list[str] = []
    with closing(Turning()) as turning:
        for _ in range(3):
            turning.start(lambda: got.append(repr(remote.newer(None))))
        turning.start(lambda: got.append("another"))
        assert got == ["another"]
        source.go.set()
        turning.turn_until(lambda: len(got) == 4)
    assert got[1:] == ["<KeySet one>"] * 3
    assert source.fetches == 1


def test_waiting_for_keys_on_a_hub_ends(source: Issuer) -> None:
    """After ``patience``, and leaves nobody behind whom a fetch would tell."""
    source.go.clear()
    remote = RemoteKeys(source.fetch, name="issuer", patience=0.05)
    got: list[object] = []
    with closing(Turning()) as turning:
        turning.start(lambda: got.append(remote.newer(None)))
        turning.turn_until(lambda: got)
    assert got == [None]
    assert remote._gates == []
    source.go.set()
    remote.close(10)


def test_they_are_fetched_again_and_again(remote: RemoteKeys, source: Issuer, clock: Clock) -> None:
    """Every ``refresh_seconds``, so that a withdrawn key goes away."""
    remote.refresh()
    fetched(remote, 1, source)
    source.document = issuer.jwks(TWO)
    clock.now += 599
    remote.refresh()
    assert repr(fetched(remote, 1, source)) == "<KeySet one>"
    clock.now += 1
    remote.refresh()
    assert repr(fetched(remote, 2, source)) == "<KeySet two>"


def test_the_same_document_is_the_same_keys(
    remote: RemoteKeys, source: Issuer, clock: Clock
) -> None:
    """What was verified with them stays verified."""
    remote.refresh()
    first = fetched(remote, 1, source)
    clock.now += 600
    remote.refresh()
    assert fetched(remote, 2, source) is first


def test_an_unknown_key_is_looked_for_at_once(
    remote: RemoteKeys, source: Issuer, clock: Clock
) -> None:
    """An issuer that changed its key is followed with the first token."""
    known = remote.newer(None)
    source.document = issuer.jwks(ONE, TWO)
    clock.now += 30
    assert repr(remote.newer(known)) == "<KeySet one, two>"


def test_unknown_keys_are_looked_for_at_a_bounded_rate(
    remote: RemoteKeys, source: Issuer, clock: Clock
) -> None:
    """Tokens with made-up kids cost the issuer two fetches a minute."""
    known = remote.newer(None)
    for _ in range(100):
        clock.now += 0.29
        assert remote.newer(known) is known
    assert source.fetches == 1
    clock.now += 1
    for _ in range(100):
        assert remote.newer(known) is known
    assert source.fetches == 2


def test_whoever_has_old_keys_gets_the_new_ones_without_a_fetch(
    remote: RemoteKeys, source: Issuer
) -> None:
    """They came while it was looking."""
    assert remote.newer(None) is not None
    assert remote.newer(None) is remote.keys
    assert source.fetches == 1


def test_few_wait_and_the_others_are_answered(source: Issuer, clock: Clock) -> None:
    """A slow issuer must not hold the threads that all requests need."""
    remote = RemoteKeys(source.fetch, name="x", clock=clock, patience=10.0, waiting=3)
    source.go.clear()
    answers: list[KeySet | None] = []
    threads = [Thread(target=lambda: answers.append(remote.newer(None))) for _ in range(10)]
    for thread in threads:
        thread.start()
    wait_for(lambda: len(answers) == 7, "seven to be answered")
    assert answers == [None] * 7
    source.go.set()
    for thread in threads:
        thread.join(10)
    assert [repr(each) for each in answers[7:]] == ["<KeySet one>"] * 3
    assert source.fetches == 1
    remote.close(10)


def test_nobody_waits_longer_than_patience(source: Issuer, clock: Clock) -> None:
    """However long the fetch takes."""
    remote = RemoteKeys(source.fetch, name="x", clock=clock, patience=0.05)
    source.go.clear()
    assert remote.newer(None) is None
    source.go.set()
    remote.close(10)


@pytest.mark.parametrize(
    "document",
    [OSError("no route"), ValueError("answered 500"), b"<html>", issuer.jwks()],
    ids=["unreachable", "500", "not JSON", "empty"],
)
def test_a_failure_keeps_the_keys_and_says_so(
    document: bytes | Exception,
    remote: RemoteKeys,
    source: Issuer,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """An issuer that is down stops nobody whose key is known."""
    with caplog.at_level(logging.INFO):
        known = remote.newer(None)
        source.document = document
        clock.now += 600
        remote.refresh()
        assert fetched(remote, 2, source) is known
        assert remote.problem
    (record,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert record.getMessage().startswith(
        "No keys from https://issuer.test/keys; in use is <KeySet one>: "
    )


def test_a_failure_is_tried_again_soon_then_less_soon(
    remote: RemoteKeys, source: Issuer, clock: Clock
) -> None:
    """1, 2, 4 … seconds, and half a minute at most."""
    source.document = OSError("down")
    times = []
    for _ in range(1200):
        done = source.fetches
        remote.refresh()
        if source.fetches > done or "gateway-jwks" in _threads():
            fetched(remote, done + 1, source)
            times.append(clock.now)
        clock.now += 0.25
    gaps = [after - before for before, after in pairwise(times)]
    assert gaps[:6] == [1, 2, 4, 8, 16, 30]
    assert set(gaps[6:]) == {30}
    source.document = issuer.jwks(ONE)
    clock.now += 30
    remote.refresh()
    assert fetched(remote, len(times) + 1, source) is not None
    assert not remote.problem


def test_requests_do_not_hurry_a_failing_issuer(
    remote: RemoteKeys, source: Issuer, clock: Clock
) -> None:
    """Without keys every token asks; the pauses hold all the same."""
    source.document = OSError("down")
    for _ in range(50):
        assert remote.newer(None) is None
    assert source.fetches == 1
    clock.now += 1
    for _ in range(50):
        assert remote.newer(None) is None
    assert source.fetches == 2


def test_an_error_of_our_own_wakes_those_who_wait(
    remote: RemoteKeys, source: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread's end is known whatever ends it."""
    seen: list[object] = []
    monkeypatch.setattr(threading, "excepthook", seen.append)
    source.document = RuntimeError("bug")
    assert remote.newer(None) is None
    wait_for(lambda: seen, "the error to be reported")
    assert "1 failures" in repr(remote)


def test_closing_waits_for_the_fetch_and_allows_no_other(
    remote: RemoteKeys, source: Issuer, clock: Clock
) -> None:
    """No thread is left, and none begins."""
    remote.refresh()
    remote.close(10)
    assert "gateway-jwks" not in _threads()
    clock.now += 10_000
    remote.refresh()
    assert remote.newer(remote.keys) is remote.keys
    assert source.fetches == 1
