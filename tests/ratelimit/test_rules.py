"""Rules, compiled: names, what is announced, what is demanded."""

from __future__ import annotations

import re

import pytest

from gateway.exchange import Exchange
from gateway.ratelimit.rate import SECOND
from gateway.ratelimit.rules import Rule, Rules, service_limit

# RFC 8941 section 3: a list of strings, each with parameters of small numbers.
_LIST = re.compile(r'"[!#-\[\]-~]+"(?:;[a-z][a-z-]*=\d{1,15})+(?:, (?="))?')

NAMES = {
    "alone": ([Rule("", "5/s", "identity")], ["identity"]),
    "header": ([Rule("", "5/s", "header:X-Tenant")], ["x-tenant"]),
    "named": ([Rule("Login", "5/s", "address")], ["Login"]),
    "several-rates": (
        [Rule("api", "100/minute; 10/second; 9/15 min", "address")],
        ["api-minute", "api-second", "api-15-minutes"],
    ),
    "same-period": ([Rule("", "9/s; 5/s burst 20", "route")], ["route-second", "route-second-2"]),
    "same-word": ([Rule("", "9/s", "route"), Rule("", "5/m", "route")], ["route", "route-2"]),
}


@pytest.mark.parametrize(("rules", "names"), NAMES.values(), ids=NAMES)
def test_every_limit_has_a_name_of_its_own(rules: list[Rule], names: list[str]) -> None:
    """So that a client can tell which one it is over."""
    compiled = Rules(rules)
    assert [limit.name for limit in compiled.limits] == names
    assert "".join(m[0] for m in _LIST.finditer(compiled.policy)) == compiled.policy


def test_policies_are_announced_as_the_draft_says() -> None:
    """Quota and window of each; what the draft has no word for has ours before it."""
    rules = Rules([Rule("", "100/minute; 10/second; burst 20", "identity")])
    assert rules.policy == (
        '"identity-minute";q=100;w=60, "identity-second";q=10;w=1;gateway-burst=20'
    )


def test_what_is_left_is_announced_with_the_time_it_is_for() -> None:
    """All of it at once, or spread over that time."""
    (limit,) = Rules([Rule("", "100/minute", "identity")]).limits
    assert service_limit(limit, 0) == '"identity";r=100;t=60'
    assert service_limit(limit, 30 * SECOND) == '"identity";r=50;t=30'
    assert service_limit(limit, 60 * SECOND) == '"identity";r=0;t=1'


def test_demands_are_apart_by_scope_rule_and_key() -> None:
    """What counts for one must not count for another."""
    exchange = Exchange("id", 0.0)
    keys = [
        demand.key
        for rules in (
            Rules([Rule("", "5/s", "identity"), Rule("", "5/s", "address")]),
            Rules([Rule("", "5/s", "identity"), Rule("other", "5/s", "identity")], scope="/a"),
        )
        for address in ("192.0.2.1", "192.0.2.2")
        for demand in rules.demands({"REMOTE_ADDR": address}, exchange)
    ]
    assert len(set(keys)) == len(keys) == 8


def test_the_same_settings_make_the_same_demands() -> None:
    """A reload must not begin to count anew."""
    exchange = Exchange("id", 0.0)
    rules = [Rule("", "100/minute; 10/second", "identity")]
    one, other = (Rules(rules, scope="s").demands({}, exchange) for _ in range(2))
    assert one == other


def test_without_rules_nothing_is_limited() -> None:
    """What a route says with an empty list."""
    assert Rules([]).limits == ()
