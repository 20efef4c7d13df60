"""Exchanges with a verdict, as the comparison would tell of them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from gateway.compare.answer import Answer
from gateway.compare.verdict import Comparison, Difference, Drift, Judged, Kind, Part, Verdict
from gateway.shadow.copy import Copy

# A time in the middle of a day, an hour and a minute: 2026-06-15 12:30:30 UTC.
NOON = 1781526630.0


def difference(
    pattern: str = "/lines/*/tax", live: Any = Decimal("1.10"), shadow: Any = Decimal("1.11")
) -> Difference:
    pointer = pattern.replace("*", "0")
    return Difference(Part.BODY, Kind.VALUE, pointer, pattern, live, shadow)


def cent(amount: str = "1", currency: str = "EUR") -> Drift:
    return Drift("/total", currency, Decimal(amount))


def answer(status: int = 200, body: bytes = b'{"total": 1}', seconds: float = 0.01) -> Answer:
    return Answer(status, (("Content-Type", "application/json"),), body, len(body), seconds)


def judged(
    verdict: Verdict = Verdict.MATCH,
    *,
    differences: Sequence[Difference] = (),
    drift: Sequence[Drift] = (),
    ignored: int = 0,
    reason: str = "",
    shadow: str = "next",
    route: str = "/invoices",
    at: float = NOON,
    request_id: str = "r1",
    method: str = "POST",
    target: str = "/invoices?page=1",
    body: bytes = b'{"amount": 1, "currency": "EUR"}',
    live: Answer | None = answer(),
    shadows: Answer | None = answer(seconds=0.02),
) -> Judged:
    if differences and verdict is Verdict.MATCH:
        verdict = Verdict(differences[0].part.value)
    request = Copy(request_id, method, target, (("Host", "billing.test"),), body, bool(body))
    comparison = Comparison(verdict, reason, tuple(differences), ignored, tuple(drift))
    return Judged(shadow, request, route, at, live, shadows, comparison)


def failed(reason: str = "connect", **more: Any) -> Judged:
    return judged(Verdict.SHADOW_FAILED, reason=reason, shadows=None, **more)
