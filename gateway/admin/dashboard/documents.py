"""Kept exchanges as JSON documents. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec

from gateway.admin.dashboard.replaying import Replayed
from gateway.compare.answer import Answer
from gateway.compare.verdict import Comparison, Difference, Judged
from gateway.store.values import Example
from gateway.traffic.text import Texted

_DEEPEST = 100


def example_document(example: Example) -> dict[str, Any]:
    """One example in full."""
    return {**msgspec.to_builtins(example.head), **judged_document(example.judged)}


def replayed_document(replayed: Replayed, groups: Sequence[str], group: str) -> dict[str, Any]:
    """``group``: whose example it is; ``groups``: those that the new answer belongs to."""
    return {
        "still": group in groups,
        "groups": list(groups),
        "failure": replayed.failure,
        "left_out": list(replayed.left_out),
        **judged_document(replayed.judged),
    }


def judged_document(judged: Judged) -> dict[str, Any]:
    """One exchange."""
    request = judged.request
    return {
        "shadow": judged.shadow,
        "route": judged.route,
        "at": judged.at,
        "request": {
            "id": request.request_id,
            "method": request.method,
            "target": request.target,
            "fields": request.fields,
            "body": _body(request.body),
        },
        "live": _answer(judged.live),
        "answer": _answer(judged.answer),
        "comparison": _comparison(judged.comparison),
    }


def _answer(answer: Answer | None) -> dict[str, Any] | None:
    if answer is None:
        return None
    return {
        "status": answer.status,
        "fields": answer.fields,
        "body": None if answer.body is None else _body(answer.body),
        "size": answer.size,
        "seconds": answer.seconds,
        "digest": answer.digest.hex() if answer.digest else None,
    }


def _body(data: bytes) -> dict[str, str]:
    text, encoded = Texted.of(data)
    return {"base64" if encoded else "text": text}


def _comparison(comparison: Comparison) -> dict[str, Any]:
    return {
        "verdict": comparison.verdict.value,
        "counts_as": comparison.counts_as.value,
        "reason": comparison.reason,
        "ignored": comparison.ignored,
        "differences": [_difference(each) for each in comparison.differences],
        "drift": [
            {"pointer": d.pointer, "currency": d.currency, "minor_units": str(d.minor_units)}
            for d in comparison.drift
        ],
    }


def _difference(difference: Difference) -> dict[str, Any]:
    told = difference._asdict()
    told |= {"part": difference.part.value, "kind": difference.kind.value}
    return told | {side: _plain(told[side]) for side in ("live", "shadow")}


def _plain(value: Any, depth: int = 0) -> Any:
    """Exact numbers have no JSON of their own that everybody reads alike: as texts."""
    if isinstance(value, Decimal):
        return str(value)
    if depth < _DEEPEST and isinstance(value, dict):
        return {str(name): _plain(item, depth + 1) for name, item in value.items()}
    if depth < _DEEPEST and isinstance(value, (list, tuple)):
        return [_plain(item, depth + 1) for item in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return str(value)
