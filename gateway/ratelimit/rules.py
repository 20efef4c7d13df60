"""Who may send how much, compiled: made for each route when the gateway starts.

A rule is some rates and what its requests are counted by. Rules know nothing of
stores: they turn a request into demands, and a verdict into what is announced.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from gateway.exchange import Exchange
from gateway.ratelimit.keys import key_by
from gateway.ratelimit.notation import parse_rates
from gateway.ratelimit.rate import Rate, period
from gateway.ratelimit.store import Demand, Limit


class Rule(NamedTuple):
    """``rates``: as in the settings. ``by``: identity, address, route or header:NAME."""

    name: str
    rates: str
    by: str


class Rules:
    """The rules for the requests of one route. ``limits``: all of them, as demands name them."""

    def __init__(self, rules: Iterable[Rule], *, scope: str = "") -> None:
        """``scope``: rules with another one count apart."""
        names = _Names()
        self._compiled = []
        for rule in rules:
            name = names.free(rule.name or rule.by.removeprefix("header:").lower())
            rates = parse_rates(rule.rates)
            endings = [f"-{period(rate.window)}".replace(" ", "-") for rate in rates]
            limits = tuple(
                Limit.of(names.free(name + ending) if len(rates) > 1 else name, rate)
                for rate, ending in zip(rates, endings, strict=True)
            )
            begin = f"{scope}\0{name}\0{rule.by}\0".encode()
            self._compiled.append((begin, key_by(rule.by), limits))
        self._settle()

    def _settle(self) -> None:
        self.limits = tuple(limit for _, _, limits in self._compiled for limit in limits)
        self.policy = ", ".join(_policy(limit.name, limit.rate) for limit in self.limits)

    def with_all(self, others: Iterable[Rules]) -> Rules:
        """The rules of several routes together, for a request that may be any of theirs."""
        joined, names = Rules(()), _Names()
        for rules in (self, *others):
            for begin, key, limits in rules._compiled:
                named = tuple(limit._replace(name=names.free(limit.name)) for limit in limits)
                joined._compiled.append((begin, key, named))
        joined._settle()
        return joined

    def demands(self, environ: Mapping[str, Any], exchange: Exchange) -> list[Demand]:
        """What a request asks for."""
        return [
            Demand(begin + key(environ, exchange), limits) for begin, key, limits in self._compiled
        ]

    def __repr__(self) -> str:
        return f"<Rules {self.policy}>"


class _Names:
    """Policy names: RateLimit must not say the same one twice for different limits."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def free(self, wish: str) -> str:
        number, name = 1, wish
        while name in self._taken:
            number += 1
            name = f"{wish}-{number}"
        self._taken.add(name)
        return name


def _policy(name: str, rate: Rate) -> str:
    """A Quota Policy Item (draft-ietf-httpapi-ratelimit-headers-11 section 3.1)."""
    burst = "" if rate.burst == rate.count else f";gateway-burst={rate.burst}"
    return f'"{name}";q={rate.count};w={rate.window}{burst}'


def service_limit(limit: Limit, debt: int) -> str:
    """A Service Limit Item (section 4.1)."""
    left, seconds = limit.rate.standing(debt)
    return f'"{limit.name}";r={left};t={seconds}'
