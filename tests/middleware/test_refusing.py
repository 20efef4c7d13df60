"""Refusing in a middleware."""

from __future__ import annotations

import json
from typing import Any

from gateway.errors import MethodNotAllowed
from gateway.exchange import Exchange, Refused
from gateway.middleware.refusing import refuse


def test_a_refusal_is_answered_and_noted_with_who_refused_and_why() -> None:
    """Status, problem document and own fields for the client; middleware and reason for us."""
    environ: dict[str, Any] = {"REQUEST_METHOD": "PUT", "PATH_INFO": "/"}
    started: list[Any] = []
    refusal = MethodNotAllowed("PUT is not allowed here.", headers=[("Allow", "GET")])
    answer = refuse(
        environ,
        lambda *args: started.append(args),  # type: ignore[arg-type,func-returns-value]
        refusal,
        middleware="validation",
        reason="method",
    )
    document = json.loads(b"".join(answer))
    [(status, fields)] = started
    exchange = Exchange.of(environ)
    assert status == "405 Method Not Allowed"
    assert ("Allow", "GET") in fields
    assert document["request_id"] == exchange.id
    assert exchange.refused == Refused("validation", "method")
    assert exchange.status == 405
