"""Requests for the rules, and what became of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from gateway.coding import Limits
from gateway.validation.bodies import JsonBodies
from gateway.validation.json_text import JsonText
from gateway.validation.rejection import Rejected
from gateway.validation.rules import Check

JSON = ("Content-Type", "application/json")


@dataclass(frozen=True)
class Request:
    """A ``Message``."""

    method: str = "GET"
    target: str = "/"
    fields: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


def post(body: bytes, *fields: tuple[str, str], target: str = "/", method: str = "POST") -> Request:
    """A request with a JSON body, if no fields say otherwise."""
    return Request(method, target, fields or (JSON,), body)


def bodies(max_size: int = 10_000, max_depth: int = 8, max_ratio: int = 100) -> JsonBodies:
    return JsonBodies(Limits(max_size, max_ratio), JsonText(max_depth))


def rejected(check: Check, request: Request) -> Rejected:
    """How a request is rejected, which it must be."""
    with pytest.raises(Rejected) as caught:
        check.check(request)
    return caught.value


def outcome(check: Check, request: Request) -> tuple[str, int] | None:
    """The reason and the status of a request that is rejected; None if it passes."""
    try:
        check.check(request)
    except Rejected as rejection:
        return rejection.reason.value, rejection.refusal.status
    return None


def errors(rejection: Rejected) -> list[dict[str, Any]]:
    """The errors in the problem document."""
    listed: Any = rejection.refusal.members["errors"]
    return list(listed)
