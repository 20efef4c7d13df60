"""What of a kept exchange is not what it was: places where a digest stands for a value.

A leaf. See ``compare.digests`` for what stands there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from gateway.headers import Field
from gateway.shadow.copy import Copy

_DIGEST = re.compile(r"redacted:[a-z]+:[0-9]+:[0-9a-f]{16}")
_DIGEST_BYTES = re.compile(_DIGEST.pattern.encode())
_DEEPEST = 100
_LONGEST = 64


def in_field(field: Field) -> bool:
    """Whether a field's value, or a part of it, was redacted."""
    return _DIGEST.search(field[1]) is not None


def in_value(value: Any, depth: int = 0) -> bool:
    """Whether anything in a JSON value was redacted."""
    if isinstance(value, str):
        return _DIGEST.search(value) is not None
    if depth > _DEEPEST:
        return False
    if isinstance(value, dict):
        return any(in_value(each, depth + 1) for each in value.values())
    return isinstance(value, (list, tuple)) and any(in_value(each, depth + 1) for each in value)


def not_sendable(request: Copy) -> str:
    """Why there is no use in sending it: "" where there may be."""
    if _DIGEST.search(request.target):
        return "its target has redacted values"
    hidden = len(request.body) < _LONGEST and _DIGEST_BYTES.fullmatch(request.body)
    return "its whole body was redacted" if hidden else ""


def missing_from(request: Copy) -> list[str]:
    """What of a request is not as it was, in words. Header fields are apart."""
    found = []
    if _DIGEST.search(request.target):
        found.append("its target")
    if _DIGEST_BYTES.search(request.body):
        found.append("its body")
    return found


def fields_of(fields: Iterable[Field]) -> list[str]:
    """Names of the fields whose values were redacted."""
    return [name for name, value in fields if in_field((name, value))]
