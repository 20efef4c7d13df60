from __future__ import annotations

import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from gateway.transport import Origin
from gateway.transport.addresses import Address, Addresses
from tests.support.waiting import wait_for

A, B, C = (Address(socket.AF_INET, (f"192.0.2.{n}", 80)) for n in (1, 2, 3))


class Resolver:
    """A resolver whose answer a test sets; counts questions."""

    def __init__(self, *addresses: Address) -> None:
        self.addresses: list[Address] | None = list(addresses)
        self.asked = 0
        self.arrived, self.may_answer = threading.Event(), threading.Event()
        self.may_answer.set()

    def __call__(self, host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        self.asked += 1
        self.arrived.set()
        assert self.may_answer.wait(5)
        if self.addresses is None:
            raise socket.gaierror(socket.EAI_AGAIN, "no name server")
        return [(address.family, 1, 6, "", address.sockaddr) for address in self.addresses]


def addresses_of(resolver: Resolver, clock: list[float], url: str = "http://live") -> Addresses:
    return Addresses(Origin.parse(url), max_age=30, clock=lambda: clock[0], lookup=resolver)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://192.0.2.1", A),
        ("http://[::1]:81", Address(socket.AF_INET6, ("::1", 81, 0, 0))),
        ("http+unix:///run/x", Address(socket.AF_UNIX, "/run/x")),
    ],
)
def test_literals_are_never_looked_up(url: str, address: Address) -> None:
    """There is no name to ask for."""
    resolver = Resolver()
    addresses = addresses_of(resolver, [0.0], url)
    assert addresses.current() == [address]
    assert addresses.still_lists(address)
    assert resolver.asked == 0


def test_addresses_come_as_the_resolver_orders_them() -> None:
    """Without repeats (one per socket type, in some resolvers)."""
    assert addresses_of(Resolver(B, A, B), [0.0]).current() == [B, A]


@pytest.mark.parametrize("resolves", [True, False], ids=["found", "failed"])
def test_a_name_is_asked_for_once_at_a_time(resolves: bool) -> None:
    """Who needs the answer too waits for that one: however many come meanwhile, a resolver
    that hangs has one thread. The next one asks anew."""
    resolver = Resolver(A)
    resolver.may_answer.clear()
    if not resolves:
        resolver.addresses = None
    addresses = addresses_of(resolver, [0.0])

    def ask() -> list[Address] | str:
        try:
            return addresses.current()
        except OSError as error:
            return str(error)

    with ThreadPoolExecutor(5) as threads:
        asking = [threads.submit(ask)]
        assert resolver.arrived.wait(5)
        asking += [threads.submit(ask) for _ in range(4)]
        question = addresses._question
        wait_for(lambda: question is not None and len(question._gates) == 4, "those who join")
        resolver.may_answer.set()
        found = [each.result(5) for each in asking]
    assert found == [[A] if resolves else "[Errno -3] no name server"] * 5
    assert resolver.asked == 1
    ask()
    assert resolver.asked == 2


def test_those_that_failed_last_come_last() -> None:
    """A dead address costs one connect time-out, not every connection's; it is forgiven."""
    clock = [100.0]
    addresses = addresses_of(Resolver(A, B, C), clock)
    addresses.failed(A)
    clock[0] += 1
    addresses.failed(B)
    assert addresses.current() == [C, A, B]
    addresses.worked(A)
    assert addresses.current() == [A, C, B]


def test_a_name_is_asked_for_again_as_it_ages() -> None:
    """Once for each max_age, whoever asks; then an address that is gone is known to be."""
    clock, resolver = [0.0], Resolver(A, B)
    addresses = addresses_of(resolver, clock)
    addresses.current()
    resolver.addresses = [B]
    clock[0] = 29
    assert addresses.still_lists(A)
    assert resolver.asked == 1
    clock[0] = 31
    assert not addresses.still_lists(A)
    assert addresses.still_lists(B)
    assert resolver.asked == 2


def test_a_resolver_that_is_down_takes_no_connection_with_it() -> None:
    """What cannot be found out counts as unchanged; it is not asked by every request."""
    clock, resolver = [0.0], Resolver(A)
    addresses = addresses_of(resolver, clock)
    addresses.current()
    resolver.addresses, clock[0] = None, 31
    assert addresses.still_lists(A)
    assert addresses.still_lists(A)
    assert resolver.asked == 2
    with pytest.raises(OSError, match="no name server"):
        addresses.current()


def test_a_slow_resolver_holds_up_one_caller() -> None:
    """While one asks, the others go on with what is known."""
    clock, resolver = [0.0], Resolver(A)
    addresses = addresses_of(resolver, clock)
    addresses.current()
    clock[0] = 31
    resolver.arrived.clear()
    resolver.may_answer.clear()
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(addresses.still_lists, A)
        assert resolver.arrived.wait(5)
        assert addresses.still_lists(A)
        assert not first.done()
        resolver.may_answer.set()
        assert first.result(5)


def test_a_name_too_long_for_dns_does_not_resolve() -> None:
    """The resolver's own encoding error is an OSError like the others."""
    addresses = Addresses(
        Origin("http", "x" * 70, 80), max_age=30, clock=lambda: 0.0, lookup=socket.getaddrinfo
    )
    with pytest.raises(OSError, match=r"label|Name"):
        addresses.current()
