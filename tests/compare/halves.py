"""What tests of pairs are made of."""

from __future__ import annotations

from gateway.budget import ByteBudget
from gateway.compare.capture import Bounds
from gateway.compare.pairing import Half
from gateway.shadow.copy import Copy


def request(body: bytes = b"", target: str = "/a") -> Copy:
    return Copy("id", "GET", target, (("Host", "h.test"),), body, had_body=bool(body))


def bounds(limit: int = 1 << 20, max_body: int = 1000) -> Bounds:
    return Bounds(ByteBudget(limit), max_body)


class Table:
    """A desk that only collects."""

    def __init__(self) -> None:
        self.settled: list[Half] = []

    def settle(self, half: Half) -> None:
        self.settled.append(half)
