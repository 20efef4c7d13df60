"""Answers of the admin listener: JSON, problems, and what every one of them says to browsers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec
from werkzeug.exceptions import HTTPException, UnsupportedMediaType
from werkzeug.wrappers import Request, Response

# Pages have one script, one stylesheet and no more; nothing is loaded from elsewhere.
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
_FIELDS = MappingProxyType(
    {
        "Content-Security-Policy": _POLICY,
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
    }
)


def json_answer(value: Any, status: int = 200) -> Response:
    """Any value: structs, tuples, dictionaries."""
    # Not msgspec's encoder: texts may have lone surrogates, which have no UTF-8.
    text = json.dumps(msgspec.to_builtins(value, str_keys=True))
    return Response(text + "\n", status, content_type="application/json")


def problem(error: HTTPException, **members: object) -> Response:
    """An error as RFC 9457 has it. ``members``: more of it."""
    status = error.code or 500
    document: dict[str, object] = {"type": "about:blank", "title": error.name, "status": status}
    if error.description:
        document["detail"] = error.description
    response = json_answer({**document, **members}, status)
    response.content_type = "application/problem+json"
    for name, value in getattr(error, "fields", ()):
        response.headers.add(name, value)
    return response


def require_json(request: Request) -> None:
    """A page elsewhere can make a browser post a form, but not this type unasked."""
    if request.mimetype != "application/json":
        raise UnsupportedMediaType("Send application/json.")


def secured(response: Response, fields: Mapping[str, str] = _FIELDS) -> Response:
    """With what keeps browsers from doing more with it than we meant."""
    for name, value in fields.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Cache-Control", "no-store")
    return response
