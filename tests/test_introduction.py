"""What is known of a request before anything is done with it."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.exchange import Exchange
from gateway.introduction import DEFAULT_ROUTE, Introduction

ROUTES = [
    ("/invoices", (), "billing"),
    ("/invoices/*/pdf", ("GET",), ""),
    ("/reports", ("GET",), "reports"),
]


def environ(target: str, method: str = "GET", **more: Any) -> dict[str, Any]:
    return {"REQUEST_METHOD": method, "RAW_URI": target, "REMOTE_ADDR": "10.0.0.1", **more}


@pytest.mark.parametrize(
    ("method", "target", "route"),
    [
        pytest.param("GET", "/invoices/7?x=/reports", "billing", id="named"),
        pytest.param("GET", "/invoices/7/pdf", "/invoices/*/pdf", id="unnamed"),
        pytest.param("POST", "/invoices/7/pdf", "billing", id="less-specific"),
        pytest.param("POST", "/reports", DEFAULT_ROUTE, id="another-method"),
        pytest.param("GET", "/", DEFAULT_ROUTE, id="none"),
        pytest.param("GET", "http://h/reports", "reports", id="absolute-form"),
        pytest.param("OPTIONS", "*", DEFAULT_ROUTE, id="asterisk"),
        pytest.param("GET", "nonsense \0", DEFAULT_ROUTE, id="not-a-target"),
    ],
)
def test_the_route_is_the_name_of_the_most_specific_one(
    method: str, target: str, route: str
) -> None:
    """Its path where it has none; always one of a bounded set."""
    assert Introduction(ROUTES)(environ(target, method)).route == route


def test_without_routes_there_is_one() -> None:
    """And no target is looked at for it."""
    assert Introduction()({"REQUEST_METHOD": "GET"}).route == DEFAULT_ROUTE


def test_the_client_is_found_behind_trusted_proxies() -> None:
    """And nowhere else."""
    told = environ("/", HTTP_X_FORWARDED_FOR="192.0.2.1")
    assert Introduction(trusted_proxies=["10.0.0.0/8"])(dict(told)).client == "192.0.2.1"
    assert Introduction()(dict(told)).client == "10.0.0.1"


def test_the_id_is_taken_from_where_the_settings_say() -> None:
    """It is that of the exchange everybody else finds."""
    told = environ("/", HTTP_X_REQUEST_ID="abc")
    exchange = Introduction()(told)
    assert exchange is Exchange.of(told)
    assert exchange.id == "abc"
    assert Introduction(id_from=())(environ("/", HTTP_X_REQUEST_ID="abc")).id != "abc"


def test_the_repr_says_who_is_trusted() -> None:
    """The debugging interface."""
    assert repr(Introduction()) == "<Introduction <ClientAddresses trusting nobody>>"
