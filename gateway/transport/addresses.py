"""The addresses an upstream's name stands for, asked for again as they age.

Names move while connections live for hours: a pool asks here before it uses a
connection that is older than ``max_age``. Literal addresses and Unix sockets are
never looked up.

``getaddrinfo`` cannot be interrupted: a resolver that hangs holds the calls
that need a new connection for its own time-out, not ours.
"""

from __future__ import annotations

import ipaddress
import math
import socket
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from gateway.transport.budget import Clock
from gateway.transport.origin import Origin
from gateway.waiting import Gate, blocking

Lookup = Callable[..., list[tuple[Any, ...]]]


class Address(NamedTuple):
    """What a socket connects to. Two are equal if they are the same place."""

    family: int
    sockaddr: Any


class Addresses:
    """The addresses of one upstream.

    *Threads*: any. The lock guards ``_known``, ``_asked_at``, ``_failed`` and
    ``_question``; looking up happens outside it, so a slow resolver holds up only
    whoever needs its answer: one caller asks, who needs it too waits for that answer,
    and the rest go on with what is known.
    """

    def __init__(self, origin: Origin, *, max_age: float, clock: Clock, lookup: Lookup) -> None:
        self._origin = origin
        self._max_age = max_age
        self._clock = clock
        self._lookup = lookup
        self._lock = threading.Lock()
        self._fixed = _fixed(origin)
        self._known: tuple[Address, ...] = (self._fixed,) if self._fixed else ()
        self._asked_at = clock()
        self._failed: dict[Address, float] = {}
        self._question: _Question | None = None

    def current(self) -> list[Address]:
        """Where to connect now, best first: as the resolver orders them, those
        that failed last at the end. ``OSError`` if the name does not resolve.
        """
        if self._fixed is not None:
            return [self._fixed]
        known = self._ask()
        with self._lock:
            failed = dict(self._failed)
        return sorted(known, key=lambda address: failed.get(address, -1.0))

    def still_lists(self, address: Address) -> bool:
        """Whether the name still stands for this address, known no longer ago than ``max_age``.

        Yes where it cannot be found out: a resolver that is down must not take
        working connections with it.
        """
        if self._fixed is not None:
            return True
        with self._lock:
            now = self._clock()
            asking = now - self._asked_at > self._max_age
            if asking:
                self._asked_at = now
            known = self._known
        if asking:
            try:
                known = self._ask()
            except OSError:
                return True
        return address in known

    def failed(self, address: Address) -> None:
        """Connecting did not work: tried after the others from now on."""
        with self._lock:
            self._failed[address] = self._clock()

    def worked(self, address: Address) -> None:
        if self._failed:
            with self._lock:
                self._failed.pop(address, None)

    def _ask(self) -> tuple[Address, ...]:
        """What the name stands for now. A resolver that hangs has one thread of ours, not all."""
        with self._lock:
            asked = self._question
            if asked is None:
                question = self._question = _Question()
            else:
                gate = asked.join()
        if asked is None:
            return self._ask_for_all(question)
        gate.wait(math.inf)
        return asked.answer()

    def _ask_for_all(self, question: _Question) -> tuple[Address, ...]:
        try:
            question.found = self._look_up()
            return question.found
        except OSError as error:
            question.failure = error
            raise
        finally:
            with self._lock:
                self._question = None
            question.over()

    def _look_up(self) -> tuple[Address, ...]:
        host, port = self._origin.host, self._origin.port
        try:
            found = blocking(partial(self._lookup, host, port, type=socket.SOCK_STREAM))
        except UnicodeError as error:  # a label too long for DNS
            raise socket.gaierror(socket.EAI_NONAME, str(error)) from error
        known = tuple(dict.fromkeys(Address(family, place) for family, _, _, _, place in found))
        with self._lock:
            self._known, self._asked_at = known, self._clock()
            # Not to grow with every address a name ever had.
            self._failed = {a: at for a, at in self._failed.items() if a in known}
        return known

    def __repr__(self) -> str:
        return f"<Addresses of {self._origin.address} [{len(self._known)} known]>"


class _Question:
    """A name that is being looked up, and who waits for what that finds.

    *Threads*: ``join`` under the lock of ``Addresses``, ``over`` once nobody can join.
    """

    __slots__ = ("_gates", "failure", "found")

    def __init__(self) -> None:
        self.found: tuple[Address, ...] | None = None
        self.failure: OSError | None = None
        self._gates: list[Gate] = []

    def join(self) -> Gate:
        """To be waited at, by this thread."""
        gate = Gate()
        self._gates.append(gate)
        return gate

    def over(self) -> None:
        """Tell everybody."""
        for gate in self._gates:
            gate.let_pass()

    def answer(self) -> tuple[Address, ...]:
        """What was found. ``OSError``."""
        if self.found is None:
            # One of its own for everybody who raises it.
            raise OSError(*(self.failure.args if self.failure else ())) from self.failure
        return self.found


def _fixed(origin: Origin) -> Address | None:
    """The address, where no name has to be looked up."""
    if origin.socket_path is not None:
        return Address(socket.AF_UNIX, origin.socket_path)
    try:
        version = ipaddress.ip_address(origin.host).version
    except ValueError:
        return None
    if version == 6:
        return Address(socket.AF_INET6, (origin.host, origin.port, 0, 0))
    return Address(socket.AF_INET, (origin.host, origin.port))
