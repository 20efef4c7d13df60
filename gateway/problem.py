"""Refusals as ``application/problem+json`` (RFC 9457)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from email.utils import formatdate
from typing import TYPE_CHECKING

from gateway.errors import Refusal

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse


def problem_body(refusal: Refusal, request_id: str) -> bytes:
    """The JSON document: type, title, status, detail, the request id, and what else it says."""
    document = {
        "type": "about:blank",
        "title": refusal.title,
        "status": refusal.status,
        "detail": refusal.detail,
        "request_id": request_id,
        **refusal.members,
    }
    return json.dumps(document).encode() + b"\n"


def answer_with_problem(
    refusal: Refusal, request_id: str, start_response: StartResponse
) -> Iterable[bytes]:
    """Answer the client with the refusal."""
    body = problem_body(refusal, request_id)
    fields = [
        ("Content-Type", "application/problem+json"),
        ("Content-Length", str(len(body))),
        ("Cache-Control", "no-store"),
        ("Date", formatdate(usegmt=True)),
        *refusal.headers,
    ]
    start_response(f"{refusal.status} {refusal.title}", fields)
    return [body]
